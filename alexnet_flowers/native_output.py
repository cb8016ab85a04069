"""What libraries write to the standard error of the process, past Python."""

import contextlib
import ctypes
import os
import sys

# absl::SetMinLogLevel(absl::LogSeverityAtLeast) of the absl within TensorFlow 2.20.
_SET_MIN_LOG_LEVEL = "_ZN4absl12lts_2025012714SetMinLogLevelENS0_18LogSeverityAtLeastE"


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


def set_absl_log_level(library_path, level):
    """Sets what the C++ log of current TensorFlow, absl's, shows.

    Parts of TensorFlow write past ``TF_CPP_MIN_LOG_LEVEL`` to that log, for whose level absl has
    neither an environment variable nor a Python function. Where a version has the C++ function
    under another name, nothing happens, and those lines stay.

    Args:
      library_path: of ``libtensorflow_framework``.
      level: int, as of ``TF_CPP_MIN_LOG_LEVEL``: 0 all, 1 warnings, 2 errors, 3 fatal ones.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(library_path)[_SET_MIN_LOG_LEVEL](level)
