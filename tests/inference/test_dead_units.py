"""Dead units against units killed on purpose."""

import numpy as np
import pytest

from alexnet_flowers.data import photos
from alexnet_flowers.inference import dead_units, trained_network
from alexnet_flowers.tf1 import tf

KILLED = {"conv1": [0, 5, 63], "conv4": list(range(100)), "fc6": list(range(0, 4096, 2))}


@pytest.fixture(scope="module")
def validation(tiny_dataset):
    return photos.from_split(tiny_dataset, "validation")[0]


@pytest.fixture(scope="module")
def killed(random_run, tmp_path_factory):
    """The same network, but some units' biases are so low that they cannot fire."""
    path = str(tmp_path_factory.mktemp("killed") / "model.ckpt")
    with trained_network.TrainedNetwork(random_run, device="cpu") as network:
        with network.graph.as_default():
            variables = network.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)
            for variable in variables:
                layer = variable.op.name.split("/")[1]
                if variable.op.name.endswith("biases") and layer in KILLED:
                    biases = network.session.run(variable)
                    biases[KILLED[layer]] = -1e6
                    variable.load(biases, network.session)
            tf.train.Saver(variables).save(network.session, path, write_meta_graph=False)
    with trained_network.TrainedNetwork(random_run, path, "cpu") as network:
        yield network


def test_units_killed_on_purpose_are_counted(network, killed, validation):
    before = {one.layer: one for one in dead_units.dead_units(network, validation)}
    after = {one.layer: one for one in dead_units.dead_units(killed, validation)}
    assert list(after) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert [one.num_units for one in after.values()] == [64, 192, 384, 384, 256, 4096, 4096]
    for layer, units in KILLED.items():
        largest = _largest(network, validation, layer)
        alive = set(np.flatnonzero(largest > 0)) if layer == "conv1" else None
        if alive is not None:  # Nothing before conv1 has changed: the count is known exactly.
            assert after[layer].num_dead == len(set(range(64)) - (alive - set(units)))
        assert after[layer].num_dead >= len(units)
        assert before[layer].num_dead < after[layer].num_dead
        assert after[layer].num_dead == (_largest(killed, validation, layer) <= 0).sum()


def _largest(network, shown, layer):
    ((_, batch),) = network.ask(shown, {"values": network.end_points[layer]})
    return batch["values"].max((0, 1, 2))


def test_batches_do_not_matter(network, validation, monkeypatch):
    together = dead_units.dead_units(network, validation)
    monkeypatch.setattr(trained_network, "BATCH_SIZE", 2)
    apart = dead_units.dead_units(network, validation)
    for one, other in zip(together, apart):
        assert one[:3] == other[:3]
        assert one.zeros == pytest.approx(other.zeros, abs=1e-6)


def test_the_share_of_zeros_is_that_of_the_values(network, validation):
    found = {one.layer: one for one in dead_units.dead_units(network, validation)}
    ((_, batch),) = network.ask(validation, {"values": network.end_points["conv3"]})
    assert found["conv3"].zeros == pytest.approx((batch["values"] == 0).mean(), abs=1e-6)
    assert "conv3     384" in dead_units.table(list(found.values()))
