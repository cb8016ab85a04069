"""A network computed in bfloat16 keeps slim's names, float32 variables and losses."""

import gpus
import numpy as np
import pytest

from alexnet_flowers import devices
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization

pytestmark = pytest.mark.skipif(
    tf.__version__.startswith("1."), reason="TensorFlow 1.15 trains in float32 only"
)
# What is computed in bfloat16, forward and backward.
LAYERS = {
    "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "BiasAdd", "BiasAddGrad", "MaxPool",
    "MaxPoolGrad", "Relu", "ReluGrad",
}  # fmt: skip


class Step:
    """The graph of a step, and what one session computes of it."""

    def __init__(self, in_bfloat16):
        images = np.random.RandomState(0).uniform(-1, 1, [4, 195, 195, 3]).astype(np.float32)
        with tf.Graph().as_default() as self.graph:
            tf.set_random_seed(4)
            logits, self.end_points = alexnet_v2.alexnet_v2(
                tf.constant(images), 5, True, 1.0, use_gradient_rules=False, in_bfloat16=in_bfloat16
            )  # fmt: skip
            self.logits = logits
            # Scores apart from each other, so that no layer's gradient is next to nothing.
            labels = tf.constant([0, 1, 2, 3], tf.int64)
            _, self.loss = optimization.losses(logits * 10, labels, 0.0)
            self.variables = slim.get_model_variables()
            self.regularization = tf.losses.get_regularization_losses()
            gradients = tf.gradients(self.loss, self.variables)
            self.dtypes = {tensor.dtype.base_dtype for tensor in gradients + self.variables}
            of_name = dict(
                zip([v.op.name[len("alexnet_v2/") :] for v in self.variables], gradients)
            )
            with tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as session:
                session.run(tf.global_variables_initializer())
                # The same weights in both, whatever the numbers of the operations.
                for variable in self.variables:
                    rng = np.random.RandomState(len(variable.op.name))
                    scale = 0.1 if "biases" in variable.op.name else 0.02
                    variable.load(rng.normal(0, scale, variable.shape), session)
                self.loss_value, self.penalties = session.run([self.loss, self.regularization])
                # One at a time: TensorFlow 2.20 on a CPU can crash where one run computes all
                # gradients in bfloat16; this is for GPUs.
                self.gradients = {
                    name: session.run(of_name[name], options=devices.one_by_one())
                    for name in ("conv1/weights", "conv4/biases", "fc6/weights", "fc8/weights")
                }


@pytest.fixture(scope="module")
def both():
    return Step(False), Step(True)


def test_names_are_those_of_float32(both):
    exact, rounded = both
    for names in (
        lambda step: [v.name for v in step.variables],
        lambda step: [loss.name for loss in step.regularization],
        lambda step: sorted(step.end_points),
        lambda step: {
            op.name for op in step.graph.get_operations()
            if op.type in ("Conv2D", "MaxPool", "Relu") and op.name.startswith("alexnet_v2/")
        },
    ):  # fmt: skip
        assert names(exact) == names(rounded) and names(exact)
    assert len(rounded.variables) == 16 and len(rounded.regularization) == 8


def test_layers_are_bfloat16_and_all_else_is_float32(both):
    _, rounded = both
    for op in rounded.graph.get_operations():
        if op.type in LAYERS:
            assert op.get_attr("T") == tf.bfloat16, op.name
    assert rounded.dtypes == {tf.float32}
    outside = [rounded.logits, rounded.loss] + rounded.regularization
    assert {tensor.dtype for tensor in outside + list(rounded.end_points.values())} == {tf.float32}


def test_weight_decay_is_that_of_the_variables_not_of_rounded_ones(both):
    np.testing.assert_allclose(both[1].penalties, both[0].penalties, rtol=1e-6)


@pytest.mark.parametrize("in_bfloat16", [False, True])
def test_clones_share_one_weight_decay(in_bfloat16):
    with tf.Graph().as_default():
        images = tf.zeros([2, 195, 195, 3])
        for number in range(2):
            with tf.variable_scope(tf.get_variable_scope(), reuse=number > 0 or None):
                alexnet_v2.alexnet_v2(images, 5, True, 1.0, in_bfloat16=in_bfloat16)
        assert len(tf.losses.get_regularization_losses()) == 8
        assert len(slim.get_model_variables()) == 16


def test_loss_and_gradients_are_near(both):
    exact, rounded = both
    assert rounded.loss_value != exact.loss_value  # Otherwise nothing was rounded.
    assert abs(rounded.loss_value - exact.loss_value) < 0.02 * exact.loss_value
    for name, gradient in exact.gradients.items():
        error = np.linalg.norm(rounded.gradients[name] - gradient) / np.linalg.norm(gradient)
        # 8 bits of mantissa, rounded anew in each layer on the way back.
        assert error < 0.35, (name, error)


def test_a_gpu_has_a_kernel_for_each_of_its_operations(both):
    """Where one had none, TensorFlow would compute it on the CPU without a word."""
    if not tf.test.is_built_with_cuda():
        pytest.skip("TensorFlow without GPU")
    rounded = [
        op for op in both[1].graph.get_operations()
        if any(tensor.dtype.base_dtype == tf.bfloat16 for tensor in list(op.inputs) + op.outputs)
    ]  # fmt: skip
    assert LAYERS < {op.type for op in rounded}
    assert not gpus.without_kernel(rounded)
