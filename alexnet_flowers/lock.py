"""One process at a time in a folder.

The lock is the operating system's, on ``<folder>/lock``: it ends with its process, however that
ends, so that a lock cannot be left over by a process that was killed.
"""

import contextlib
import fcntl
import os

from alexnet_flowers.errors import DataError

FILENAME = "lock"


@contextlib.contextmanager
def held(folder, doing):
    """Holds the folder's lock in a ``with`` statement.

    Args:
      folder: an existing folder.
      doing: str, what the lock is for, e.g. ``"trained"``.

    Raises:
      DataError: another process, which is named, holds it.
    """
    path = os.path.join(folder, FILENAME)
    file = _acquire(path, folder, doing)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):  # The folder may have been removed.
            os.remove(path)
        file.close()


def _acquire(path, folder, doing):
    while True:
        file = open(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise DataError(
                "%s: is being %s by another process, %s; wait for it, or stop it"
                % (folder, doing, holder)
            )
        # Its last holder may have removed the file between the two calls.
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        except FileNotFoundError:
            pass
        file.close()
    file.truncate(0)
    # The lock holds without it, so a full disk is no reason to fail here.
    with contextlib.suppress(OSError):
        os.write(file.fileno(), b"%d\n" % os.getpid())
    return file
