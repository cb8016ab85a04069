"""Kernels and dead units against the checkpoint, and against units killed on purpose."""

import numpy as np
import pytest

from alexnet_flowers.data import photos
from alexnet_flowers.inference import dead_units, trained_network
from alexnet_flowers.pictures import diagrams, tiles
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints

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


def test_the_kernels_picture_has_the_checkpoints_values(network):
    reader = tf.train.NewCheckpointReader(checkpoints.newest(network.run.checkpoints_dir))
    weights = reader.get_tensor("alexnet_v2/conv1/weights")
    np.testing.assert_array_equal(network.kernels("conv1"), weights)
    picture = np.asarray(tiles.kernels(weights, scale=3)).astype(np.int64)
    columns = tiles.num_columns(64)
    assert columns == 8
    for unit in (0, 9, 63):
        top, left = (2 + (unit // columns) * 35, 2 + (unit % columns) * 35)
        tile = picture[top : top + 33 : 3, left : left + 33 : 3]
        expected = (weights[..., unit] / np.abs(weights).max() + 1) * 127.5
        assert np.abs(tile - expected).max() <= 0.5 + 1e-4
        assert (picture[top : top + 33, left + 33] == 255).all()  # The gap.


def test_the_bars_are_as_high_as_the_shares():
    layers = [dead_units.LayerUnits("conv1", 64, 16, 0.5), dead_units.LayerUnits("fc6", 10, 0, 0.9)]
    (axes,) = diagrams.dead_units(layers).axes
    assert [bar.get_height() for bar in axes.patches] == [25.0, 0.0]
    assert list(axes.lines[0].get_ydata()) == [50.0, 90.0]
    assert {"16 of 64", "0 of 10"} <= {text.get_text() for text in axes.texts}


def test_runs_have_their_bars_side_by_side():
    one = [dead_units.LayerUnits("conv1", 64, 16, 0.5), dead_units.LayerUnits("fc6", 10, 0, 0.9)]
    other = [dead_units.LayerUnits("conv1", 64, 64, 1), dead_units.LayerUnits("fc6", 10, 1, 0.9)]
    (axes,) = diagrams.dead_units_side_by_side({"a": one, "$b": other}).axes
    assert [bar.get_height() for bar in axes.patches] == [25, 0, 100, 10]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    np.testing.assert_allclose(middles, [-0.2, 0.8, 0.2, 1.2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "\\$b"]


def test_the_confusion_matrix_shows_counts_and_any_class_name():
    (axes, _) = diagrams.confusion_matrix([[3, 1], [0, 2]], ["$a_$b", "c"]).axes
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "2"]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    axes.figure.canvas.draw()
    many = diagrams.confusion_matrix(np.eye(31, dtype=int), ["c"] * 31).axes[0]
    assert not many.texts
    assert [text.get_text() for text in many.get_yticklabels()] == ["c"] * 31


def test_of_a_thousand_classes_the_confusion_matrix_names_ids():
    names = ["class %d" % label for label in range(1000)]
    figure = diagrams.confusion_matrix(np.eye(1000, dtype=int), names)
    figure.canvas.draw()
    axes = figure.axes[0]
    written = [text.get_text() for text in axes.get_yticklabels()]
    assert len(written) < 30 and not set(written) & set(names)
    assert axes.get_ylabel() == "true class (id)" and axes.get_xlabel() == "predicted class (id)"
