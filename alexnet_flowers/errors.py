"""The errors that a person can do something about, and the words for those of other programs.

The message of a ``DataError`` or ``UsageError`` is one line: what is wrong, where, and what to do.
The scripts print it and exit with the error's status. They also have a line for a full disk, want
of memory and a missing package; everything else is a defect and keeps its traceback.
"""

import errno
import os
import re


class DataError(Exception):
    """Something on disk or on the network is not as it has to be."""

    exit_status = 1


class UsageError(Exception):
    """An argument has a value that cannot be meant."""

    exit_status = 2


class WriteError(DataError):
    """A file cannot be written; mostly, the disk is full."""


# What the operating system says where there is no room, or no more is allowed.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAKE_ROOM = "make room (a quota and ulimit -f count, too)"
# What it says where more room is of no use.
_NOT_FOR_ROOM = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ESTALE, errno.EIO)


def is_for_want_of_room(error):
    """Says whether an ``OSError``, or an error of TensorFlow's, is that a disk or limit is full."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return any(os.strerror(number) in error.message for number in _NO_ROOM)


def advice_for(reason):
    """Returns what to do about a text that says why something cannot be written."""
    is_other = any(os.strerror(number) in reason for number in _NOT_FOR_ROOM)
    return "see that it can be written" if is_other else MAKE_ROOM


# The process of a cluster, and where current TensorFlow was told of the operation.
_BEFORE_THE_MESSAGE = re.compile(
    r"(\w+: )?From /job:|Restoring from checkpoint failed|Graph execution error:|Detected at node "
    r"|Node: |=+$|\s|$"
)


def first_line(error):
    """Returns the line of an error of TensorFlow's, mostly an ``OpError``, that is for a person."""
    lines = getattr(error, "message", str(error)).split("\n")
    return next((line for line in lines if not _BEFORE_THE_MESSAGE.match(line)), lines[0])
