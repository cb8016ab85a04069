"""The two kinds of error that a person can do something about.

Their message is one line: what is wrong, where, and what to do. The scripts print it and exit
with the error's status; everything else that is raised is a defect and keeps its traceback.
"""


class DataError(Exception):
    """Something on disk or on the network is not as it has to be."""

    exit_status = 1


class UsageError(Exception):
    """An argument has a value that cannot be meant."""

    exit_status = 2


class WriteError(DataError):
    """A file cannot be written; mostly, the disk is full."""


def first_line(error):
    """Returns the first line of a ``tf.errors.OpError``'s message; the rest is for developers."""
    return error.message.split("\n")[0]
