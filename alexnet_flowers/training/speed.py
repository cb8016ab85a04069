"""How fast a training goes, and how long the rest of it takes."""

import collections
import time

from alexnet_flowers.training.callback import HEAVY, Callback

# Over how many seconds the speed of training is averaged; and that with everything beside it, of
# which some comes every few minutes only.
_AVERAGED_SECS = 30
_ALL_AVERAGED_SECS = 600


class _Average:
    """Steps a second, over the last so many seconds of those that are counted."""

    def __init__(self, averaged_secs):
        self._averaged_secs = averaged_secs
        self._counted = collections.deque()  # (seconds, steps)
        self._secs = self._steps = 0

    def count(self, secs, steps):
        """Counts steps that took so long together."""
        self._counted.append((secs, steps))
        self._secs += secs
        self._steps += steps
        while self._secs - self._counted[0][0] >= self._averaged_secs:
            old_secs, old_steps = self._counted.popleft()
            self._secs -= old_secs
            self._steps -= old_steps

    def steps_per_sec(self):
        """Returns the average; None where nothing was counted."""
        return self._steps / self._secs if self._counted else None


class Speed(Callback):
    """Measures how fast steps are made, from the end of one to the end of the next.

    Those in which something else was done too are kept apart: the first one of the process, heavy
    ones, and those before which a callback took its time, for writing or saving.
    """

    def __init__(self):
        self._training, self._all = _Average(_AVERAGED_SECS), _Average(_ALL_AVERAGED_SECS)
        self._of_first = None  # The first step's, which starts everything.
        self._last_end = None
        self._is_disturbed = True  # Whether the step under way is no measure of training.

    def fetches(self, upcoming):
        """Asks for nothing; the first step begins here."""
        if self._last_end is None:
            self._last_end = time.monotonic()
        return {}

    def after(self, step):
        """Counts a ``Step``."""
        now = time.monotonic()
        measured = max(now - self._last_end, 1e-9), max(step.number - step.before, 0)
        is_heavy = bool(HEAVY & set(step.fetched))
        if self._of_first is None:
            self._of_first = measured[1] / measured[0]
        else:
            self._all.count(*measured)
        if not (self._is_disturbed or is_heavy):
            self._training.count(*measured)
        self._last_end, self._is_disturbed = now, is_heavy

    def disturb(self):
        """Says that something that takes time is done before the next step."""
        self._is_disturbed = True

    def is_known(self):
        """Says whether there has been a step of training alone."""
        return bool(self._training.steps_per_sec())

    def steps_per_sec(self):
        """Returns the steps a second of training alone; of all steps where there is no such one.

        In a cluster it can be 0 for a moment: the servers may count a worker's step later.
        """
        return self._training.steps_per_sec() or self.steps_per_sec_of_all()

    def steps_per_sec_of_all(self):
        """Returns the steps a second with everything that is done beside them."""
        return self._all.steps_per_sec() or self._of_first


def duration(num_steps, steps_per_sec):
    """Returns how long steps take, in words: 45s, 12m, 17h 05m; where the speed is 0, ``?``."""
    if not steps_per_sec:
        return "?"
    secs = num_steps / steps_per_sec
    if round(secs) < 60:
        return "%ds" % round(secs)
    minutes = round(secs / 60)
    return "%dh %02dm" % divmod(minutes, 60) if minutes >= 60 else "%dm" % minutes
