"""Text in files that people open with a spreadsheet program."""

# How a formula begins; white space in front of one is dropped.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(text):
    """Returns a text as a cell that stays text: a name such as ``=HYPERLINK(...)`` is not run.

    The apostrophe in front is the mark of a text to spreadsheet programs.
    """
    return "'" + text if text.startswith(_FORMULA) else text
