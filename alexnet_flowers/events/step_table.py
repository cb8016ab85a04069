"""A run's figures by step, as CSV files for pandas and spreadsheets.

::

    runs/summaries/<run>/training.csv      a line for each step: of its batch alone
    runs/summaries/<run>/validation.csv    a line for each evaluation; other views have their own

Lines ascend by step, each step once.
"""

import contextlib
import os

from alexnet_flowers import atomic, regular_file
from alexnet_flowers.errors import DataError, WriteError

TRAINING_FILENAME = "training.csv"
TRAINING_COLUMNS = (
    "step", "epoch", "loss", "cross_entropy", "accuracy", "learning_rate", "images_per_sec",
)  # fmt: skip
EVALUATION_COLUMNS = ("step", "accuracy", "recall_at_2", "cross_entropy")


class StepTable:
    """A table that grows by a line a step. A line that was half written is none.

    What cannot be written raises a ``WriteError``.
    """

    def __init__(self, path, columns, newest_step):
        """Goes on with a file, or begins it.

        Args:
          path: the file's.
          columns: list or tuple of str, the first of which is ``"step"``.
          newest_step: int, from which the run goes on; later steps are made again, so that their
            lines are removed.

        Raises:
          DataError: it is a table of other columns, or no file.
        """
        with _write_errors(path):
            lines = [line for step, line in _read(path, columns) if step <= newest_step]
            _write(path, columns, lines)
            self._file = open(path, "ab", buffering=0)
        self._path = path

    def add(self, values):
        """Adds a line of values, a list of numbers, the step first."""
        with _write_errors(self._path):
            self._file.write(_line(values))

    def make_lasting(self):
        """Waits until all lines are on the disk, whatever becomes of the machine."""
        with _write_errors(self._path):
            os.fsync(self._file.fileno())


def put(path, columns, values):
    """Puts a line into a table; what was there of the same step is replaced.

    Args:
      path: the file's, which is made if need be.
      columns: see ``StepTable``.
      values: a list of numbers, the step first.

    Raises:
      DataError: it is a table of other columns, or no file.
      WriteError: it cannot be written; it is as it was.
    """
    with _write_errors(path):
        lines = dict(_read(path, columns))
        lines[values[0]] = _line(values)
        _write(path, columns, [lines[step] for step in sorted(lines)])


def path_of_curve(summaries_dir, curve):
    """Returns where the table of a run's evaluations is; see ``evaluator.Evaluator``."""
    return os.path.join(summaries_dir, curve + ".csv")


def steps_of(path, columns):
    """Returns the steps of a table's lines, a list of int, ascending; of no file none.

    Raises:
      DataError: it is a table of other columns, or no file.
    """
    return [step for step, _ in _read(path, columns)]


def _read(path, columns):
    """Returns the (step, line) of a table that are sound, ascending; of equal steps the last."""
    if not os.path.lexists(path):
        return []
    regular_file.check(path)
    with open(path, "rb") as file:
        header, *lines = file.read().splitlines(True) or [b""]
    expected = _header(columns)
    if header.strip() != expected.strip() and not expected.startswith(header):
        raise DataError(
            "%s: does not begin with %s; move it away" % (path, expected.decode().strip())
        )
    steps = {_step_of(line, len(columns)): line.strip() + b"\n" for line in lines}
    steps.pop(None, None)
    return sorted(steps.items())


def _step_of(line, num_columns):
    """Returns the step of a line; None where it is damaged."""
    fields = line.split(b",")
    if len(fields) != num_columns or not line.endswith(b"\n"):
        return None
    try:
        for field in fields[1:]:
            float(field)
        return int(fields[0])
    except ValueError:
        return None


def _write(path, columns, lines):
    with atomic.opened(path, "wb") as file:
        file.write(_header(columns))
        file.writelines(lines)


def _header(columns):
    return ",".join(columns).encode() + b"\n"


def _line(values):
    return ",".join("%.10g" % value for value in values).encode() + b"\n"


@contextlib.contextmanager
def _write_errors(path):
    try:
        yield
    except OSError as error:
        raise WriteError("%s: cannot be written: %s" % (path, error.strerror))
