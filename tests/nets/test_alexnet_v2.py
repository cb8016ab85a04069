"""The network is slim's own, to the letter."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.errors import UsageError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import alexnet, slim, tf

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


@pytest.fixture(scope="module")
def built():
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [2, 224, 224, 3])
        logits, end_points = alexnet_v2.alexnet_v2(images, 5, is_training=True)
    return graph, logits, end_points


def test_variables_have_slims_names_and_shapes(built):
    with built[0].as_default():
        shapes = {v.op.name: v.shape.as_list() for v in slim.get_model_variables()}
    weights = {
        "conv1": [11, 11, 3, 64],
        "conv2": [5, 5, 64, 192],
        "conv3": [3, 3, 192, 384],
        "conv4": [3, 3, 384, 384],
        "conv5": [3, 3, 384, 256],
        "fc6": [5, 5, 256, 4096],
        "fc7": [1, 1, 4096, 4096],
        "fc8": [1, 1, 4096, 5],
    }
    expected = {}
    for layer in LAYERS:
        expected["alexnet_v2/%s/weights" % layer] = weights[layer]
        expected["alexnet_v2/%s/biases" % layer] = weights[layer][3:]
    assert shapes == expected
    assert sum(np.prod(shape) for shape in shapes.values()) == 46227397


def test_end_points_have_slims_names_and_shapes(built):
    _, logits, end_points = built
    shapes = {name: tensor.shape.as_list() for name, tensor in end_points.items()}
    assert shapes == {
        "alexnet_v2/conv1": [2, 54, 54, 64],
        "alexnet_v2/pool1": [2, 26, 26, 64],
        "alexnet_v2/conv2": [2, 26, 26, 192],
        "alexnet_v2/pool2": [2, 12, 12, 192],
        "alexnet_v2/conv3": [2, 12, 12, 384],
        "alexnet_v2/conv4": [2, 12, 12, 384],
        "alexnet_v2/conv5": [2, 12, 12, 256],
        "alexnet_v2/pool5": [2, 5, 5, 256],
        "alexnet_v2/fc6": [2, 1, 1, 4096],
        "alexnet_v2/fc7": [2, 1, 1, 4096],
        "alexnet_v2/fc8": [2, 5],
    }
    assert logits is end_points["alexnet_v2/fc8"]


@pytest.mark.parametrize("use_arg_scope", [True, False])
def test_the_forward_graph_is_the_one_slim_builds_alone(use_arg_scope):
    def nodes(build):
        with tf.Graph().as_default() as graph:
            build(tf.placeholder(tf.float32, [2, 224, 224, 3]))
            definition = graph.as_graph_def()
        for node in definition.node:
            node.attr["_gradient_op_type"].Clear()  # All that the gradient rules leave there.
            del node.attr["_gradient_op_type"]
        return definition

    def alone(images):
        with slim.arg_scope(alexnet.alexnet_v2_arg_scope() if use_arg_scope else {}):
            alexnet.alexnet_v2(images, 5, is_training=True)

    def ours(images):
        alexnet_v2.alexnet_v2(images, 5, is_training=True, use_arg_scope=use_arg_scope)

    assert nodes(ours) == nodes(alone)


def test_the_arg_scope_decides_the_weight_decay_and_the_first_biases():
    def build(**options):
        with tf.Graph().as_default() as graph:
            alexnet_v2.alexnet_v2(tf.zeros([1, 224, 224, 3]), 5, is_training=True, **options)
            decays = tf.losses.get_regularization_losses()
            scales = {
                node.attr["value"].tensor.float_val[0]
                for node in graph.as_graph_def().node
                if node.name.endswith("l2_regularizer/scale")
            }
            first_bias = graph.get_tensor_by_name(
                "alexnet_v2/conv1/biases/Initializer/Const:0"
                if options.get("use_arg_scope", True)
                else "alexnet_v2/conv1/biases/Initializer/zeros:0"
            )
            with gpus.cpu_session() as session:
                return len(decays), scales, session.run(first_bias)[0]

    assert build() == (8, {np.float32(alexnet_v2.WEIGHT_DECAY)}, np.float32(0.1))
    assert build(weight_decay=0.25) == (8, {0.25}, np.float32(0.1))
    assert build(use_arg_scope=False) == (0, set(), 0)


@pytest.mark.parametrize("size", [195, 226])
def test_the_smallest_and_the_largest_image_give_one_row_of_scores(size):
    alexnet_v2.check_image_size(size)
    with tf.Graph().as_default():
        logits, _ = alexnet_v2.alexnet_v2(tf.zeros([3, size, size, 3]), 5, is_training=False)
        assert logits.shape.as_list() == [3, 5]


@pytest.mark.parametrize("size", [194, 227])
def test_other_image_sizes_are_refused_with_the_reason(size):
    with pytest.raises(UsageError, match="--image_size %d: .*195 to 226 px.*fc6" % size):
        alexnet_v2.check_image_size(size)
    with tf.Graph().as_default(), pytest.raises(ValueError):
        alexnet_v2.alexnet_v2(tf.zeros([1, size, size, 3]), 5, is_training=False)


def test_a_larger_image_gives_a_map_of_scores():
    with tf.Graph().as_default():
        scores, _ = alexnet_v2.alexnet_v2(
            tf.zeros([1, 288, 352, 3]), 5, is_training=False, spatial_squeeze=False
        )
        assert scores.shape.as_list() == [1, 3, 5, 5]
