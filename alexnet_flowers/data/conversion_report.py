"""What a conversion says of the photos it found: each kind in a line, however many there are."""

import collections
import unicodedata

from alexnet_flowers.data import duplicates
from alexnet_flowers.first_of_many import some

# So many photos of a kind have a line each; of more there is one line for all.
_LINES_OF_A_KIND = 3
# Kinds beyond that are counted only.
_MAX_KINDS = 20

_DUPLICATES = (
    (duplicates.WITHIN_CLASSES, "within a class"),
    (duplicates.ACROSS_CLASSES, "in several classes"),
    (duplicates.ACROSS_SPLITS, "in several splits"),
)


def of_source(found):
    """Returns the lines on what lies in a ``ClassFolders`` besides photos, and on its folders."""
    lines = []
    if found.companions:
        kinds = ["%d %s" % (number, kind) for kind, number in sorted(found.companions.items())]
        lines.append("not photos: %s" % ", ".join(kinds))
    if found.split_folders:
        folders = ["%s (%s)" % one for one in sorted(found.split_folders.items())]
        lines.append("the folders are the splits: %s" % ", ".join(folders))
    return lines


def of_classes(found, class_names):
    """Returns a list of warnings of classes that may not be what a person means.

    Args:
      found: a ``ClassFolders``.
      class_names: list of str.
    """
    alike = collections.defaultdict(list)
    for name in class_names:
        alike[unicodedata.normalize("NFC", name).strip().casefold()].append(name)
    lines = [
        "warning: classes whose names look alike: %s" % ", ".join(map(ascii, names))
        for names in alike.values()
        if len(names) > 1
    ]
    if found.bare_folders:
        lines.append(
            "warning: no classes, as they hold no photos themselves: %s" % some(found.bare_folders)
        )
    return lines


def of_left_out(left_out, num_good):
    """Returns the lines on photos that were left out.

    Args:
      left_out: ``{place: reason}``.
      num_good: how many were not.
    """
    kinds = {}
    for place, reason in left_out.items():
        # What follows a colon is about the one file.
        kind = "identical to others" if duplicates.is_later(reason) else reason.partition(":")[0]
        kinds.setdefault(kind, []).append((place, reason))
    lines = []
    for kind, members in list(kinds.items())[:_MAX_KINDS]:
        if len(members) <= _LINES_OF_A_KIND:
            lines += ["left out: %s: %s" % member for member in members]
        else:
            places = some(place for place, _ in members)
            lines.append("left out: %d photos: %s: %s" % (len(members), kind, places))
    if len(kinds) > _MAX_KINDS:
        lines.append("left out: photos for %d reasons more" % (len(kinds) - _MAX_KINDS))
    if left_out:
        lines.append("%d of %d photos left out" % (len(left_out), len(left_out) + num_good))
    return lines


def _equal(places):
    return some(places, " = ", "more like it")


def of_duplicates(kinds):
    """Returns the lines on identical photos; ``kinds`` is that of ``duplicates.kinds``."""
    lines = [
        "identical photos %s: %d, %s" % (words, len(kinds[kind]), some(map(_equal, kinds[kind])))
        for kind, words in _DUPLICATES
        if kinds[kind]
    ]
    if lines:
        lines.append("--drop_duplicates leaves out all but the first of identical photos")
    return lines
