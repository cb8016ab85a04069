"""Text in files that people open with a spreadsheet program."""

import csv

from alexnet_flowers import atomic

# How a formula begins; white space in front of one is dropped.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(text):
    """Returns a text as a cell that stays text: a name such as ``=HYPERLINK(...)`` is not run.

    The apostrophe in front is the mark of a text to spreadsheet programs.
    """
    return "'" + text if text.startswith(_FORMULA) else text


def write(path, rows):
    """Writes a CSV file, whole or not at all.

    It is UTF-8: of a name that is not, each byte that does not fit is written as an escape.

    Args:
      path: where to.
      rows: an iterable of lists of str, int, float and None, which is an empty cell.

    Raises:
      OSError: it cannot be written; nothing is left of it.
    """
    with atomic.opened(path, encoding="utf-8", errors="backslashreplace", newline="") as file:
        csv.writer(file).writerows(map(_written, row) for row in rows)


def _written(value):
    if isinstance(value, str):
        return cell(value)
    return "%.9g" % value if isinstance(value, float) else value
