"""The first of many names, for a line of text."""


def some(names, separator=", ", more="more", most=3):
    """Returns the first few of a list of names, and how many more there are, for a message.

    Args:
      names: an iterable of str.
      separator: what stands between two of them.
      more: what the others are.
      most: how many are named.
    """
    names = list(names)
    rest = len(names) - most
    return separator.join(names[:most]) + (" and %d %s" % (rest, more) if rest > 0 else "")
