"""What is in an archive of photos: ``*/<class>/<file>``, nothing else, and nothing unpacked.

The photos of a tar archive are copied one after the other into a single nameless file, which
the operating system deletes with the process, and are read from there in any order. No member
ever gets to choose where something is written.
"""

import collections
import functools
import os
import tarfile
import tempfile
import zlib

from alexnet_flowers.errors import DataError

_PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")

Photo = collections.namedtuple("Photo", ["class_name", "name", "read"])
Photo.__doc__ = """A photo that has not been decoded yet.

Attributes:
  class_name: str, the name of its folder.
  name: str, its file name within that folder.
  read: a function without arguments that returns its bytes; safe in threads.
"""


def read_photos(path, spool_dir):
    """Lists the photos of a tar archive (compressed or not).

    Args:
      path: the archive.
      spool_dir: a folder on a disk with room for all its photos; nothing stays there.

    Returns:
      A list of ``Photo``, sorted by class and file name.

    Raises:
      DataError: no such file, no tar, a truncated one, a member that is not to be trusted, the
        same photo twice, or no class folders.
    """
    if not os.path.isfile(path):
        raise DataError("%s: no such archive; give an existing file or a URL as --archive" % path)
    spool = Spool(spool_dir)
    readers = {}
    try:
        with tarfile.open(path, mode="r|*", tarinfo=_Member) as tar:
            for member in tar:
                place = _place(path, member)
                if place is None:
                    continue
                if place in readers:
                    raise DataError("%s: holds the member %r twice" % (path, member.name))
                readers[place] = spool.add(tar.extractfile(member), member.size)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise _unreadable(path, error)  # TypeError: tarfile's own, for a cut-off gzip header.
    except OSError as error:
        if error.errno is not None and error.filename is None:
            raise  # The disk of spool_dir, not the archive.
        raise _unreadable(path, error)
    if not readers:
        raise DataError(
            "%s: holds no photos; expected members like flower_photos/<class>/<name>.jpg" % path
        )
    return [
        Photo(class_name, name, readers[class_name, name]) for class_name, name in sorted(readers)
    ]


class _Member(tarfile.TarInfo):
    """A member whose missing or damaged header is an error wherever it is.

    tarfile itself takes one behind the first member for the end of the archive, so that one that
    was cut off would merely seem to hold fewer photos.
    """

    @classmethod
    def fromtarfile(cls, tar):
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:
            raise  # The block of zeros that ends every complete archive.
        except tarfile.HeaderError as error:
            raise tarfile.ReadError("%s instead of a member or the end" % error)


def _unreadable(path, error):
    return DataError("%s: not a complete tar archive (%s); download it again" % (path, error))


def _place(path, member):
    """Returns (class, file name) of a photo, None for other harmless members; refuses the rest."""
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if member.name.startswith("/") or "\\" in member.name or ".." in parts or "\0" in member.name:
        raise DataError("%s: refused: the member %r lies outside the archive" % (path, member.name))
    if member.isdir():
        return None
    if not member.isreg():
        raise DataError(
            "%s: refused: the member %r is a link or a device, not a file" % (path, member.name)
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in member.name):
        raise DataError(
            "%s: refused: control characters in the name of the member %r" % (path, member.name)
        )
    if len(parts) != 3 or not is_photo_name(parts[2]) or parts[1].startswith("."):
        return None
    return parts[1], parts[2]


def is_photo_name(name):
    """Says whether a file name is a photo's: a visible ``.jpg``, ``.jpeg`` or ``.png``."""
    return not name.startswith(".") and name.lower().endswith(_PHOTO_SUFFIXES)


class Spool:
    """Bytes put aside on disk, in one nameless file that vanishes with the process."""

    def __init__(self, spool_dir):
        self._file = tempfile.TemporaryFile(dir=spool_dir, buffering=0)
        self._end = 0

    def add(self, source, size):
        """Copies ``size`` bytes from a file object; returns a function that reads them back.

        Raises:
          EOFError: the source ends early.
        """
        start = self._end
        while self._end < start + size:
            chunk = source.read(min(1 << 20, start + size - self._end))
            if not chunk:
                raise EOFError("a member is cut off")
            _write_all(self._file, chunk)
            self._end += len(chunk)
        return functools.partial(self._read, start, size)

    def _read(self, start, size):
        # os.pread keeps no position, so that several threads can read at once.
        parts = []
        while size:
            part = os.pread(self._file.fileno(), size, start)
            if not part:
                raise EOFError("the temporary copy of the photos is too short")
            parts.append(part)
            start += len(part)
            size -= len(part)
        return b"".join(parts)


def _write_all(raw_file, chunk):
    left = memoryview(chunk)
    while left:
        left = left[raw_file.write(left) :]
