"""What TensorBoard makes of numbers before it draws them; our pictures show the same."""

import numpy as np

# The factor by which it smooths scalars unless told otherwise.
SMOOTHING = 0.6
# Percentiles of a normal distribution at its mean and at 0.5, 1 and 1.5 standard deviations to
# either side, between the extremes.
PERCENTS = (0, 6.68, 15.87, 30.85, 50, 69.15, 84.13, 93.32, 100)


def smoothed(values, factor):
    """Returns the exponential moving average of TensorBoard's scalars, float64 [n].

    It is divided by the weight of the values so far, so that it starts at the first of them instead
    of near 0. NaN and infinite values stay where they are, and count for nothing.

    Args:
      values: float [n].
      factor: float in [0, 1): the weight of the past; 0 returns the values themselves.
    """
    result = np.array(values, np.float64)
    average, weight = 0.0, 0.0
    for place in np.flatnonzero(np.isfinite(result)):
        average = factor * average + (1 - factor) * result[place]
        weight = factor * weight + (1 - factor)
        result[place] = average / weight
    return result


def percentiles(histogram, percents=PERCENTS):
    """Returns percentiles of a histogram, as if the values of a bucket were spread evenly over it.

    Args:
      histogram: an ``event_reader.Histogram`` of at least one value.
      percents: float [m] in [0, 100].

    Returns:
      float64 [m]; for 0 and 100 the least and the largest value.
    """
    # Between two buckets the value jumps while the share stays; so each bucket has two knots.
    filled = histogram.counts > 0
    values = np.stack([histogram.edges[:-1][filled], histogram.edges[1:][filled]], 1)
    shares = np.concatenate([[0], np.cumsum(histogram.counts[filled])]) / histogram.counts.sum()
    knots = np.stack([shares[:-1], shares[1:]], 1)
    return np.interp(np.asarray(percents) / 100.0, knots.ravel(), values.ravel())


def shares_between(histogram, edges):
    """Returns the share of a histogram's values between each two neighboring edges.

    Args:
      histogram: an ``event_reader.Histogram``.
      edges: float [bins + 1], ascending.

    Returns:
      float64 [bins]; their sum is 1 unless there are values outside all edges.
    """
    below = np.concatenate([[0], np.cumsum(histogram.counts)]) / histogram.counts.sum()
    at_edges = np.interp(edges, histogram.edges, below)
    # Where all values of a bucket are one, the share jumps, and interpolation may take either end.
    if edges[0] <= histogram.edges[0]:
        at_edges[0] = 0
    if edges[-1] >= histogram.edges[-1]:
        at_edges[-1] = 1
    return np.diff(at_edges).clip(0)  # Rounding may make them negative.


def evenly_spaced(count, max_count):
    """Returns int64 indices of ``count`` things: all, or ``max_count`` with the first and last."""
    if count <= max_count:
        return np.arange(count)
    return np.linspace(0, count - 1, max_count).round().astype(np.int64)
