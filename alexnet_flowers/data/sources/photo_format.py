"""How photos can lie on this machine: one line for each format, the first that fits is taken."""

import os
from typing import Callable, NamedTuple

from alexnet_flowers.data.sources import file_digest, folder, tar_archive, zip_archive


class _PhotoFormat(NamedTuple):
    """What reads the photos of a folder or an archive.

    Attributes:
      fits: whether this is the format of what is at a path.
      read_photos: see the function of this name.
      sha256_of: see the function of this name.
    """

    fits: Callable
    read_photos: Callable
    sha256_of: Callable


_FORMATS = (
    _PhotoFormat(
        fits=os.path.isdir,
        read_photos=lambda path, spool_dir: folder.read_photos(path),
        sha256_of=lambda path, photos: folder.sha256_of(photos or folder.read_photos(path).photos),
    ),
    _PhotoFormat(
        fits=zip_archive.is_zip,
        read_photos=zip_archive.read_photos,
        sha256_of=lambda path, photos: file_digest.sha256_of(path),
    ),
    _PhotoFormat(
        fits=os.path.isfile,
        read_photos=tar_archive.read_photos,
        sha256_of=lambda path, photos: file_digest.sha256_of(path),
    ),
)


def exists(path):
    """Says whether there is anything at a path that photos could be read from."""
    return any(one.fits(path) for one in _FORMATS)


def read_photos(path, spool_dir):
    """Lists the photos of a folder or an archive.

    Args:
      path: the folder or archive.
      spool_dir: a folder on a disk with room for all its photos; nothing stays there.

    Returns:
      A ``class_folders.ClassFolders``.

    Raises:
      DataError: it is not complete, or holds what is not to be trusted.
      OSError: it cannot be read.
    """
    return _of(path).read_photos(path, spool_dir)


def sha256_of(path, photos=None):
    """Returns the digest by which the same photos are recognized, 64 hexadecimal digits.

    Args:
      path: the folder or archive.
      photos: the photos that ``read_photos`` has listed, if it has.
    """
    return _of(path).sha256_of(path, photos)


def _of(path):
    return next(one for one in _FORMATS if one.fits(path))
