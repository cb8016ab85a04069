"""Means since the start of a process, as TF-Slim's streaming metrics are, taken apart again.

Such a mean counts a run's first steps for ever, and begins anew when the run is continued.
"""

import numpy as np

# Of a share that was computed from two float32 means; between two steps of 100,000 no more.
_ROUNDING = 0.02


def between_points(scalars):
    """Returns the means over the steps from one point to the next, ``Scalars`` of the same steps.

    Of n steps with the mean a, and m with the mean b, the last m - n have (m b - n a) / (m - n).
    Where that is no share, another process has begun to count: its first point is that of its
    first step.

    Args:
      scalars: the ``event_reader.Scalars`` of shares in [0, 1], such as the training's accuracy.
    """
    start = before = 0
    sum_before = 0.0
    means = np.empty(len(scalars.steps))
    for place, (step, value) in enumerate(zip(scalars.steps, scalars.values)):
        total = value * (step - start)
        with np.errstate(invalid="ignore"):  # Values that are not finite, of a damaged file.
            means[place] = (total - sum_before) / (step - before)
        if not -_ROUNDING <= means[place] <= 1 + _ROUNDING:
            start, total, means[place] = step - 1, value, value
        before, sum_before = step, total
    return scalars._replace(values=means.clip(0, 1))
