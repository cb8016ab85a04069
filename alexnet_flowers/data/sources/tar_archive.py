"""What photos are in a tar archive; nothing is unpacked.

The photos of a tar archive are copied one after the other into a single nameless file, which
the operating system deletes with the process, and are read from there in any order. No member
ever gets to choose where something is written.
"""

import bz2
import gzip
import lzma
import os
import re
import tarfile
import zipfile
import zlib

from alexnet_flowers import atomic
from alexnet_flowers.data.sources import archive_limits, class_folders
from alexnet_flowers.data.sources.spool import Spool
from alexnet_flowers.errors import DataError

# What unpacking xz may take; ``xz -9`` needs a quarter, and the format allows 4 GiB.
_MAX_XZ_MEMORY = 1 << 28


# In which a stream's end and a padding lie that Python takes for the beginning of another stream.
_XZ_END_BYTES = 32


def _open_xz(path, mode):
    with open(path, mode) as file:
        try:
            lzma.LZMADecompressor(memlimit=_MAX_XZ_MEMORY).decompress(file.read(1 << 16), 1)
        except lzma.LZMAError as error:
            if "Memory" in str(error):
                raise _Refused(
                    "unpacking it takes more than %d MB of memory" % (_MAX_XZ_MEMORY >> 20)
                )
            raise
    return lzma.open(path, mode)


# How compressed files begin.
_COMPRESSED = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": _open_xz,
    b"\x5d\0\0\x80": lzma.open,
}
_LONGEST_BEGINNING = max(map(len, _COMPRESSED))
# How archives begin that cannot be read here.
_UNREADABLE = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress",
}
# Members that tarfile keeps in memory: names and other notes on the member that follows.
_PAX_NOTES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_NOTES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK) + _PAX_NOTES
_MAX_NOTE_BYTES = 1 << 16
# GNU tar's: the archive's label, and what else was in a folder.
_NO_MEMBERS = (b"V", b"D")
# tarfile goes through what a header claims block by block, whether there are any or not.
_MAX_MEMBER_BYTES = 10**11
# Notes on all members that follow; tarfile copies them for each.
_MAX_GLOBAL_NOTES = 100
# tarfile looks for a number in a pax note in a time that grows with the square of its digits.
_TOO_MANY_DIGITS = re.compile(rb"[0-9]{65}")


def read_photos(path, spool_dir):
    """Lists the photos of a tar archive (compressed or not); see ``photo_format.read_photos``.

    Raises:
      DataError: no tar, a truncated one, or a member that is not to be trusted; or
        see ``class_folders.sort_photos``.
    """
    spool = Spool(spool_dir)
    try:
        with _unpacked(path) as file, _Archive.open(
            path, mode="r|", fileobj=file, tarinfo=_Member
        ) as tar:
            for member in tar:
                tar.members.clear()  # Which tarfile would keep, all of them.
                tar.listed.add(
                    _parts(path, member),
                    member.size,
                    lambda member=member: spool.add(tar.extractfile(member), member.size),
                )
            _read_to_the_end(path, file, tar.listed)
            files = tar.listed.files
    except _Refused as error:
        raise DataError("%s: refused: %s; unpack it and give the folder" % (path, error))
    except (
        tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError,
        TypeError, RecursionError,  # A cut-off gzip header; a thousand notes on one member.
    ) as error:  # fmt: skip
        raise _unreadable(path, error)
    except OSError as error:
        if error.errno is None:
            raise _unreadable(path, error)
        with atomic.naming(path):  # Unless it is the disk of spool_dir.
            raise
    return class_folders.sort_photos(path, files)


def _read_to_the_end(path, file, listed):
    """Reads what follows the end of an archive: gzip's checksum is behind it, perhaps something."""
    while True:
        try:
            piece = file.read(1 << 20)
        except (OSError, EOFError) as error:
            if _is_whole(path, error):
                return
            raise
        if not piece:
            return
        listed.count_bytes(len(piece))
        if piece.strip(b"\0"):
            raise _Refused("something follows its end, such as another archive")


