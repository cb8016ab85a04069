"""A file that is there whole, or not at all."""

import contextlib
import errno
import os
import stat

from alexnet_flowers.errors import DataError


@contextlib.contextmanager
def replacing(path):
    """Yields the name to write to, ``<path>.partial``, which becomes ``path`` when that is done.

    By then it is on the disk, whatever becomes of the machine. After an error nothing is left of
    it, and a file that was at ``path`` before is still there.

    Raises:
      DataError: there is a link or the like at that name; through a link another file would be
        overwritten.
    """
    partial = path + ".partial"
    if os.path.lexists(partial) and not stat.S_ISREG(os.lstat(partial).st_mode):
        raise DataError("%s: is in the way; move it away" % partial)
    try:
        with naming(path):
            yield partial
            sync(partial)
            os.replace(partial, path)
            sync(os.path.dirname(path) or os.curdir)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise


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
