"""Each number by hand, and against TensorFlow where it counts the same."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.evaluation import metrics
from alexnet_flowers.tf1 import tf

CONFUSION = np.array([[3, 1, 0], [2, 4, 0], [0, 0, 0]])


def test_the_confusion_matrix_counts_each_photo_in_the_row_of_its_class():
    found = metrics.confusion_matrix(np.array([0, 2, 2, 2]), np.array([0, 1, 1, 2]), 3)
    assert found.dtype == np.int64
    assert found.tolist() == [[1, 0, 0], [0, 0, 0], [0, 2, 1]]


def test_accuracy_is_the_share_of_the_diagonal():
    assert metrics.accuracy(CONFUSION) == 0.7


def test_precision_divides_by_what_was_predicted_and_recall_by_what_is():
    found = metrics.per_class(CONFUSION, ["a", "b", "none"])
    assert found == {
        "a": {"precision": 3 / 5, "recall": 3 / 4, "num_images": 4},
        "b": {"precision": 4 / 5, "recall": 4 / 6, "num_images": 6},
        "none": {"precision": None, "recall": None, "num_images": 0},
    }


def test_recall_at_k_counts_the_classes_that_score_higher():
    scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    labels = np.array([0, 1, 2, 0])
    assert [metrics.is_among_best(scores, labels, k).mean() for k in (1, 2, 3)] == [0.25, 0.5, 1.0]


def test_equal_scores_count_as_tensorflow_counts_them():
    logits = np.array([[1.0, 1.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    labels = np.array([2, 1, 2])
    with gpus.cpu_session() as session:
        expected = session.run(tf.nn.in_top_k(logits.astype(np.float32), labels, 2))
    assert list(metrics.is_among_best(logits, labels, 2)) == list(expected) == [True, True, False]


def test_cross_entropy_is_the_mean_of_what_the_true_class_is_given():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]], np.float32)
    found = metrics.cross_entropy(np.log(probabilities), np.array([0, 1]))
    assert isinstance(found, float)
    assert found == pytest.approx((np.log(2) + np.log(8)) / 2, rel=1e-6)


def test_cross_entropy_is_tensorflows():
    logits = np.random.RandomState(1).randn(20, 4).astype(np.float32) * 5
    labels = np.arange(20) % 4
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        losses, log_probabilities = session.run(
            (
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits),
                tf.nn.log_softmax(logits),
            )
        )
    found = metrics.cross_entropy(log_probabilities, labels)
    assert found == pytest.approx(losses.mean(), rel=1e-6)


def test_the_worst_classes_are_those_of_the_lowest_recall_with_the_most_photos():
    confusion = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 0]])
    per_class = metrics.per_class(confusion, ["a", "b", "unseen", "d"])
    assert metrics.worst_classes(per_class, 9) == ["d", "b", "a"]
    assert metrics.worst_classes(per_class, 1) == ["d"]


def test_the_commonest_confusions_leave_out_what_is_right():
    confusion = [[9, 1, 0], [3, 9, 0], [0, 2, 9]]
    assert metrics.commonest_confusions(confusion, 9) == [(1, 0, 3), (2, 1, 2), (0, 1, 1)]
    assert metrics.commonest_confusions(confusion, 2) == [(1, 0, 3), (2, 1, 2)]


def test_the_rows_of_the_matrix_have_names_in_their_order():
    figures = metrics.figures(
        np.log([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]), ["roses", "daisy"]
    )
    assert figures["classes"] == ["roses", "daisy"]  # JSON files are written sorted by key.
    assert figures["confusion_matrix"] == [[1, 0], [1, 0]]
