"""The numbers of TensorBoard's views, against values by hand, numpy and TensorBoard itself."""

import event_files
import numpy as np
import pytest
from tensorboard.plugins.distribution import compressor

from alexnet_flowers.events import event_reader, tensorboard_views
from alexnet_flowers.events.tensorboard_views import PERCENTS


def test_smoothing_by_hand():
    smoothed = tensorboard_views.smoothed([4.0, 0.0, 2.0], 0.5)
    # Weights of 1/2, 1/4 and 1/8 from the newest on, divided by their sum.
    assert smoothed.tolist() == pytest.approx(
        [4.0, (4 / 4) / (3 / 4), (2 / 2 + 0 / 4 + 4 / 8) / (7 / 8)]
    )
    assert tensorboard_views.smoothed([3.0] * 4, 0.9).tolist() == pytest.approx([3.0] * 4)
    assert tensorboard_views.smoothed([1.0, 5.0], 0).tolist() == [1.0, 5.0]


def test_smoothing_passes_over_what_is_no_number():
    smoothed = tensorboard_views.smoothed([4.0, np.nan, 0.0, np.inf], 0.5)
    assert smoothed[[0, 2]].tolist() == pytest.approx([4.0, 4 / 3])
    assert np.isnan(smoothed[1]) and smoothed[3] == np.inf


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Some arrays, and the histograms that TensorFlow makes of them."""
    rng = np.random.RandomState(2)
    arrays = {
        "normal": rng.randn(3000),
        "rectified": np.maximum(0, rng.randn(3000)),
        "far": np.concatenate([rng.rand(500), 1000 + rng.rand(501)]),
        "few": [-0.003, 0.001, 0.002, 0.5, -0.4],
        "same": [0.1] * 7,
        "zero": [0.0] * 7,
    }
    folder = tmp_path_factory.mktemp("events")
    event_files.write(folder, None, {1: arrays})
    found = event_reader.read(str(folder)).histograms
    return {name: (np.float32(array), found[name][0]) for name, array in arrays.items()}


@pytest.mark.parametrize("name", ["normal", "rectified", "far", "few", "same", "zero"])
def test_percentiles_are_numpys_within_a_bucket(samples, name):
    array, histogram = samples[name]
    found = tensorboard_views.percentiles(histogram)
    assert (found[0], found[-1]) == (array.min(), array.max()) and (np.diff(found) >= 0).all()
    lower = np.percentile(array, PERCENTS, interpolation="lower")
    higher = np.percentile(array, PERCENTS, interpolation="higher")
    # A bucket is 10 % of its value wide.
    assert (found >= lower - 0.1 * np.abs(lower) - 1e-12).all()
    assert (found <= higher + 0.1 * np.abs(higher) + 1e-12).all()


@pytest.mark.parametrize("name", ["normal", "rectified", "far"])
def test_percentiles_are_tensorboards(samples, name):
    _, histogram = samples[name]
    buckets = np.stack([histogram.edges[:-1], histogram.edges[1:], histogram.counts], 1)
    points = [round(100 * percent) for percent in PERCENTS]
    theirs = compressor.compress_histogram(buckets, points)
    np.testing.assert_allclose(
        tensorboard_views.percentiles(histogram), [value for _, value in theirs], atol=1e-9
    )


def test_shares_are_numpys_within_a_bucket(samples):
    array, histogram = samples["normal"]
    edges = np.linspace(-5, 5, 26)
    shares = tensorboard_views.shares_between(histogram, edges)
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares, np.histogram(array, edges)[0] / 3000, atol=0.012)
    inner = tensorboard_views.shares_between(histogram, [-1.0, 0.0, 1.0])
    assert inner.sum() == pytest.approx((np.abs(array) < 1).mean(), abs=0.02)


@pytest.mark.parametrize("edges", [[0.1, 0.2, 0.3], [-1, 0, 0.1], [0, 0.05, 0.15, 1]])
def test_values_that_are_all_the_same_are_in_one_bin(samples, edges):
    shares = tensorboard_views.shares_between(samples["same"][1], np.float32(edges))
    assert sorted(shares) == [0] * (len(edges) - 2) + [1]


def test_evenly_spaced():
    assert tensorboard_views.evenly_spaced(3, 5).tolist() == [0, 1, 2]
    assert tensorboard_views.evenly_spaced(11, 3).tolist() == [0, 5, 10]
    assert len(set(tensorboard_views.evenly_spaced(1000, 200))) == 200
