"""How well a network classifies, as numbers: from its scores and the true labels alone."""

import numpy as np

from alexnet_flowers.errors import DataError


def check_finite(answers, checkpoint_path):
    """Raises ``DataError`` for answers of a checkpoint's network that are NaN or infinite."""
    if not np.isfinite(answers).all():
        raise DataError(
            "%s: its network answers with NaN or infinite numbers; take an earlier checkpoint"
            % checkpoint_path
        )


def confusion_matrix(labels, predicted, num_classes):
    """Returns how often each class (row) was taken for each (column), int64 [classes, classes].

    Args:
      labels: int [n], the true class ids.
      predicted: int [n].
      num_classes: int.
    """
    confusion = np.zeros([num_classes] * 2, np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    return confusion


def accuracy(confusion):
    """Returns the share of a confusion matrix's photos that are right, a float."""
    return np.trace(confusion) / float(confusion.sum())


def per_class(confusion, class_names):
    """Returns precision, recall and number of photos of each class.

    Args:
      confusion: int [classes, classes], as of ``confusion_matrix``.
      class_names: list of str.

    Returns:
      A dict of class name to a dict of ``precision``, ``recall`` (float, or None where there is
      nothing to divide by) and ``num_images`` (int).
    """
    right, true, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    return {
        name: {
            "precision": _ratio(right[label], predicted[label]),
            "recall": _ratio(right[label], true[label]),
            "num_images": int(true[label]),
        }
        for label, name in enumerate(class_names)
    }


def figures(log_probabilities, labels, class_names):
    """Returns how well photos of known classes are classified.

    Args:
      log_probabilities: float [n, classes].
      labels: int [n].
      class_names: list of str, by id.

    Returns:
      A dict that JSON can hold: ``num_images``, ``accuracy``, ``recall_at_2``, ``cross_entropy``,
      ``per_class``, ``confusion_matrix`` (rows: true classes, columns: predicted ones) and
      ``classes``, the names of its rows: JSON's objects, such as ``per_class``, have no order.
    """
    confusion = confusion_matrix(labels, log_probabilities.argmax(1), len(class_names))
    return {
        "num_images": len(labels),
        "accuracy": accuracy(confusion),
        "recall_at_2": float(is_among_best(log_probabilities, labels, 2).mean()),
        "cross_entropy": cross_entropy(log_probabilities, labels),
        "per_class": per_class(confusion, class_names),
        "confusion_matrix": confusion.tolist(),
        "classes": list(class_names),
    }


def worst_classes(per_class, count):
    """Returns the names of the classes of the lowest recall, the worst first.

    Of equal ones that with more photos comes first. Classes without photos are left out.

    Args:
      per_class: what ``per_class`` returns.
      count: int, how many at most.
    """
    measured = [name for name, one in per_class.items() if one["recall"] is not None]
    measured.sort(key=lambda name: (per_class[name]["recall"], -per_class[name]["num_images"]))
    return measured[:count]


def commonest_confusions(confusion, count):
    """Returns which classes were taken for which others most often, the commonest first.

    Args:
      confusion: int [classes, classes], as of ``confusion_matrix``.
      count: int, how many at most.

    Returns:
      A list of (true class id, predicted class id, number of photos above 0).
    """
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    ordered = np.argsort(-wrong, axis=None, kind="mergesort")[:count]  # Stable in every numpy.
    pairs = zip(*np.unravel_index(ordered, wrong.shape))
    return [(int(t), int(p), int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def is_among_best(scores, labels, k):
    """Returns bool [n], whether fewer than ``k`` classes score higher than a photo's true one.

    So equal scores count as in ``tf.nn.in_top_k``.

    Args:
      scores: float [n, classes].
      labels: int [n].
      k: int.
    """
    return (scores > _of_true_class(scores, labels)[:, np.newaxis]).sum(1) < k


def cross_entropy(log_probabilities, labels):
    """Returns the mean cross entropy, in nats, a float.

    Args:
      log_probabilities: float [n, classes].
      labels: int [n].
    """
    return float(-_of_true_class(log_probabilities, labels).mean(dtype=np.float64))


def _of_true_class(values, labels):
    return values[np.arange(len(labels)), labels]


def _ratio(part, whole):
    return part / float(whole) if whole else None
