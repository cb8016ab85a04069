"""Every photo of a source, decoded once on all cores; the bad ones are told apart."""

import contextlib
import io
from typing import Callable, NamedTuple, Optional

from tqdm import tqdm

from alexnet_flowers.data import parallel, photo_check, photo_kind
from alexnet_flowers.data.sources import folder
from alexnet_flowers.data.sources.class_folders import PhotoFile, TooLargeError
from alexnet_flowers.data.sources.spool import Spool
from alexnet_flowers.errors import DataError

_STRAY = "not as deep in folders as most photos, so of no class"


class VerifiedPhoto(NamedTuple):
    """A photo that can be decoded.

    Attributes:
      class_name: str.
      name: str, its file name within the folder of its class.
      height_px: int.
      width_px: int.
      read: a function without arguments that returns its bytes, a JPEG's; safe in threads.
      digest: the SHA-256 of the file it comes from, 32 bytes.
      split: see ``class_folders.PhotoFile``.
    """

    class_name: str
    name: str
    height_px: int
    width_px: int
    read: Callable[[], bytes]
    digest: bytes = b""
    split: Optional[str] = None

    # As in the source; the split, if any, is not a part of a record's file name.
    place = PhotoFile.place

    @property
    def filename(self):
        """``<class>/<name>``."""
        return "%s/%s" % (self.class_name, self.name)


def verify(found, path, spool_dir, strict, note):
    """Decodes the photos of a source.

    Args:
      found: ``class_folders.ClassFolders``.
      path: str, the folder or archive they lie in, for messages.
      spool_dir: a folder on a disk with room for the photos that have to be encoded anew; nothing
        stays there.
      strict: a photo that cannot be used is an error.
      note: called with each line on a photo of which a person should know more.

    Returns:
      A list of ``VerifiedPhoto`` in the order of ``found``; ``{place: reason}`` of the photos
      that cannot be used; and the digest of each of ``found.photos``, see ``folder.digest_of``.

    Raises:
      DataError: a photo cannot be used, and ``strict``; or one has changed since it was listed.
      OSError: one cannot be read.
    """
    spool = Spool(spool_dir)
    photos, left_out, digests = [], {}, []

    def leave_out(place, reason):
        if strict:
            raise DataError("%s: %s: %s (--strict)" % (path, place, reason))
        left_out[place] = reason

    for place in found.strays:
        leave_out(place, _STRAY)
    with contextlib.closing(parallel.on_all_cores(_check, found.photos)) as results:
        checked = tqdm(results, desc="checking", unit="photo", total=len(found.photos))
        for (verified, digest), photo in zip(checked, found.photos):
            digests.append(digest)
            if isinstance(verified, photo_kind.BadPhotoError):
                leave_out(photo.place, str(verified))
                continue
            class_name, name, read, split = photo
            if verified.note:
                with tqdm.external_write_mode():  # The bar is drawn again below it.
                    note("%s: %s" % (photo.place, verified.note))
            if verified.replacement is not None:
                read = spool.add(io.BytesIO(verified.replacement), len(verified.replacement))
            photos.append(
                VerifiedPhoto(
                    class_name, name, verified.height_px, verified.width_px, read, digest, split
                )
            )
    return photos, left_out, digests


def _check(photo):
    """Returns a photo's ``photo_check.Verified``, or why it cannot be used; and its digest."""
    try:
        encoded = photo.read()
    except TooLargeError as error:
        return photo_kind.BadPhotoError(error.reason), folder.digest_of(error)
    digest = folder.digest_of(encoded)
    try:
        return photo_check.verify(encoded), digest
    except photo_kind.BadPhotoError as error:
        return error, digest
