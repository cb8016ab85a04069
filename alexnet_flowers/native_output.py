"""What libraries write to the standard error of the process, past Python."""

import contextlib
import os
import shutil
import subprocess
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
    sys.stderr.flush()
    kept = os.dup(2)
    # In a session of its own a Ctrl-C does not end it before this process.
    filtering = subprocess.Popen(
        [grep, "-E", "-v", "--line-buffered", pattern],
        stdin=subprocess.PIPE,
        stdout=kept,
        start_new_session=True,
    )
    try:
        os.dup2(filtering.stdin.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        filtering.stdin.close()
        filtering.wait()
