"""What a number that a user sets is called, which values it may have, and what it is for."""

import math
import typing

from alexnet_flowers.errors import UsageError

# For whatever a flag counts: steps are compared with floats, and these are exact up to there.
LARGEST = 2**53


class Range(typing.NamedTuple):
    """The values that a number may have."""

    words: str  # For a message.
    contains: typing.Callable  # A function of a number.
    largest: float = LARGEST


AT_LEAST_1 = Range("at least 1", lambda x: x >= 1)
AT_LEAST_0 = Range("at least 0", lambda x: x >= 0)
AT_MOST_0 = Range("at most 0", lambda x: x <= 0)
ABOVE_0 = Range("above 0", lambda x: x > 0)
ABOVE_0_TO_1 = Range("above 0 and at most 1", lambda x: 0 < x <= 1)
BELOW_1 = Range("in [0, 1)", lambda x: 0 <= x < 1)
# A factor may be as large as float32 can hold.
FACTOR = Range("above 0", lambda x: x > 0, largest=3.4e38)


def between(least, most):
    """Returns the ``Range`` from one whole number to another."""
    return Range("from %d to %d" % (least, most), lambda x: least <= x <= most)


class Hyperparameter(typing.NamedTuple):
    """A number that only some optimizers or schedules take."""

    name: str  # Its flag, its field of ``Settings`` and its key in ``settings.json``.
    default: typing.Optional[float]  # None: the optimizer's own.
    range: Range
    help: str  # What it does, without a full stop.


def check(name, value, range_):
    """Raises ``UsageError`` for a flag's number that is too large, NaN or out of its range.

    None, which stands for a default, is within every range.
    """
    if value is None:
        return
    if not range_.contains(value) or abs(value) == math.inf:
        raise UsageError("--%s=%s: must be %s" % (name, value, range_.words))
    if abs(value) > range_.largest:
        raise UsageError("--%s=%s: must be %.16g at most" % (name, value, range_.largest))


class Table(dict):
    """Everything that a flag can choose, by name; another name is a ``UsageError``."""

    def __init__(self, flag, **entries):
        super().__init__(entries)
        self._flag = flag

    def __missing__(self, name):
        raise UsageError("--%s: %r is none of %s" % (self._flag, name, ", ".join(self)))
