"""Streaming means taken apart: the means of the steps between."""

import numpy as np
import pytest

from alexnet_flowers.events import streaming
from alexnet_flowers.events.event_reader import Scalars


@pytest.mark.parametrize("is_slims", [True, False], ids=["slim's log", "ours"])
@pytest.mark.parametrize("last", [0.95, 0.3], ids=["learning", "forgetting"])
def test_the_means_between_points_are_those_of_the_batches(is_slims, last):
    batches = np.random.RandomState(4).binomial(56, np.linspace(0.2, last, 3000)) / 56.0
    # Points at uneven steps; after steps 1500 and 2600 the run was continued, and counted anew.
    steps = np.array([1, 79, 80, 400, 1500, 1501, 1700, 2600, 2601, 3000])
    ends = np.array([0, 1500, 2600])
    logged = ends + 1
    if is_slims:  # It names the last steps before, and TensorBoard drops what there is of them.
        logged, steps = ends, np.setdiff1d(steps, ends)
    starts = ends[np.searchsorted(ends[1:], steps)]
    means = np.float32([batches[start:end].mean() for start, end in zip(starts, steps)])
    found = streaming.between_points(Scalars(steps, means.astype(float)), logged)
    begins = np.maximum(np.r_[0, steps[:-1]], starts)
    expected = [batches[begin:end].mean() for begin, end in zip(begins, steps)]
    np.testing.assert_allclose(found.values, expected, atol=2e-4)
    assert list(found.steps) == list(steps)


def test_nothing_of_nothing():
    empty = np.empty(0)
    assert len(streaming.between_points(Scalars(empty, empty), []).values) == 0


def test_values_that_are_not_finite_are_no_warning(recwarn):
    scalars = Scalars(np.arange(1, 4), np.array([0.5, np.inf, np.inf]))
    streaming.between_points(scalars, [1])
    assert not recwarn.list
