"""What photos are in a tar archive; nothing is unpacked.

The photos of a tar archive are copied one after the other into a single nameless file, which
the operating system deletes with the process, and are read from there in any order. No member
ever gets to choose where something is written.
"""

import lzma
import os
import tarfile
import zlib

from alexnet_flowers.data.sources import class_folders
from alexnet_flowers.data.sources.spool import Spool
from alexnet_flowers.errors import DataError

# Members that tarfile keeps in memory: names and other notes on the member that follows.
_NOTES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_MAX_NOTE_BYTES = 1 << 20
# tarfile goes through what a header claims block by block, whether there are any or not.
_MAX_MEMBER_BYTES = 10**11


def read_photos(path, spool_dir):
    """Lists the photos of a tar archive (compressed or not).

    Args:
      path: the archive.
      spool_dir: a folder on a disk with room for all its photos; nothing stays there.

    Returns:
      A ``class_folders.ClassFolders``.

    Raises:
      DataError: no such file, no tar, a truncated one, or a member that is not to be trusted; or
        see ``class_folders.sort_photos``.
    """
    if not os.path.isfile(path):
        raise DataError("%s: no such archive; give an existing file or a URL as --archive" % path)
    spool = Spool(spool_dir)
    files = []
    try:
        with tarfile.open(path, mode="r|*", tarinfo=_Member) as tar:
            for member in tar:
                parts = _parts(path, member)
                if parts:
                    files.append((parts, spool.add(tar.extractfile(member), member.size)))
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise _unreadable(path, error)
    except (TypeError, RecursionError) as error:
        # tarfile's own, for a cut-off gzip header and for a thousand notes on one member.
        raise _unreadable(path, error)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            raise  # The disk of spool_dir, not the archive.
        raise _unreadable(path, error)
    return class_folders.sort_photos(path, files)


class _Member(tarfile.TarInfo):
    """A member whose missing, damaged or endless header is an error wherever it is.

    tarfile itself takes one behind the first member for the end of the archive, so that one that
    was cut off would merely seem to hold fewer photos.
    """

    @classmethod
    def frombuf(cls, *args, **kwargs):
        member = super().frombuf(*args, **kwargs)
        return member._checked(_MAX_NOTE_BYTES if member.type in _NOTES else _MAX_MEMBER_BYTES)

    @classmethod
    def fromtarfile(cls, tar):
        try:
            # Again, because a note may have changed the size.
            return super().fromtarfile(tar)._checked(_MAX_MEMBER_BYTES)
        except tarfile.EOFHeaderError:
            raise  # The block of zeros that ends every complete archive.
        except tarfile.HeaderError as error:
            raise tarfile.ReadError("%s instead of a member or the end" % error)

    def _checked(self, max_bytes):
        if not 0 <= self.size <= max_bytes:
            raise tarfile.ReadError("a member of %d bytes" % self.size)
        return self


def _unreadable(path, error):
    return DataError("%s: not a complete tar archive (%s); download it again" % (path, error))


def _parts(path, member):
    """Returns a photo's folders and name, None for other harmless members; refuses the rest."""
    parts = tuple(part for part in member.name.split("/") if part not in ("", "."))
    if member.name.startswith("/") or "\\" in member.name or ".." in parts or "\0" in member.name:
        raise DataError("%s: refused: the member %r lies outside the archive" % (path, member.name))
    if member.isdir():
        return None
    if not member.isreg():
        raise DataError(
            "%s: refused: the member %r is a link or a device, not a file" % (path, member.name)
        )
    if not parts or not class_folders.is_photo(parts):
        return None
    class_folders.check_size("%s: the member %r" % (path, member.name), member.size)
    return parts
