"""Which files are photos, and of which class: one rule for archives and folders.

A photo's class is the folder that it lies in: ``<class>/<photo>``, wherever that may be, as in
``flower_photos/<class>/<photo>``. All photos lie equally deep. One that lies higher or deeper
than most do is a stray and belongs to no class: ``roses/old/1.jpg`` beside ``roses/1.jpg`` and
``tulips/1.jpg`` does not make a class "old", nor does it count as a rose.
"""

import collections
from typing import Callable, List, NamedTuple

from alexnet_flowers.errors import DataError

_PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
# More than any photo of photo_check.MAX_PIXELS takes; a file is read into memory as a whole, and
# what calls itself a photo in an archive may unpack to far more than there is.
_MAX_BYTES = 200 * 10**6


class PhotoFile(NamedTuple):
    """A photo that has not been decoded yet.

    Attributes:
      class_name: str, the name of its folder.
      name: str, its file name within that folder.
      read: a function without arguments that returns its bytes; safe in threads.
    """

    class_name: str
    name: str
    read: Callable[[], bytes]


class ClassFolders(NamedTuple):
    """The photos of an archive or a folder.

    Attributes:
      photos: a list of ``PhotoFile``, sorted by class and file name.
      strays: a list of str, the sorted paths of the photos that belong to no class.
    """

    photos: List[PhotoFile]
    strays: List[str]


def is_photo_name(name):
    """Says whether a file name is a photo's: a visible ``.jpg``, ``.jpeg`` or ``.png``."""
    return not name.startswith(".") and name.lower().endswith(_PHOTO_SUFFIXES)


def is_photo(parts):
    """Says whether a path, split into its folders and file name, is a photo's and not hidden."""
    return is_photo_name(parts[-1]) and not any(part.startswith(".") for part in parts)


def check_size(name, num_bytes):
    """Raises ``DataError`` for a file that is too large to be a photo."""
    if num_bytes > _MAX_BYTES:
        raise DataError(
            "%s: refused: %d bytes, more than %d million; a photo is smaller, remove it"
            % (name, num_bytes, _MAX_BYTES // 10**6)
        )


def sort_photos(source, files):
    """Finds each photo's class.

    Args:
      source: str, the archive or folder, for messages.
      files: a list of (parts, read): a photo's path within the source as a tuple of its folders
        and file name, and what reads it, see ``PhotoFile``.

    Returns:
      A ``ClassFolders``.

    Raises:
      DataError: no photo lies in a folder, two of a class have the same name, or a name cannot be
        written down.
    """
    counts = collections.Counter(len(parts) for parts, _ in files if len(parts) > 1)
    if not counts:
        raise DataError(
            "%s: holds no photos in class folders; expected <class>/<name>%s, all equally deep"
            % (source, " or ".join(_PHOTO_SUFFIXES))
        )
    # Of two depths with as many photos the deeper one: strays lie about at the top.
    depth = max(counts, key=lambda depth: (counts[depth], depth))
    photos, strays, taken = [], [], {}
    for parts, read in files:
        path = "/".join(parts)
        _check_name(source, path)
        if len(parts) != depth:
            strays.append(path)
            continue
        class_name, name = parts[-2:]
        _check_class_name(source, class_name)
        if (class_name, name) in taken:
            raise DataError(
                "%s: %r and %r are both %s/%s; rename one"
                % (source, taken[class_name, name], path, class_name, name)
            )
        taken[class_name, name] = path
        photos.append(PhotoFile(class_name, name, read))
    return ClassFolders(sorted(photos, key=lambda photo: photo[:2]), sorted(strays))


def _check_name(source, path):
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise DataError("%s: refused: control characters in the name %r" % (source, path))


def _check_class_name(source, class_name):
    # It goes into tables and pictures; a photo's own name does not have to.
    try:
        class_name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError("%s: the folder name %r is not UTF-8; rename it" % (source, class_name))
