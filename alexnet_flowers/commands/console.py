"""Standard output and error that nobody has to receive, and that no name can take over.

A terminal that was closed, a pipe whose reader has gone or a log on a full disk is no reason to
lose the work that is reported there: what cannot be written is dropped.
"""

import os
import sys

from alexnet_flowers import escapes
from alexnet_flowers.commands import next_step


class _Stream:
    """A text stream of printable characters; from the first write on that fails it leads nowhere.

    Attributes:
      error: the ``OSError`` of that write, None as long as there was none.
    """

    def __init__(self, stream, kept, warn=None):
        self._stream = stream
        self._kept = kept
        self._warn = warn
        self.error = None

    def write(self, text):
        """Writes text, made ``escapes.printable``, or drops it; returns its length."""
        self._attempt(self._stream.write, escapes.printable(text, self._kept))
        return len(text)

    def flush(self):
        """Hands on what is buffered, or drops it."""
        self._attempt(self._stream.flush)

    def _attempt(self, call, *args):
        try:
            call(*args)
        except OSError as error:
            if self.error is None:
                self.error = error
                # Also for what is still buffered, and for what libraries write past Python.
                with open(os.devnull, "wb") as nowhere:
                    os.dup2(nowhere.fileno(), self._stream.fileno())
                if self._warn is not None:
                    self._warn(error)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class _Messages(_Stream):
    """Standard error, where errors and notes name commands as they are typed here."""

    def write(self, text):
        return super().write(next_step.as_typed(text))


def guard():
    """Makes ``sys.stdout`` and ``sys.stderr`` streams that drop what cannot be written or shown."""
    # A file that is opened must not get the number of a stream that was closed.
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            break
    stdout, stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))
    if hasattr(stdout, "reconfigure"):  # Not in Python 3.6.
        # A class or photo whose name the terminal cannot show is no reason to fail.
        stdout.reconfigure(errors="backslashreplace")
    sys.stderr = _Messages(stderr, "\n\t\r")  # Progress bars return to the line's start.
    sys.stdout = _Stream(stdout, "\n\t", _warn)


def finish():
    """Flushes both streams; returns whether all of standard output was written."""
    sys.stdout.flush()
    sys.stderr.flush()
    return sys.stdout.error is None


def _warn(error):
    sys.stderr.write(
        "%s: warning: standard output: %s; what else is printed there is lost\n"
        % (os.path.basename(sys.argv[0]), error.strerror)
    )
    sys.stderr.flush()
