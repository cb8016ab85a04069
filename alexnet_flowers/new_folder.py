"""A new folder that is there whole, or not at all."""

import contextlib
import errno
import os
import shutil
import uuid

from alexnet_flowers.errors import DataError


@contextlib.contextmanager
def whole(path, advice="name another folder, or remove it"):
    """Yields the name of a folder to fill, which becomes ``path`` when that is done.

    After an error nothing is left of it. Of two processes at once one wins.

    Args:
      path: a folder that does not exist yet, or is empty.
      advice: what to do where it is neither, for the message.

    Raises:
      DataError: at ``path`` there is something else than an empty folder.
    """
    target = os.path.realpath(path)
    taken = DataError("%s: is not empty; %s" % (path, advice))
    if os.path.exists(target) and not (os.path.isdir(target) and not os.listdir(target)):
        raise taken
    partial = "%s.%s.partial" % (target, uuid.uuid4().hex)
    os.makedirs(partial)
    try:
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
