"""A writer of event files that raises an error when it cannot write.

TensorFlow's own drops without a word what does not fit on a full disk, and goes on after the gap;
nothing after a gap can ever be read.
"""

import contextlib
import itertools
import os
import re
import socket
import time

from alexnet_flowers.errors import WriteError, first_line
from alexnet_flowers.tf1 import runtime, tf


class EventWriter:
    """Writes one event file as a ``tf.summary.FileWriter`` does, in the thread that calls it.

    After an error it writes nothing more: an incomplete event does no harm only as the last one.
    What cannot be written raises a ``WriteError``.
    """

    def __init__(self, folder):
        """Takes an existing folder; the file is made with the first event."""
        self._folder = folder
        self._file = None
        self._is_closed = False
        self._to_events = runtime.SummaryToEventTransformer(event_writer=self)

    def __getattr__(self, name):
        """Returns TensorFlow's ``add_summary`` and the like, which call ``add_event``."""
        return getattr(self._to_events, name)

    def get_logdir(self):
        """Returns the folder."""
        return self._folder

    def reopen(self):
        """Does nothing; slim's supervisor calls it at its start."""

    def add_session_log(self, session_log, global_step=None):
        """Adds a ``tf.SessionLog``, at the first step that the session makes.

        slim names the last one before it. TensorBoard drops what it has of that step and later
        ones, as a session makes them again; but the last point of a finished run is made once.
        """
        step = None if global_step is None else global_step + 1
        self._to_events.add_session_log(session_log, step)
        self.flush()  # It holds although nothing else may follow.

    def add_event(self, event):
        """Adds a ``tf.Event``, which is dropped once the file is closed."""
        if self._is_closed:
            return
        with self._ended_by_errors():
            if self._file is None:
                self._file = tf.python_io.TFRecordWriter(_new_file(self._folder))
                first = tf.Event(wall_time=time.time(), file_version="brain.Event:2")
                self._file.write(first.SerializeToString())
            self._file.write(event.SerializeToString())

    def flush(self):
        """Makes sure that all events can be read."""
        if self._file is not None and not self._is_closed:
            with self._ended_by_errors():
                self._file.flush()

    def close(self):
        """Ends the file."""
        if self._file is not None and not self._is_closed:
            with self._ended_by_errors():
                self._file.close()
        self._is_closed = True

    @contextlib.contextmanager
    def _ended_by_errors(self):
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            self._is_closed = True
            reason = first_line(error)
            if isinstance(error, OSError):
                reason = "%s: %s" % (error.filename or self._folder, error.strerror)
            raise WriteError("the events cannot be written: %s" % reason)


def _new_file(folder):
    """Makes an empty file that no other writer has, named as TensorFlow names it; returns it.

    It is the last by name, in which order all are read, also after the clock was set back.
    """
    there = (re.match(r"events\.out\.tfevents\.(\d{10})\.", name) for name in os.listdir(folder))
    last = max([int(match.group(1)) for match in there if match], default=0)
    now = int(time.time())
    stamp = last + 1 if last > now else now
    name = "events.out.tfevents.%010d.%s" % (stamp, socket.gethostname())
    for number in itertools.count():
        path = os.path.join(folder, name + (".%d" % number if number else ""))
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return path


def write_scalars(writer, tags_to_values, step):
    """Writes numbers that no graph computed.

    Args:
      writer: an ``EventWriter``, or a ``tf.summary.FileWriter``.
      tags_to_values: dict of str to float.
      step: int.
    """
    values = [
        tf.Summary.Value(tag=tag, simple_value=value) for tag, value in tags_to_values.items()
    ]
    writer.add_summary(tf.Summary(value=values), step)
