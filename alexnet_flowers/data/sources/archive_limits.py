"""What an archive of any format may hold: nothing outside itself, and no more than can be meant.

A few kilobytes can claim to be terabytes or millions of members, so that reading them takes all of
the disk or hours. Photos hardly shrink when they are packed, which tells such archives apart.
"""

import os

from alexnet_flowers.data.sources import class_folders
from alexnet_flowers.errors import DataError

MAX_MEMBERS = 250 * 1000
# Bytes that may come out of an archive: some for the asking, and so many times its own size.
_FREE_BYTES = 10**9
_MAX_RATIO = 100


class Members:
    """The files of one archive, which are counted as they are listed.

    Attributes:
      files: what ``class_folders.sort_photos`` takes.
    """

    def __init__(self, path):
        self.files = []
        self._path = path
        self._num_members = 0
        self._bytes_left = _FREE_BYTES + _MAX_RATIO * os.path.getsize(path)

    def add(self, parts, size, read):
        """Adds a member.

        Args:
          parts: see ``parts_of``; of a folder with an empty file name behind.
          size: bytes.
          read: a function without arguments that copies a photo's bytes to where they can be read
            in any order, and returns what reads them; not called for other files.

        Raises:
          DataError: it is too large to be a photo, or see ``count``.
        """
        is_visible = bool(parts) and not class_folders.is_hidden(parts)
        is_photo = class_folders.is_photo(parts)
        if is_photo:
            class_folders.check_size("%s: the member %r" % (self._path, "/".join(parts)), size)
        self.count(size)
        if is_visible:
            self.files.append((parts, read() if is_photo else None))

    def count(self, num_bytes):
        """Counts what an archive has of a member or a note, before its bytes are read.

        Raises:
          DataError: the archive has too many, or unpacks to far more than its size.
        """
        self._num_members += 1
        if self._num_members > MAX_MEMBERS:
            raise DataError(
                "%s: refused: more than %d members; unpack it and give the folder"
                % (self._path, MAX_MEMBERS)
            )
        self.count_bytes(num_bytes)

    def count_bytes(self, num_bytes):
        """Counts bytes that an archive unpacks to; see ``count``."""
        self._bytes_left -= num_bytes
        if self._bytes_left < 0:
            raise DataError(
                "%s: refused: it unpacks to more than %d times its size; photos do not"
                % (self._path, _MAX_RATIO)
            )


def parts_of(path, name):
    """Splits a member's name into its folders and file name.

    Raises:
      DataError: it leads out of the archive, or has a backslash, which does so elsewhere.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise DataError("%s: refused: the member %r lies outside the archive" % (path, name))
    if "\\" in name:
        raise DataError("%s: refused: a backslash in the name of the member %r" % (path, name))
    return parts


def special(path, name):
    """Returns the ``DataError`` for a member that is no file."""
    return DataError(
        "%s: refused: the member %r is a link or a device, not a file" % (path, name)
    )  # fmt: skip
