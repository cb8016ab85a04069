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
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise
