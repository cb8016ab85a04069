"""A photo's bytes, decoded to the last row before they may enter a dataset or a network."""

import concurrent.futures
import io
import os
import warnings
from typing import NamedTuple, Optional

from PIL import Image, UnidentifiedImageError

# A photo of 50 million pixels takes 150 MB when it is decoded; a small file can claim far more.
MAX_PIXELS = 50 * 1000 * 1000
# For photos that have to be encoded anew: high enough to lose nothing visible.
_JPEG_QUALITY = 95
_JPEG_BEGINS = b"\xff\xd8\xff"


class Verified(NamedTuple):
    """A photo that can be decoded.

    Attributes:
      height_px: int.
      width_px: int.
      replacement: bytes of an RGB JPEG where the photo was something else, None where its own
        bytes are good as they are.
    """

    height_px: int
    width_px: int
    replacement: Optional[bytes]


class BadPhotoError(Exception):
    """A photo that cannot be used; the message is the reason."""


def verify(encoded):
    """Decodes a photo fully.

    An RGB JPEG (the file's own color space being YCbCr or RGB) is left as it is. What TensorFlow's
    JPEG path would read differently or not at all (CMYK, grayscale, a PNG under any name) is
    encoded anew as an RGB JPEG.

    Args:
      encoded: bytes.

    Returns:
      A ``Verified``.

    Raises:
      BadPhotoError: not a JPEG or PNG, damaged, cut off or larger than ``MAX_PIXELS``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Broken metadata; the pixels decide.
            with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as image:
                width_px, height_px = image.size
                if width_px * height_px > MAX_PIXELS:
                    raise BadPhotoError(
                        "%d x %d pixels, more than %d million"
                        % (width_px, height_px, MAX_PIXELS // 10**6)
                    )
                image.load()
                if image.format != "PNG" and image.mode == "RGB":
                    return Verified(height_px, width_px, None)
                if image.mode.startswith("I"):  # 16 bits of gray, which would be clipped to 8.
                    image = image.point(lambda value: value / 256).convert("L")
                buffer = io.BytesIO()
                image.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY)
                return Verified(height_px, width_px, buffer.getvalue())
    except UnidentifiedImageError:
        raise BadPhotoError("not a JPEG or PNG" if encoded else "an empty file")
    except Image.DecompressionBombError:  # Pillow's own limit is higher.
        raise BadPhotoError("far more than %d million pixels" % (MAX_PIXELS // 10**6))
    except BadPhotoError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to.
        raise BadPhotoError("cannot be decoded: %s" % error)


def is_jpeg(encoded):
    """Says whether bytes that ``verify`` accepts are a JPEG's."""
    return encoded.startswith(_JPEG_BEGINS)


def on_all_cores(check, photos):
    """Yields the results of checks, in the order of the photos.

    Pillow decodes without holding the interpreter's lock, so threads use all cores.

    Args:
      check: a function of a photo, which calls ``verify``.
      photos: a list of whatever ``check`` takes. Closing the generator drops the checks that have
        not begun.
    """
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(check, photos)
        try:
            yield from results
        finally:
            results.close()
