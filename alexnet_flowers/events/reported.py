"""What others have reported of a run, to be laid beside the curves of our own."""

import collections
import csv
import math
import os

import numpy as np

from alexnet_flowers.errors import DataError

_COLUMNS = ["tag", "step", "value"]

Reported = collections.namedtuple("Reported", ["name", "points"])
Reported.__doc__ = """Numbers that were reported.

Attributes:
  name: str, the file's, without its suffix.
  points: a dict of tag, as in ``summaries``, to its steps and values, float64 [n, 2], ascending.
"""


def read(path):
    """Reads a CSV file with the columns ``tag``, ``step`` and ``value``.

    Args:
      path: str.

    Returns:
      A ``Reported``.

    Raises:
      DataError: it is no CSV file in UTF-8, has other columns, or something else than a number in
        the last two.
      OSError: it cannot be read.
    """
    try:
        return _read(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError("%s: not a CSV file in UTF-8 (%s); save it as one" % (path, error))


def _read(path):
    points = collections.defaultdict(list)
    # Spreadsheets begin such a file with a mark of its encoding.
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        if lines.fieldnames != _COLUMNS:
            raise DataError("%s: the first line must be %s" % (path, ",".join(_COLUMNS)))
        for line in lines:
            try:
                step, value = int(line["step"]), float(line["value"])
                if not math.isfinite(value):
                    raise ValueError
            except (TypeError, ValueError):
                raise DataError(
                    "%s: line %d: must be a tag, a whole number and a number"
                    % (path, lines.line_num)
                )
            points[line["tag"]].append((step, value))
    name = os.path.splitext(os.path.basename(path))[0]
    return Reported(name, {tag: np.array(sorted(pairs), float) for tag, pairs in points.items()})
