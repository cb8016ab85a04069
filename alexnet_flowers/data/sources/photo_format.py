"""How photos can lie on this machine: one line for each format, the first that fits is taken."""

import os

from alexnet_flowers.data.sources import file_digest, folder, tar_archive, zip_archive
from alexnet_flowers.errors import DataError

# Whether this is the format of what is at a path, and the module whose ``read_photos`` reads it.
_FORMATS = (
    (os.path.isdir, folder),
    (zip_archive.is_zip, zip_archive),
    (os.path.isfile, tar_archive),
)


def exists(path):
    """Says whether there is anything at a path that photos could be read from."""
    return any(fits(path) for fits, _ in _FORMATS)


def read_photos(path, spool_dir):
    """Lists the photos of a folder or an archive; returns a ``class_folders.ClassFolders``.

    Args:
      path: the folder or archive.
      spool_dir: a folder on a disk with room for all its photos; nothing stays there.

    Raises:
      DataError: it is not there, not complete, or holds what is not to be trusted.
      OSError: it cannot be read.
    """
    for fits, module in _FORMATS:
        if fits(path):
            return module.read_photos(path, spool_dir)
    raise DataError("%s: no such archive; give an existing file or a URL as --archive" % path)


def sha256_of(path, photos=None, digests=None):
    """Returns the digest by which the same photos are recognized, 64 hexadecimal digits.

    Args:
      path: the folder or archive.
      photos: the photos that ``read_photos`` has listed, if it has.
      digests: of each of them ``folder.digest_of``, where that is known.
    """
    if os.path.isdir(path):
        return folder.sha256_of(photos or folder.read_photos(path).photos, digests)
    return file_digest.sha256_of(path)


def identity_of(path):
    """Returns what changes when an archive is replaced or written to; of a folder None."""
    return None if os.path.isdir(path) else folder.identity_of(os.stat(path))
