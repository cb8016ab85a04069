"""Numbers that others have reported, to be drawn beside the curves of our own runs."""

import collections
import csv
import io
import math
import os
from typing import Dict, NamedTuple

import numpy as np

from alexnet_flowers.errors import DataError
from alexnet_flowers.events import tags

_COLUMNS = ["tag", "step", "value"]
# In characters: many times what anybody reports.
_MAX_LENGTH = 10**7
_SHARES = (tags.ACCURACY, tags.RECALL_AT_2)


class Reported(NamedTuple):
    """Numbers that were reported.

    Attributes:
      name: the file's, without its suffix.
      points: for each tag, as in ``tags``, its steps and values, float64 [n, 2], ascending.
    """

    name: str
    points: Dict[str, np.ndarray]


def read(path):
    """Returns the ``Reported`` of a CSV file with the columns ``tag``, ``step`` and ``value``.

    Raises:
      DataError: it is no CSV file in UTF-8, has no or other columns, or anything but numbers in the
        last two; has more in a line, a step below 1, or a share above 1.
      OSError: it cannot be read.
    """
    try:
        return _read(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError("%s: not a CSV file in UTF-8 (%s); save it as one" % (path, error))


def _read(path):
    points = collections.defaultdict(list)
    # Spreadsheets begin such a file with a byte order mark.
    with open(path, encoding="utf-8-sig", newline="") as file:
        text = file.read(_MAX_LENGTH + 1)
        if len(text) > _MAX_LENGTH:
            raise DataError("%s: is no table of reported numbers, but longer" % path)
        lines = csv.DictReader(io.StringIO(text, newline=""))
        if lines.fieldnames != _COLUMNS:
            raise DataError("%s: the first line must be %s" % (path, ",".join(_COLUMNS)))
        for line in lines:
            try:
                step, value = int(line["step"]), float(line["value"])
                # A number with a decimal comma is two; its second half has no column.
                if None in line or not math.isfinite(step + value):
                    raise ValueError
            except (TypeError, ValueError, OverflowError):
                raise DataError(
                    "%s: line %d: must be a tag, a whole number and a number"
                    % (path, lines.line_num)
                )
            tag = tags.current(line["tag"])
            if step < 1 or (tag in _SHARES and not 0 <= value <= 1):
                raise DataError(
                    "%s: line %d: steps count from 1, and accuracy and recall@2 are from 0 to 1"
                    % (path, lines.line_num)
                )
            points[tag].append((step, value))
    if not points:
        raise DataError("%s: has no line below its first" % path)
    name = os.path.splitext(os.path.basename(path))[0]
    return Reported(name, {tag: np.array(sorted(pairs), float) for tag, pairs in points.items()})
