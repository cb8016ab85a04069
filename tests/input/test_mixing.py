"""Pixels show what was mixed with what, and the targets say how much of each photo is there."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.input import mixing
from alexnet_flowers.tf1 import tf

NUM_CLASSES = 5
LABELS = np.array([0, 1, 2, 3, 4, 0])
# One value an image, so that each pixel says where it comes from.
VALUES = np.array([-0.9, -0.5, -0.1, 0.3, 0.7, 0.9], np.float32)
LABELS_OF_OTHERS, OTHERS = LABELS[::-1], VALUES[::-1]


def draw(values=VALUES, labels=LABELS, size=(40, 30), **numbers):
    """The images and the targets that come of images with one value each."""
    with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
        tf.set_random_seed(3)
        images = np.broadcast_to(values[:, None, None, None], (len(values),) + size + (3,))
        mixed = mixing.mixed(tf.constant(images), tf.constant(labels), NUM_CLASSES, **numbers)
        found = session.run([tensor for tensor in mixed if tensor is not None])
    return found if len(found) == 2 else (found[0], None)


@pytest.fixture(scope="module")
def many():
    """The shares that stay with 4,000 tiny images' own labels, by mixup's parameter."""

    def shares(alpha):
        labels = np.repeat([0, 1], 2000)  # The other one's is never the own.
        values = labels.astype(np.float32)
        _, targets = draw(values, labels, size=(1, 1), mixup_alpha=alpha)
        return targets[np.arange(4000), labels]

    return {alpha: shares(alpha) for alpha in (0.01, 0.2, 1.0)}


def expected_targets(share):
    own, other = np.eye(NUM_CLASSES)[LABELS], np.eye(NUM_CLASSES)[LABELS_OF_OTHERS]
    return share[:, None] * own + (1 - share[:, None]) * other


def test_without_numbers_nothing_is_built():
    with tf.Graph().as_default() as graph:
        images, labels = tf.zeros([2, 4, 4, 3]), tf.zeros([2], tf.int64)
        count = len(graph.get_operations())
        assert mixing.mixed(images, labels, NUM_CLASSES) == (images, None)
        assert len(graph.get_operations()) == count


def test_mixup_adds_two_photos_and_their_labels_by_the_same_share():
    images, targets = draw(mixup_alpha=1.0)
    assert images.dtype == targets.dtype == np.float32
    share = (images[:, 0, 0, 0] - OTHERS) / (VALUES - OTHERS)
    np.testing.assert_allclose(images, images[:, :1, :1, :1] * np.ones_like(images))
    assert (share >= 0.5).all() and (share < 1).all() and len(set(share)) == len(share)
    np.testing.assert_allclose(targets, expected_targets(share), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_are_the_larger_parts_of_beta_draws(many, alpha):
    draws = np.random.RandomState(0).beta(alpha, alpha, 100000)
    quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
    expected = np.quantile(np.maximum(draws, 1 - draws), quantiles)
    np.testing.assert_allclose(np.quantile(many[alpha], quantiles), expected, atol=0.02)


def test_a_tiny_parameter_leaves_nearly_everything_and_no_nan(many):
    assert np.isfinite(many[0.01]).all() and np.median(many[0.01]) == 1
    # Where both draws are too small for float32, in a sixth of all, one of them is all there is.
    assert (many[0.01] < 0.75).mean() < 0.03


def test_cutmix_puts_in_a_box_and_its_area_decides_the_target():
    images, targets = draw(cutmix_alpha=1.0)
    is_own = images == VALUES[:, None, None, None]
    is_other = images == OTHERS[:, None, None, None]
    assert (is_own | is_other).all()
    share = is_own.mean((1, 2, 3))
    assert (share >= 0.5 - 0.05).all() and share.min() < 0.9  # A box ends between pixels.
    for picture in is_other[..., 0]:
        rows, columns = picture.any(1), picture.any(0)
        np.testing.assert_array_equal(picture, np.outer(rows, columns))
        for side in (rows, columns):  # Without a gap.
            assert np.abs(np.diff(side.astype(int))).sum() <= 2
    np.testing.assert_allclose(targets, expected_targets(share), atol=1e-5)


def test_cutmix_boxes_have_the_areas_that_are_drawn():
    values, labels = np.tile(VALUES, 100), np.tile(LABELS, 100)
    images, _ = draw(values, labels, (40, 40), cutmix_alpha=1.0)
    is_other = images[..., 0] != values[:, None, None]
    # Of boxes that end at no border; these are the smaller ones of 1 - share, which is uniform in
    # [0, 0.5], and squares.
    border = is_other[:, 0].any(1) | is_other[:, -1].any(1)
    border |= is_other[:, :, 0].any(1) | is_other[:, :, -1].any(1)
    rows, columns = is_other.any(2).sum(1)[~border], is_other.any(1).sum(1)[~border]
    assert np.abs(rows - columns).max() <= 1
    areas = is_other.mean((1, 2))[~border]
    assert 0.08 < np.median(areas) < 0.16 and areas.max() > 0.3


def test_with_both_each_photo_gets_one_of_them():
    values, labels = np.tile(VALUES, 50), np.tile(LABELS, 50)
    images, targets = draw(values, labels, (8, 8), mixup_alpha=1.0, cutmix_alpha=1.0)
    others = values[::-1]
    is_whole = np.isclose(images, values[:, None, None, None]).all((1, 2, 3))
    is_cut = (
        np.isclose(images, values[:, None, None, None])
        | np.isclose(images, others[:, None, None, None])
    ).all((1, 2, 3))
    assert 0.4 < (is_cut & ~is_whole).mean() < 0.6
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-5)


def test_a_box_of_noise_is_erased_in_the_share_that_is_asked_for():
    values, labels = np.tile(VALUES, 50), np.tile(LABELS, 50)
    images, targets = draw(values, labels, random_erasing=0.25)
    assert targets is None
    is_erased = images[..., 0] != values[:, None, None]
    share = is_erased.mean((1, 2))
    assert 0.17 < (share > 0).mean() < 0.33
    assert share[share > 0].min() > 0.01 and share.max() < 0.43
    for picture in is_erased:
        np.testing.assert_array_equal(picture, np.outer(picture.any(1), picture.any(0)))
    noise = images[is_erased]
    assert -1 <= noise.min() < -0.95 and 0.95 < noise.max() <= 1
    assert abs(noise.mean()) < 0.05 and len(np.unique(noise[:100])) == 300
    erased, _ = draw(random_erasing=1.0)
    assert (erased != VALUES[:, None, None, None]).any((1, 2, 3)).all()
