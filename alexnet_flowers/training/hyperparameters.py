"""What a number that a user sets is called, which values it may have, and what it is for."""

import math
import typing

from alexnet_flowers.errors import UsageError


class Range(typing.NamedTuple):
    """The values that a number may have.

    Attributes:
      words: the range in words, for a message.
      contains: a function of a number; whether it is within the range.
    """

    words: str
    contains: typing.Callable


AT_LEAST_1 = Range("at least 1", lambda x: x >= 1)
AT_LEAST_0 = Range("at least 0", lambda x: x >= 0)
AT_MOST_0 = Range("at most 0", lambda x: x <= 0)
ABOVE_0 = Range("above 0", lambda x: x > 0)
ABOVE_0_TO_1 = Range("above 0 and at most 1", lambda x: 0 < x <= 1)
BELOW_1 = Range("in [0, 1)", lambda x: 0 <= x < 1)


class Hyperparameter(typing.NamedTuple):
    """A number that one optimizer or one schedule takes, or a few of them.

    Attributes:
      name: its flag, its field of ``settings.Settings`` and its key in ``settings.json``.
      default: float; None stands for a default that the optimizer chooses.
      range: a ``Range``.
      help: what it does, for ``--help``, without a full stop.
    """

    name: str
    default: typing.Optional[float]
    range: Range
    help: str


def check(name, value, range_):
    """Raises ``UsageError`` for a flag's number that is infinite, NaN or out of its range.

    None, which stands for a default, is within every range.
    """
    if value is not None and not (math.isfinite(value) and range_.contains(value)):
        raise UsageError("--%s=%s: must be %s" % (name, value, range_.words))


def choose(flag, name, table):
    """Returns the entry of a table that a flag names.

    Raises:
      UsageError: there is none.
    """
    if name not in table:
        raise UsageError("--%s: %r is none of %s" % (flag, name, ", ".join(table)))
    return table[name]
