"""A file that is there whole, or not at all."""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time

from alexnet_flowers.errors import DataError

# To write takes a moment; more where the disk is slow.
_WAIT_SECS = 60
_LOOK_SECS = 0.02


@contextlib.contextmanager
def replacing(path):
    """Yields the name to write to, ``<path>.partial``, which becomes ``path`` when that is done.

    By then it is on the disk, whatever becomes of the machine. After an error nothing is left of
    it, and a file that was at ``path`` before is still there; one that is replaced hands on its
    permissions. Of two who write one file at once, one waits for the other.

    Raises:
      DataError: ``path`` is a folder; there is a link or the like at that name, and through a link
        another file would be overwritten; or another process has been writing it for a minute.
    """
    partial = path + ".partial"
    check_temporary(partial)
    if os.path.isdir(path):
        raise DataError("%s: is a folder; move it away" % path)
    with _alone(path, partial):
        try:
            with naming(path):
                yield partial
                sync(partial)
                with contextlib.suppress(OSError):  # Mostly, there is none yet.
                    shutil.copymode(path, partial)
                os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.remove(partial)
            raise
    with contextlib.suppress(PermissionError):  # Of a folder that may be written, not read.
        sync(os.path.dirname(path) or os.curdir)


def check_temporary(path):
    """Raises ``DataError`` for a link or the like at a temporary name: it leads elsewhere."""
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise DataError("%s: is in the way; move it away" % path)


@contextlib.contextmanager
def _alone(path, partial):
    """A context in which nobody else writes to a temporary file, which is there by then."""
    until = time.monotonic() + _WAIT_SECS
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            # Who held it before may have given the file its name meanwhile.
            if _could_lock(descriptor, fcntl.LOCK_EX) and is_at(partial, descriptor):
                yield
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > until:
            raise DataError("%s: is being written by another process; wait for it" % path)
        time.sleep(_LOOK_SECS)


def _could_lock(descriptor, how):
    """Locks an open file unless somebody else has; returns whether nobody else has."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # A disk without locks.
        pass
    return True


def in_the_way(path):
    """Says whether there is something at ``<path>.partial`` that nobody is writing just now."""
    partial = path + ".partial"
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # None; or a link, a folder, a file of others.
        return os.path.lexists(partial)
    try:
        # Of two who look at once, neither takes the other for one who writes. And one who does may
        # have given the file its name meanwhile.
        return _could_lock(descriptor, fcntl.LOCK_SH) and is_at(partial, descriptor)
    finally:
        os.close(descriptor)


def is_at(path, descriptor):
    """Says whether an open file is the one of this name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False


@contextlib.contextmanager
def opened(path, mode="w", **how):
    """Yields a file that is opened so by ``open``, and is at ``path`` once it is whole.

    See ``replacing``.
    """
    with replacing(path) as partial, open(partial, mode, **how) as file:
        yield file


@contextlib.contextmanager
def naming(path):
    """A context whose ``OSError`` names a path: Python knows none where it notices a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def sync(path):
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    except OSError as error:
        # Some network shares have no such thing for a folder.
        if error.errno != errno.EINVAL or not os.path.isdir(path):
            raise
    finally:
        os.close(descriptor)
