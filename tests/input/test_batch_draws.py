"""Draws of a batch are distributed as those of ``preprocessing.draw``."""

import collections

import gpus
import numpy as np
import pytest

from alexnet_flowers.input import batch_draws, preprocessing
from alexnet_flowers.tf1 import tf


def of_batches(height, width, count, min_crop_area=preprocessing.MIN_CROP_AREA, seed=(1, 2)):
    """Returns a ``Draw`` of arrays."""
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        sides = [tf.fill([count], float(side)) for side in (height, width)]
        return session.run(
            batch_draws.draw(*sides, seed=tf.constant(seed, tf.int64), min_crop_area=min_crop_area)
        )


def boxes_of_single_photos(height, width, count, min_crop_area=preprocessing.MIN_CROP_AREA):
    """Returns count boxes of ``preprocessing.draw``, (top, left, height, width) each."""
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        tf.set_random_seed(3)
        shape = tf.constant([height, width, 3])

        def box(_):
            drawn = preprocessing.draw(shape, min_crop_area)
            return tf.stack(drawn.begin + drawn.size)

        return session.run(tf.map_fn(box, tf.range(count)))


def boxes(drawn):
    return np.stack(drawn.begin + drawn.size, axis=1).astype(int)


@pytest.mark.parametrize(
    "height, width, min_crop_area",
    [(5, 6, 0.05), (7, 4, 0.05), (3, 11, 0.05), (12, 3, 0.05), (6, 6, 0.6), (1, 1, 0.05)],
)
def test_every_box_of_a_tiny_photo_is_as_frequent(height, width, min_crop_area):
    count = 20000
    ours = collections.Counter(map(tuple, boxes(of_batches(height, width, count, min_crop_area))))
    theirs = collections.Counter(
        map(tuple, boxes_of_single_photos(height, width, count, min_crop_area))
    )
    for box in set(ours) | set(theirs):
        a, b = ours[box], theirs[box]
        assert abs(a - b) <= 5 * np.sqrt(a + b) + 1, (box, a, b)  # Five standard deviations.


@pytest.mark.parametrize("height, width, min_crop_area", [(240, 320, 0.05), (333, 250, 0.5)])
def test_boxes_of_a_photo_have_the_same_quantiles(height, width, min_crop_area):
    count = 4000
    ours = boxes(of_batches(height, width, count, min_crop_area))
    theirs = boxes_of_single_photos(height, width, count, min_crop_area)
    assert (ours[:, :2] >= 0).all() and (ours[:, :2] + ours[:, 2:] <= [height, width]).all()
    areas = [x[:, 2] * x[:, 3] for x in (ours, theirs)]
    aspects = [x[:, 3] / x[:, 2].astype(float) for x in (ours, theirs)]
    for a, b in [areas, aspects] + list(zip(ours.T, theirs.T)):
        assert kolmogorov_smirnov(a, b) < 2.2 * np.sqrt(2.0 / count)  # p = 1e-4


def kolmogorov_smirnov(a, b):
    """Returns the largest difference of two samples' cumulative distributions."""
    at = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(x), at, "right") / len(x) for x in (a, b)]
    return np.abs(shares[0] - shares[1]).max()


def test_numbers_are_spread_as_the_reference_says():
    drawn = of_batches(120, 160, 8000)
    for name, low, high in (
        ("brightness", -32 / 255.0, 32 / 255.0),
        ("saturation", 0.5, 1.5),
        ("hue", -0.2, 0.2),
        ("contrast", 0.5, 1.5),
    ):
        values = getattr(drawn, name)
        uniform = np.linspace(low, high, len(values))
        assert low <= values.min() and values.max() <= high
        assert kolmogorov_smirnov(values, uniform) < 2.2 * np.sqrt(2.0 / len(values)), name
    for name, choices in (("flip", 2), ("ordering", 4), ("method", 4)):
        counts = np.bincount(getattr(drawn, name).astype(int), minlength=choices)
        assert len(counts) == choices and np.abs(counts / 8000.0 - 1.0 / choices).max() < 0.025
    table = np.stack([drawn.brightness, drawn.hue, drawn.flip, drawn.method, drawn.begin[0]])
    assert np.abs(np.corrcoef(table) - np.eye(5)).max() < 0.05  # Independent of each other.


def test_a_seed_decides_everything():
    first, again, other = (of_batches(50, 60, 9, seed=seed) for seed in [(7, 1), (7, 1), (7, 2)])
    for a, b in zip(first[2:], again[2:]):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(boxes(first), boxes(again))
    assert (first.brightness != other.brightness).all()
    assert len(set(first.brightness)) == 9
