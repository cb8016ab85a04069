"""A file that is there whole, or not at all."""

import contextlib
import os


@contextlib.contextmanager
def replacing(path):
    """Yields the name to write to, ``<path>.partial``, which becomes ``path`` when that is done.

    By then it is on the disk, whatever becomes of the machine. After an error nothing is left of
    it, and a file that was at ``path`` before is still there.
    """
    partial = path + ".partial"
    try:
        yield partial
        sync(partial)
        os.replace(partial, path)
        sync(os.path.dirname(path) or os.curdir)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path  # A full disk is noticed where Python knows no name.
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise


def sync(path):
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
