"""Where oneDNN computes, matrix products are what runs of fc6 to fc8, with the same results."""

import collections

import gpus
import numpy as np
import pytest

from alexnet_flowers.nets import alexnet_v2, matrix_products
from alexnet_flowers.tf1 import tf


@pytest.fixture
def with_onednn(monkeypatch):
    monkeypatch.setattr(matrix_products.runtime, "HAS_MKL", True)


def needed(tensor):
    """How often each type of operation has to run for a tensor."""
    nodes = tf.graph_util.extract_sub_graph(tensor.graph.as_graph_def(), [tensor.op.name]).node
    return collections.Counter(node.op for node in nodes)


def scores(batch_size=3):
    """The scores of drawn images of 195 px, before anything takes a place."""
    images = np.random.RandomState(1).uniform(-1, 1, [3, 195, 195, 3]).astype(np.float32)
    placed = tf.placeholder_with_default(images, [batch_size, 195, 195, 3])
    return alexnet_v2.alexnet_v2(placed, 5, is_training=False)[0]


@pytest.mark.parametrize("batch_size", [3, None])
def test_the_scores_are_those_of_the_convolutions(with_onednn, batch_size):
    found = []
    for takes_place in (False, True):
        with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
            tf.set_random_seed(4)
            logits = scores(batch_size)
            if takes_place:
                matrix_products.replace_convolutions()
                assert needed(logits)["MatMul"] == 3 and needed(logits)["Conv2D"] == 5
            session.run(tf.global_variables_initializer())
            found.append(session.run(logits))
    assert found[0].shape == (3, 5) and found[0].std() > 0
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6)


def test_what_the_layers_are_stays_in_the_graph_under_slims_names(with_onednn):
    with tf.Graph().as_default() as graph:
        scores()
        before = {op.name: op.type for op in graph.get_operations()}
        matrix_products.replace_convolutions()
        after = {op.name: op.type for op in graph.get_operations()}
    added = set(after) - set(before)
    assert {name: after[name] for name in before} == before
    assert {name.rpartition("/matrix_product/")[0] for name in added} == {
        "alexnet_v2/fc6",
        "alexnet_v2/fc7",
        "alexnet_v2/fc8",
    }


def test_gradients_stay_those_of_the_convolutions(with_onednn):
    found = []
    for takes_place in (False, True):
        with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
            tf.set_random_seed(4)
            gradients = tf.gradients(scores() * 10, tf.trainable_variables())
            if takes_place:
                matrix_products.replace_convolutions()
            session.run(tf.global_variables_initializer())
            found.append(session.run(gradients))
    assert len(found[0]) == 16
    for without, within in zip(*found):
        assert np.linalg.norm(within - without) <= 1e-5 * np.linalg.norm(without)


def test_other_convolutions_and_other_tensorflows_are_left_alone(with_onednn, monkeypatch):
    with tf.Graph().as_default() as graph:
        x = tf.zeros([2, 7, 7, 3])
        unknown = tf.placeholder(tf.float32, [None, None, None, 3])
        for picture, side, padding in [(x, 5, "VALID"), (x, 1, "SAME"), (x, 7, "SAME")]:
            tf.nn.relu(tf.nn.conv2d(picture, tf.zeros([side, side, 3, 4]), 1, padding))
        tf.nn.relu(tf.nn.conv2d(unknown, tf.zeros([7, 7, 3, 4]), 1, "VALID"))
        count = len(graph.get_operations())
        matrix_products.replace_convolutions()
        assert len(graph.get_operations()) == count
        scores()
        count = len(graph.get_operations())
        monkeypatch.setattr(matrix_products.runtime, "HAS_MKL", False)
        matrix_products.replace_convolutions()
        assert len(graph.get_operations()) == count
