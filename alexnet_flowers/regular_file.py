"""Whether what is to be read is a file: a named pipe would be waited for, for ever."""

import os

from alexnet_flowers.errors import DataError


def check(path, advice="move it away"):
    """Raises ``DataError`` where there is something at a path, and it is no regular file."""
    if os.path.lexists(path) and not os.path.isfile(path):
        raise DataError("%s: is no file; %s" % (path, advice))
