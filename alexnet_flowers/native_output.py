"""What libraries write to the standard error of the process, past Python."""

import contextlib
import os
import sys


@contextlib.contextmanager
def discarded():
    """A context in which the process's standard error leads nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