def _is_whole(path, error):
    """Says whether all that Python does not like of a compressed file is what follows its end."""
    if "Not a gzipped file" in str(error):  # What ``gzip`` ignores.
        return True
    with open(path, "rb") as file:
        file.seek(-_XZ_END_BYTES, os.SEEK_END)
        end = file.read()
    return end.endswith(b"\0") and end.rstrip(b"\0").endswith(b"YZ")  # xz may pad its streams.


def _unpacked(path):
    """Opens a file, compressed or not, for reading what is in it.

    tarfile itself copies all that a piece of the file unpacks to for each member of it: minutes,
    where that is 70 MB.
    """
    with open(path, "rb") as file:
        beginning = file.read(_LONGEST_BEGINNING)
    for known, opens in _COMPRESSED.items():
        if beginning.startswith(known):
            return opens(path, "rb")
    for known, name in _UNREADABLE.items():
        if beginning.startswith(known):
            raise _Refused("a %s archive cannot be read here" % name)
    return open(path, "rb")


class _Refused(tarfile.ReadError):
    """An archive that may be sound, but is not read."""


class _Archive(tarfile.TarFile):
    """An archive that counts its members and the notes on them.

    Attributes:
      listed: an ``archive_limits.Members``.
      num_global_notes: int, the notes on all members that follow.
    """

    def __init__(self, name, *args, **kwargs):
        self.listed = archive_limits.Members(name)
        self.num_global_notes = 0
        super().__init__(name, *args, **kwargs)  # It reads the first member.


class _Member(tarfile.TarInfo):
    """A member whose missing, damaged or endless header is an error wherever it is.

    tarfile itself takes one behind the first member for the end of the archive, so that one that
    was cut off would merely seem to hold fewer photos.
    """

    @classmethod
    def frombuf(cls, *args, **kwargs):
        member = super().frombuf(*args, **kwargs)
        if member.type in _NOTES and member.size > _MAX_NOTE_BYTES:
            raise _Refused("a note of %d bytes on a member" % member.size)
        return member._checked()

    @classmethod
    def fromtarfile(cls, tar):
        try:
            # Again, because a note may have changed the size.
            return super().fromtarfile(tar)._checked()
        except tarfile.EOFHeaderError:
            raise  # The block of zeros that ends every complete archive.
        except tarfile.HeaderError as error:
            raise tarfile.ReadError("%s instead of a member or the end" % error)

    def _proc_member(self, tar):
        """Reads what belongs to the header; tarfile's own hook for other kinds of members."""
        if self.type in _NOTES:
            tar.listed.count(self.size)
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise _Refused("a sparse member, which no photo is")
        if self.type not in _PAX_NOTES:
            return super()._proc_member(tar)
        tar.num_global_notes += self.type == tarfile.XGLTYPE
        if tar.num_global_notes > _MAX_GLOBAL_NOTES:
            raise _Refused("more than %d notes on all members" % _MAX_GLOBAL_NOTES)
        note = tar.fileobj.read(self._block(self.size))
        if b"GNU.sparse" in note:
            raise _Refused("a sparse member, which no photo is")
        if _TOO_MANY_DIGITS.search(note):
            raise _Refused("a note with a number of more than 64 digits")
        tar.fileobj = _ReadBefore(tar, note)
        return super()._proc_member(tar)

    def _checked(self):
        if not 0 <= self.size <= _MAX_MEMBER_BYTES:
            raise tarfile.ReadError("a member of %d bytes" % self.size)
        return self


class _ReadBefore:
    """Stands for an archive's file until what has been read of it before is read again."""

    def __init__(self, tar, content):
        self._tar, self._file, self._content = tar, tar.fileobj, content

    def read(self, size):
        self._tar.fileobj = self._file
        return self._content


def _unreadable(path, error):
    if zipfile.is_zipfile(path):
        return DataError(
            "%s: refused: a zip archive that does not begin here, such as one in several parts; "
            "unpack it and give the folder" % path
        )
    return DataError("%s: not a complete tar archive (%s); download it again" % (path, error))


def _parts(path, member):
    """Returns a member's folders and name, empty for a folder; refuses what is no file."""
    parts = archive_limits.parts_of(path, member.name)
    if member.type in _NO_MEMBERS:
        return ()
    if member.isdir():
        return parts + ("",)
    if not member.isreg() and class_folders.is_photo(parts):
        raise archive_limits.special(path, member.name)
    return parts
