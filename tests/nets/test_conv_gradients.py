"""The rules give TensorFlow's own gradients, and none of its slow operations is left."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.nets import alexnet_v2, conv_gradients
from alexnet_flowers.tf1 import alexnet, runtime, slim, tf


def both(build, inputs, in_bfloat16=False):
    """The gradients of a random linear function of what ``build`` returns, by rules and without."""
    found = []
    for enabled in (True, False):
        with tf.Graph().as_default() as graph:
            placed = [tf.placeholder(tf.float32, value.shape) for value in inputs]
            with conv_gradients.rules(enabled, in_bfloat16):
                result = build(*placed)
            weights = np.random.RandomState(9).randn(*result.shape.as_list())
            grads = tf.gradients(tf.reduce_sum(result * weights.astype(np.float32)), placed)
            with gpus.cpu_session(graph) as session:
                found.append(session.run(grads, dict(zip(placed, inputs))))
    return zip(*found)


def close(ours, theirs, tolerance=1e-5):
    return np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs)


@pytest.mark.parametrize("in_bfloat16", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(
    "size, kernel, stride",
    [
        ((5, 5), (5, 5), 1),  # fc6
        ((1, 1), (1, 1), 1),  # fc7
        ((9, 7), (5, 5), 1),  # conv2
        ((6, 8), (3, 3), 1),  # conv3 to conv5
        ((23, 30), (11, 11), 4),  # conv1, with rows that no stride reaches
        ((8, 8), (4, 2), 1),  # even kernels: SAME pads one side more
        ((9, 11), (3, 3), 2),
        ((9, 11), (3, 2), (2, 3)),
        ((9, 11), (1, 1), 3),  # strides that skip pixels
        ((7, 6), (1, 1), 1),
    ],
)
def test_each_rule_against_tensorflow(batch_size, padding, size, kernel, stride, in_bfloat16):
    rng = np.random.RandomState(1)
    x = rng.randn(batch_size, *size, 3).astype(np.float32)
    w = rng.randn(*kernel, 3, 4).astype(np.float32)
    for ours, theirs in both(lambda x, w: tf.nn.conv2d(x, w, stride, padding), [x, w], in_bfloat16):
        assert ours.shape == theirs.shape and close(ours, theirs)


@pytest.mark.parametrize(
    "options", [{"dilations": 2, "padding": "VALID"}, {"padding": [[0, 0], [2, 1], [0, 3], [0, 0]]}]
)
def test_other_convolutions_keep_tensorflows_gradient(options):
    rng = np.random.RandomState(1)
    x, w = rng.randn(2, 9, 9, 3).astype(np.float32), rng.randn(3, 3, 3, 4).astype(np.float32)
    if "dilations" in options:
        # On a CPU TensorFlow 1.15 has no gradient for it; which one is built can be seen.
        with tf.Graph().as_default() as graph, conv_gradients.rules():
            a, b = tf.constant(x), tf.constant(w)
            tf.gradients(tf.nn.conv2d(a, b, 1, **options), [a, b])
            types = {op.type for op in graph.get_operations()}
        assert {"Conv2DBackpropInput", "Conv2DBackpropFilter"} <= types
        return
    for ours, theirs in both(lambda x, w: tf.nn.conv2d(x, w, 1, **options), [x, w]):
        np.testing.assert_array_equal(ours, theirs)


def test_against_the_numeric_gradient():
    rng = np.random.RandomState(2)
    for size, kernel, stride, padding in [
        ((5, 6), (3, 3), 1, "SAME"),
        ((7, 8), (3, 3), 2, "VALID"),
        ((3, 3), (3, 3), 1, "VALID"),
    ]:
        with tf.Graph().as_default(), gpus.cpu_session(), conv_gradients.rules():
            x = tf.constant(rng.randn(2, *size, 2))  # float64
            w = tf.constant(rng.randn(*kernel, 2, 3))
            y = tf.nn.conv2d(x, w, stride, padding)
            for variable in (x, w):
                error = tf.test.compute_gradient_error(
                    variable, variable.shape.as_list(), y, y.shape.as_list()
                )
                assert error < 1e-8


@pytest.mark.parametrize("image_size, batch_size", [(224, 4), (195, 2), (210, 3), (226, 1)])
def test_all_sixteen_gradients_of_the_network(image_size, batch_size):
    rng = np.random.RandomState(image_size)
    images = rng.uniform(-1, 1, [batch_size, image_size, image_size, 3]).astype(np.float32)
    labels = rng.randint(0, 5, batch_size)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(4)
        found = []
        for reuse, enabled in ((False, True), (True, False)):
            with tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
                logits, _ = alexnet_v2.alexnet_v2(
                    tf.constant(images), 5, is_training=False, use_gradient_rules=enabled
                )
            # Scores apart from each other, so that no layer's gradient is next to nothing.
            loss = tf.losses.sparse_softmax_cross_entropy(labels, logits * 10)
            found.append(tf.gradients(loss, slim.get_model_variables()))
        names = [variable.op.name for variable in slim.get_model_variables()]
        with gpus.cpu_session(graph) as session:
            session.run(tf.global_variables_initializer())
            ours, theirs = session.run(found)
    assert len(names) == 16
    for name, a, b in zip(names, ours, theirs):
        assert np.linalg.norm(b) > 0 and close(a, b), name


def test_no_slow_operation_is_left_in_the_backward_pass():
    def backward_types(enabled, in_bfloat16=False):
        with tf.Graph().as_default() as graph:
            images = tf.placeholder(tf.float32, [4, 224, 224, 3])
            logits, _ = alexnet_v2.alexnet_v2(
                images, 5, True, use_gradient_rules=enabled, rules_for_bfloat16=in_bfloat16
            )
            found = tf.gradients(logits, tf.trainable_variables())
            # What has to run: the gradient of the images is in the graph, but nothing asks for it.
            needed = tf.graph_util.extract_sub_graph(
                graph.as_graph_def(), [gradient.op.name for gradient in found]
            )
            return [node.op for node in needed.node if node.name.startswith("gradients/")]

    fast, stock = backward_types(True), backward_types(False)
    assert stock.count("Conv2DBackpropFilter") == 8 and stock.count("Conv2DBackpropInput") == 7
    # In bfloat16 those of conv3 to conv5 are nine products each.
    in_bfloat16 = backward_types(True, in_bfloat16=True)
    assert in_bfloat16.count("MatMul") == fast.count("MatMul") + 27
    if runtime.HAS_MKL:
        assert in_bfloat16.count("Conv2DBackpropFilter") == 2
        assert fast.count("Conv2DBackpropFilter") == 5 and "Conv2DBackpropInput" not in fast
        return
    assert not {"Conv2DBackpropFilter", "Conv2DBackpropInput"} & set(fast)
    # Kernels of conv1 to conv5, inputs of conv2 to conv5; two products for each of fc6 to fc8.
    assert fast.count("Conv2D") == 9 and fast.count("MatMul") == 6


@pytest.mark.skipif(not runtime.HAS_MKL, reason="bfloat16 is oneDNN's")
def test_in_bfloat16_no_kernels_gradient_is_of_an_image_of_three_channels():
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [4, 224, 224, 3])
        logits, _ = alexnet_v2.alexnet_v2(images, 5, True, rules_for_bfloat16=True)
        tf.gradients(logits, tf.trainable_variables())
        left = [op for op in graph.get_operations() if op.type == "Conv2DBackpropFilter"]
    assert sorted(op.inputs[0].shape[3] for op in left) == [48, 64]  # Of conv1 and conv2.


def test_without_a_rule_the_graph_is_untouched():
    def definition(context):
        with tf.Graph().as_default() as graph, context():
            alexnet.alexnet_v2(tf.zeros([1, 224, 224, 3]), 5)
            return graph.as_graph_def()

    assert definition(lambda: conv_gradients.rules(False)) == definition(
        lambda: tf.name_scope(None)
    )


@pytest.mark.parametrize("in_bfloat16", [False, True])
def test_convolutions_name_the_rules_until_these_are_forgotten(in_bfloat16):
    with tf.Graph().as_default() as graph:
        alexnet_v2.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, True, rules_for_bfloat16=in_bfloat16)
        assert str(graph.as_graph_def()).count("AlexnetFlowers") == 8
        conv_gradients.forget_rules()
        assert "AlexnetFlowers" not in str(graph.as_graph_def())
