"""A file that is there whole, or not at all."""

import contextlib
import os


@contextlib.contextmanager
def replacing(path):
    """Yields the name to write to, ``<path>.partial``, which becomes ``path`` when that is done.

    After an error nothing is left of it, and a file that was at ``path`` before is still there.
    """
    partial = path + ".partial"
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path  # A full disk is noticed where Python knows no name.
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise
