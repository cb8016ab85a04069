"""One process at a time in a folder.

The lock is the operating system's, on ``<folder>/lock``: it ends with its process, however that
ends, so that a lock cannot be left over by a process that was killed.
"""

import contextlib
import errno
import fcntl
import os
import stat
import time

from alexnet_flowers import atomic
from alexnet_flowers.errors import DataError

FILENAME = "lock"
# Far longer than others take to look whether it ``is_held``.
_LOOK_SECS = 0.1


@contextlib.contextmanager
def held(folder, doing, wait_secs=0):
    """Holds the folder's lock in a ``with`` statement.

    Args:
      folder: an existing folder.
      doing: str, what the lock is for, e.g. ``"trained"``.
      wait_secs: how long to wait for another process that holds it.

    Raises:
      DataError: another process, which is named, holds it; something else has its name; or its
        disk has no locks.
    """
    path = os.path.join(folder, FILENAME)
    until = time.monotonic() + max(wait_secs, _LOOK_SECS)
    descriptor = _acquire(path, folder, doing, until)
    try:
        yield
    finally:
        # The folder may have been removed, and made again by another process.
        if atomic.is_at(path, descriptor):
            os.remove(path)
        os.close(descriptor)


def is_held(folder):
    """Says whether a process holds the folder's lock; a folder that is not there has none."""
    try:
        descriptor = os.open(os.path.join(folder, FILENAME), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:  # A disk without locks; then nobody holds one.
        return False
    finally:
        os.close(descriptor)


def _acquire(path, folder, doing, until):
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            if time.monotonic() < until:
                time.sleep(0.02)
                continue
            raise DataError(
                "%s: is being %s by another process, %s; wait for it, or stop it"
                % (folder, doing, holder or "unknown")
            )
        except OSError as error:
            if atomic.is_at(path, descriptor) and not os.fstat(descriptor).st_size:
                os.remove(path)
            os.close(descriptor)
            raise DataError(
                "%s: its disk has no locks (%s), as a network disk that is mounted without them; "
                "name a folder on another disk, or mount it with flock" % (folder, error.strerror)
            )
        # Its last holder may have removed the file between the two calls.
        if atomic.is_at(path, descriptor):
            break
        os.close(descriptor)
    if _holder(descriptor) is None:
        os.close(descriptor)
        raise _no_lock(path)
    # The lock holds without it, so a full disk is no reason to fail here.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
    return descriptor


def _holder(descriptor):
    """Returns the number of a process that a lock's file holds, a text; None if something else."""
    content = os.pread(descriptor, 21, 0).decode("latin-1").strip()
    return content if len(content) <= 20 and (not content or content.isdigit()) else None


def _open(path):
    """Opens the lock's file, which is made if need be; a link is not followed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        # A link is the first, a folder the second, a socket or a FIFO the third.
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _no_lock(path)
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise _no_lock(path)
    return descriptor


def _no_lock(path):
    return DataError("%s: is not the lock of a process; move it away" % path)
