"""What photos are in a zip archive; nothing is unpacked.

As from a tar archive, its photos are copied into one nameless file, and read from there.
"""

import contextlib
import errno
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib

from alexnet_flowers import atomic
from alexnet_flowers.data.sources import archive_limits, class_folders
from alexnet_flowers.data.sources.spool import Spool
from alexnet_flowers.errors import DataError

# How a zip archive begins: with its first member, or, if it is empty, with its end.
_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
# zipfile reads the whole list of members into memory, at a microsecond or so a byte of it.
_MAX_LIST_BYTES = 1 << 26
# Where the list's size is: in the record that ends the archive, 22 bytes and a comment, and in
# the one before it of an archive of more than 65,535 members.
_END_BYTES = 22 + (1 << 16) + 20 + 56
_ENCRYPTED, _IN_UTF8 = 0x1, 0x800


def is_zip(path):
    """Says whether a file is a zip archive; one that lies within another archive does not count."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file, atomic.naming(path):
        return file.read(4) in _BEGINNINGS


def read_photos(path, spool_dir):
    """Lists the photos of a zip archive; see ``photo_format.read_photos``.

    Raises:
      DataError: it is damaged or encrypted, or has a member that is not to be trusted; or see
        ``class_folders.sort_photos``.
    """
    listed = archive_limits.Members(path)
    spool = Spool(spool_dir)
    try:
        _check_list(path)
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                listed.add(
                    _parts(path, member),
                    member.file_size,
                    lambda member=member: _copied(archive, member, spool),
                )
    except NotImplementedError:
        raise DataError(
            "%s: is packed by a method that cannot be read here; unpack it and give the folder"
            % path
        )
    except (
        zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, ValueError, struct.error,
        RuntimeError, IndexError,
    ) as error:  # fmt: skip
        raise _unreadable(path, error)
    except OSError as error:
        if error.errno in (None, errno.EINVAL):
            raise _unreadable(path, error)
        with atomic.naming(path):  # Unless it is the disk of spool_dir.
            raise
    return class_folders.sort_photos(path, listed.files)


def _copied(archive, member, spool):
    with archive.open(member) as file:
        read = spool.add(file, member.file_size)
        # The checksum is compared at the end only; and there must be no more than was counted.
        if file.read(1):
            raise zipfile.BadZipFile("%r is longer than it says" % member.filename)
        return read


def _parts(path, member):
    """Returns a member's folders and name, empty for a folder; refuses what is no plain file."""
    name = _name(member)
    parts = archive_limits.parts_of(path, name)
    if name.endswith("/"):
        return parts + ("",)
    mode = member.external_attr >> 16  # That of Unix; 0 from other systems.
    is_plain = stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
    if not is_plain and class_folders.is_photo(parts):
        raise archive_limits.special(path, member.filename)
    if member.flag_bits & _ENCRYPTED:
        raise DataError(
            "%s: refused: the member %r is encrypted; make an archive without a password"
            % (path, member.filename)
        )
    return parts


def _name(member):
    """Returns a member's name, with ``/`` between its parts."""
    name = member.filename
    if not member.flag_bits & _IN_UTF8:
        # It should be of IBM's code page 437, and zipfile takes it for that; macOS writes UTF-8.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")  # Some programs of Windows.


def _check_list(path):
    """Raises ``DataError`` for a list of members that takes all of the memory."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - _END_BYTES))
        end = file.read()
    sizes = [struct.unpack("<I", found)[0] for found in re.findall(b"(?s)PK\5\6.{8}(.{4})", end)]
    large = [struct.unpack("<Q", found)[0] for found in re.findall(b"(?s)PK\6\6.{36}(.{8})", end)]
    # All bits set: see the other record.
    size = max([0] + [size for size in sizes if size != 0xFFFFFFFF] + large)
    if size > _MAX_LIST_BYTES and size <= os.path.getsize(path):
        raise DataError(
            "%s: refused: a list of members of %d bytes; unpack it and give the folder"
            % (path, size)
        )


def _unreadable(path, error):
    return DataError(
        "%s: not a complete zip archive (%s); download or pack it again" % (path, error)
    )  # fmt: skip
