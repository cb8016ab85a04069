"""Means since the start of a process, as TF-Slim's streaming metrics are, taken apart again.

Such a mean counts a run's first steps for ever, and begins anew when the run is continued.
"""

import numpy as np


def between_points(scalars, starts):
    """Returns the means over the steps from one point to the next, ``Scalars`` of the same steps.

    Of n steps with the mean a, and m with the mean b, the last m - n have (m b - n a) / (m - n).
    A process's first point is that of its own steps.

    Args:
      scalars: the ``event_reader.Scalars`` of shares in [0, 1], such as the training's accuracy.
      starts: the ``event_reader.Events.starts`` of the same events.
    """
    num_starts = np.searchsorted(starts, scalars.steps, side="right")
    counted = start = before = 0
    sum_before = 0.0
    means = np.empty(len(scalars.steps))
    for place, (step, value) in enumerate(zip(scalars.steps, scalars.values)):
        if num_starts[place] != counted:
            counted = num_starts[place]
            # slim's supervisor names the last step before a start, ``EventWriter`` the first one.
            start = before = min(step - 1, starts[counted - 1])
            sum_before = 0.0
        total = value * (step - start)
        with np.errstate(invalid="ignore"):  # Values that are not finite, of a damaged file.
            means[place] = (total - sum_before) / (step - before)
        before, sum_before = step, total
    return scalars._replace(values=means.clip(0, 1))
