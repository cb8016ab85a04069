"""What libraries write to the standard error of the process, past Python."""

import contextlib
import os
import shutil
import subprocess
import sys


@contextlib.contextmanager
def discarded():
    """A context in which the process's standard error leads nowhere."""
    with open(os.devnull, "wb") as nowhere, _leading_to(nowhere.fileno()):
        yield


@contextlib.contextmanager
def without_lines(pattern):
    """A context in which matching lines are left out of the process's standard error.

    ``grep`` filters it, in a process of its own: what this one says when it crashes still arrives.
    Where there is no ``grep`` nothing is left out.

    Args:
      pattern: str, an extended regular expression.
    """
    grep = shutil.which("grep")
    if grep is None:
        yield
        return
    # In a session of its own a Ctrl-C does not end it before this process.
    filtering = subprocess.Popen(
        [grep, "-E", "-v", "--line-buffered", pattern],
        stdin=subprocess.PIPE,
        stdout=2,
        start_new_session=True,
    )
    try:
        with _leading_to(filtering.stdin.fileno()):
            yield
    finally:
        filtering.stdin.close()
        filtering.wait()


@contextlib.contextmanager
def _leading_to(descriptor):
    """A context in which the process's standard error is another open file."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
