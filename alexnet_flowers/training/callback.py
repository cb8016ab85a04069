"""What a callback is: it sees each step of the training, and does what is due after it."""

import typing

from alexnet_flowers.tf1 import tf

# What a step takes much longer and more memory for.
HEAVY = {"summary", "histograms"}


class Upcoming(typing.NamedTuple):
    """A step that is about to be made."""

    before: int  # The steps made before it.
    latest: int  # The highest number that it can get: other workers make steps too.
    is_last: bool


class Step(typing.NamedTuple):
    """A step that was made."""

    session: "tf.Session"  # In quotes: TensorFlow is not loaded for a command's flags.
    before: int  # The steps made before it.
    number: int  # The steps made so far.
    is_last: bool  # Whether this process makes no more.
    fetched: dict  # What ``loop.Loop`` always fetches, and what the callbacks asked for.


class Callback:
    """Does nothing."""

    def fetches(self, upcoming):
        """Returns a dict of name to tensors to fetch with a step, an ``Upcoming``."""
        return {}

    def after(self, step):
        """Does what is due after a ``Step``; returns True where it has to be the last one."""

    def after_failure(self, step):
        """Saves what can be saved once a callback before this one could not write."""
