"""Folders that are made, and their new files: there all, or not at all."""

import contextlib
import errno
import os
import shutil
import tempfile
import uuid

from alexnet_flowers import atomic
from alexnet_flowers.errors import DataError


@contextlib.contextmanager
def made(path):
    """Makes a folder and those above it, if need be; after an error none of them is left empty."""
    missing = []
    folder = path
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder) or os.curdir
    try:
        os.makedirs(path, exist_ok=True)
        yield
    except BaseException:
        for one in missing:
            with contextlib.suppress(OSError):  # Something is in it, or it was never made.
                os.rmdir(one)
        raise


@contextlib.contextmanager
def whole(path):
    """Yields the name of a folder to fill, which becomes ``path`` when that is done.

    After an error nothing is left of it. Of two processes at once one wins.

    Args:
      path: a folder that does not exist yet, or is empty.

    Raises:
      DataError: at ``path`` there is something else than an empty folder, or one that no other can
        take the place of.
    """
    target = os.path.realpath(path)
    above = os.path.dirname(target)
    taken = DataError("%s: is not empty; name another folder, or remove it" % path)
    if os.path.exists(target):
        if not os.path.isdir(target) or os.listdir(target):
            raise taken
        # Such as the volume of a container, or one's own folder among those of others. Whoever
        # stands in a folder would go on seeing the one that is gone.
        if (
            os.path.ismount(target)
            or os.path.samefile(target, os.curdir)
            or not os.access(above, os.W_OK | os.X_OK)
        ):
            raise DataError(
                "%s: no new folder can take its place, as it is a disk of its own, the folder this "
                "was started in, or nothing can be written in %s; name a new folder within it"
                % (path, above)
            )
    with made(above):
        partial = "%s.%s.partial" % (target, uuid.uuid4().hex)
        os.mkdir(partial)
        try:
            if os.path.isdir(target):
                shutil.copymode(target, partial)  # Before anything is in it.
            with atomic.naming(path):
                yield partial
            try:
                os.rename(partial, target)  # Which an empty folder lets happen.
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise taken
                raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextlib.contextmanager
def added_to(path):
    """Yields the name of a folder to fill, whose files then take their places in ``path``.

    After an error while it is filled nothing is left of them, and what was there before is still
    there.

    Args:
      path: a folder, which is made if need be. Files of the same names in it are replaced.
    """
    with made(path):
        with tempfile.TemporaryDirectory(".partial", dir=path) as partial, atomic.naming(path):
            yield partial
            for name in os.listdir(partial):
                os.replace(os.path.join(partial, name), os.path.join(path, name))
