"""A photo's bytes, decoded to the last row before they may enter a dataset or a network.

What a file is, its content decides. JPEGs that the pipeline reads as they are keep their bytes;
everything else that Pillow decodes by itself becomes a JPEG.
"""

import contextlib
import io
import threading
import warnings
from typing import NamedTuple, Optional

from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from alexnet_flowers.data import jpeg_check, photo_encoding, photo_kind

# Phones make 200 million; such a photo takes 800 MB while it is decoded, as 16 bits of gray 2.3 GB,
# one at a time.
MAX_PIXELS_REDUCED = 200 * 1000 * 1000
# That limit is kept here, where it can be told with its numbers; Pillow's own is lower.
Image.MAX_IMAGE_PIXELS = None
# So much of a PNG's text or color profile may unpack to, which decide no pixel here; Pillow's own
# limit is a megabyte, and photos have more.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
# Those of broken metadata: the pixels decide.
warnings.filterwarnings("ignore", module="PIL")
_ONE_AT_A_TIME = threading.Lock()

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
# TIFF's NewSubfileType, whose first bit says that a picture is a small one of another.
_SUBFILE_TAG = 254


class Verified(NamedTuple):
    """A photo that can be decoded.

    Attributes:
      height_px: int, as it is trained on: upright and, where need be, reduced.
      width_px: int.
      replacement: bytes of an RGB JPEG where the photo was something else, None where its own
        bytes are good as they are.
      note: str, what a person should know of it, such as that only a GIF's first frame was taken;
        None where there is nothing.
    """

    height_px: int
    width_px: int
    replacement: Optional[bytes] = None
    note: Optional[str] = None


def verify(encoded):
    """Decodes a photo, the bytes of any file, fully; returns a ``Verified``.

    An upright JPEG of up to ``jpeg_check.MAX_PIXELS`` stays as it is, gray and CMYK ones too, if
    TensorFlow decodes it. Other JPEGs, PNG, WebP, BMP, TIFF and GIF are encoded anew, see
    ``photo_encoding``: of several pictures the first, and with too many pixels a smaller one.

    Raises:
      BadPhotoError: another kind of file, damaged or cut off; more than ``MAX_PIXELS_REDUCED``, too
        long a side, too many scans or segments; or its values are no colors.
      MemoryError: there is too little to decode it.
    """
    if encoded.startswith(jpeg_check.BEGINS):
        found = jpeg_check.check_structure(encoded)
        is_small = found.num_pixels <= jpeg_check.MAX_PIXELS
        if is_small and not (found.has_metadata and _is_turned(encoded)):
            jpeg_check.check_decoding(encoded)
            return Verified(*found.size_px)
    with _opened(encoded) as image, contextlib.ExitStack() as held:
        if image.width * image.height > jpeg_check.MAX_PIXELS:
            held.enter_context(_ONE_AT_A_TIME)
        return Verified(*photo_encoding.encode(image))


@contextlib.contextmanager
def _opened(encoded):
    """Opens an image; what Pillow raises then or later, such as in its decoders, is translated."""
    try:
        with _identified(encoded) as image:
            _check_size(image)
            yield image
    except UnidentifiedImageError:
        raise photo_kind.error(encoded)
    except (photo_kind.BadPhotoError, MemoryError):
        raise  # Of no memory the photo is not to blame.
    except Exception as error:  # Whatever a damaged file leads to.
        said = " ".join(str(error).split())
        is_number = said.lstrip("-").isdigit()  # That of libtiff's error.
        raise photo_kind.BadPhotoError(
            "cannot be decoded: %s" % ("it is damaged" if is_number else said)
        )


def _identified(encoded):
    try:
        return Image.open(io.BytesIO(encoded), formats=_FORMATS)
    except UnidentifiedImageError:
        if not encoded.startswith(jpeg_check.BEGINS):
            raise
    try:
        # Pillow gives up over a damaged list of further pictures behind a JPEG; this one is whole.
        return JpegImagePlugin.JpegImageFile(io.BytesIO(encoded))
    except SyntaxError:  # Some versions of it give up over broken EXIF, too.
        unread = encoded.replace(b"Exif\0", b"exif\0", 1)
        return JpegImagePlugin.JpegImageFile(io.BytesIO(unread))


def _is_turned(encoded):
    try:
        with _opened(encoded) as image:
            return photo_encoding.is_turned(image)
    except photo_kind.BadPhotoError:
        return False  # Metadata that nobody can read turn nothing; the pixels decide.


def _check_size(image):
    if image.width * image.height > MAX_PIXELS_REDUCED:
        raise photo_kind.BadPhotoError(
            "more than %d million pixels: %d x %d" % (MAX_PIXELS_REDUCED // 10**6, *image.size)
        )
    if image.format == "TIFF" and image.tag_v2.get(_SUBFILE_TAG, 0) & 1:
        raise photo_kind.BadPhotoError(photo_kind.RAW)
