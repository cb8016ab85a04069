"""The same photo more than once: files with identical bytes."""

WITHIN_CLASSES = "within_classes"
ACROSS_CLASSES = "across_classes"
ACROSS_SPLITS = "across_splits"
# Why a photo is left out; before the place of the first one.
_LATER = "identical to "


def groups(photos):
    """Returns the photos that are there more than once, in lists of the same bytes, in order.

    Args:
      photos: ``verification.VerifiedPhoto`` in order.
    """
    found = {}
    for photo in photos:
        found.setdefault(photo.digest, []).append(photo)
    return [group for group in found.values() if len(group) > 1]


def without_later(photos):
    """Returns photos but the later of identical ones, in order; ``{place: reason}`` of the rest."""
    later = {
        photo.place: _LATER + group[0].place for group in groups(photos) for photo in group[1:]
    }
    return [photo for photo in photos if photo.place not in later], later


def is_later(reason):
    """Says whether that is why ``without_later`` left a photo out."""
    return reason.startswith(_LATER)


def kinds(parts):
    """Says which identical photos a dataset has, and whether they fell apart.

    Args:
      parts: ``{split name: photos}``.

    Returns:
      ``{kind: [places, ...]}`` with the kinds ``WITHIN_CLASSES``, ``ACROSS_CLASSES`` and
      ``ACROSS_SPLITS``; identical photos can be of several.
    """
    split_of = {photo.place: split for split, photos in parts.items() for photo in photos}
    photos = sorted(
        (photo for photos in parts.values() for photo in photos), key=lambda photo: photo.place
    )
    found = {WITHIN_CLASSES: [], ACROSS_CLASSES: [], ACROSS_SPLITS: []}
    for group in groups(photos):
        places = [photo.place for photo in group]
        num_classes = len({photo.class_name for photo in group})
        if num_classes < len(group):
            found[WITHIN_CLASSES].append(places)
        if num_classes > 1:
            found[ACROSS_CLASSES].append(places)
        if len({split_of[place] for place in places}) > 1:
            found[ACROSS_SPLITS].append(places)
    return found
