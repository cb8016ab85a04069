"""What a training step runs, read from its graph."""

import re

import pytest

from alexnet_flowers import devices
from alexnet_flowers.distributed import cluster
from alexnet_flowers.nets import matrix_products
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import plan, training_graph
from alexnet_flowers.training.settings import Settings


def built(tiny_dataset, gradient_rules=None, **chosen):
    """The ``StepOps`` of a small training, in the default graph."""
    compute = devices.Compute(device="cpu", gradient_rules=gradient_rules)
    wanted = Settings(batch_size=4, image_size=195, **chosen)
    planned = plan.compute(tiny_dataset, wanted, plan.Options(compute=compute))
    return training_graph.build(planned, cluster.Alone())


def needed(tensor, fed=()):
    """The operations that have to run for a tensor where others are fed."""
    found, waiting = set(), [tensor.op]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += op.control_inputs
            waiting += [one.op for one in op.inputs if all(one is not other for other in fed)]
    return found


@pytest.mark.parametrize(
    "has_onednn, gradient_rules, layers", [(True, None, 3), (True, False, 0), (False, None, 0)]
)
def test_fully_connected_layers_are_matrix_products_with_onednn(
    monkeypatch, tiny_dataset, has_onednn, gradient_rules, layers
):
    monkeypatch.setattr(matrix_products.runtime, "HAS_MKL", has_onednn)
    with tf.Graph().as_default():
        ops = needed(built(tiny_dataset, gradient_rules).train_op)
    names = {op.name for op in ops}
    products = {name for name in names if re.match("alexnet_v2/fc./matrix_product/MatMul$", name)}
    convolutions = {name for name in names if re.match("alexnet_v2/fc./Conv2D$", name)}
    assert len(products) == layers and len(convolutions) == 3 - layers


MIXING = dict(mixup_alpha=0.2, cutmix_alpha=1.0, random_erasing=0.5)


def test_a_step_mixes_and_what_is_checked_between_steps_draws_nothing(tiny_dataset):
    with tf.Graph().as_default():
        ops = built(tiny_dataset, **MIXING)
        draws = {op for op in needed(ops.train_op) if op.type.startswith("Random")}
        of_mixing = {op for op in draws if op.name.startswith("input/mixing/")}
        # Which of both, two gamma draws for each, the box of cutmix and that of the noise.
        assert len(of_mixing) >= 12
        checked = needed(ops.is_finite, fed=list(ops.noise))
        assert not {op for op in checked if op.name.startswith("input/")}


@pytest.mark.parametrize("name", sorted(MIXING))
def test_each_way_of_mixing_is_in_the_graph_only_where_it_is_asked_for(tiny_dataset, name):
    with tf.Graph().as_default() as graph:
        built(tiny_dataset)
        assert not [op for op in graph.get_operations() if "mixing" in op.name]
    with tf.Graph().as_default():
        ops = built(tiny_dataset, **{name: MIXING[name]})
        assert [op for op in needed(ops.train_op) if op.name.startswith("input/mixing/")]
