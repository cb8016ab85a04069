"""Text of strangers for terminals and files: what cannot be shown is written as in Python's source.

Names of files and classes come from archives, also with escape sequences, which a terminal obeys,
changes of the writing direction, and what XML and PDF files cannot hold.
"""


def printable(text, kept=""):
    """Returns text with the characters escaped that nothing shows, except ``kept``."""
    return "".join(one if one.isprintable() or one in kept else ascii(one)[1:-1] for one in text)
