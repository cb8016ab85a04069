"""Streaming means taken apart: the means of the steps between."""

import numpy as np

from alexnet_flowers.events import streaming
from alexnet_flowers.events.event_reader import Scalars


def test_the_means_between_points_are_those_of_the_batches():
    batches = np.random.RandomState(4).binomial(56, np.linspace(0.2, 0.95, 3000)) / 56.0
    # Points at uneven steps; after step 1500 the run was continued, and counted anew.
    steps = np.array([1, 79, 80, 400, 1500, 1501, 1700, 3000])
    starts = np.where(steps > 1500, 1500, 0)
    means = np.float32([batches[start:end].mean() for start, end in zip(starts, steps)])
    found = streaming.between_points(Scalars(steps, means.astype(float)))
    expected = [batches[a:b].mean() for a, b in zip(np.r_[0, steps[:-1]], steps)]
    np.testing.assert_allclose(found.values, expected, atol=2e-4)
    assert list(found.steps) == list(steps)


def test_nothing_of_nothing():
    empty = np.empty(0)
    assert len(streaming.between_points(Scalars(empty, empty)).values) == 0


def test_values_that_are_not_finite_are_no_warning(recwarn):
    scalars = Scalars(np.arange(1, 4), np.array([0.5, np.inf, np.inf]))
    streaming.between_points(scalars)
    assert not recwarn.list
