"""A photo's bytes, decoded to the last row before they may enter a dataset or a network.

What a file is, its content decides. JPEGs that the pipeline reads as they are keep their bytes;
everything else that Pillow decodes by itself becomes a JPEG.
"""

import collections
import concurrent.futures
import contextlib
import io
import threading
import warnings
from typing import NamedTuple, Optional

from PIL import Image, ImageChops, ImageOps, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from alexnet_flowers import devices
from alexnet_flowers.data import jpeg_check, photo_kind
from alexnet_flowers.data.jpeg_check import MAX_PIXELS

# Phones make 200 million; such a photo takes 800 MB while it is decoded, as 16 bits of gray 2.3 GB,
# one at a time.
MAX_PIXELS_REDUCED = 200 * 1000 * 1000
# That limit is kept here, where it can be told with its numbers; Pillow's own is lower.
Image.MAX_IMAGE_PIXELS = None
# So much of a PNG's text or color profile may unpack to, which decide no pixel here; Pillow's own
# limit is a megabyte, and photos have more.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
_ONE_AT_A_TIME = threading.Lock()

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
# High enough to lose nothing visible.
_JPEG_QUALITY = 95
_MAX_JPEG_SIDE = 65500  # libjpeg's.

_ORIENTATION_TAG = 0x0112
# What makes a picture upright, by its EXIF orientation.
_UPRIGHT = {
    2: Image.FLIP_LEFT_RIGHT,
    3: Image.ROTATE_180,
    4: Image.FLIP_TOP_BOTTOM,
    5: Image.TRANSPOSE,
    6: Image.ROTATE_270,
    7: Image.TRANSVERSE,
    8: Image.ROTATE_90,
}
# TIFF's NewSubfileType, whose first bit says that a picture is a small one of another.
_SUBFILE_TAG = 254
_BITS_TAG, _COLORS_TAG, _NUMBERS_TAG = 258, 262, 339
_WHITE_IS_0, _UNSIGNED = 0, 1
# Where Pillow keeps XMP. Some of its versions take an orientation from there, others do not;
# browsers do not either.
_XMP = ("xmp", "XML:com.adobe.xmp")

_NO_COLORS = "its pixels are numbers of any range, not colors; save it as a JPEG"

# Photos that wait, decoded, for whoever takes them; per core.
_AHEAD = 4


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

    An upright JPEG of up to ``MAX_PIXELS`` stays as it is, gray and CMYK ones too, if TensorFlow
    decodes it. Other JPEGs, PNG, WebP, BMP, TIFF and GIF are encoded anew as upright RGB JPEGs: of
    several pictures the first, what is transparent on white. More pixels than ``MAX_PIXELS`` are
    reduced to a half, a quarter or an eighth of each side.

    Raises:
      BadPhotoError: another kind of file, damaged or cut off; more than ``MAX_PIXELS_REDUCED``, too
        long a side, too many scans or segments; or its values are no colors.
      MemoryError: there is too little to decode it.
    """
    if encoded.startswith(jpeg_check.BEGINS):
        found = jpeg_check.check_structure(encoded)
        if found.num_pixels <= MAX_PIXELS and not (found.has_metadata and _is_turned(encoded)):
            jpeg_check.check_decoding(encoded)
            return Verified(*found.size_px)
    with _opened(encoded) as image, contextlib.ExitStack() as held:
        if image.width * image.height > MAX_PIXELS:
            held.enter_context(_ONE_AT_A_TIME)
        return _encoded_anew(image)


def on_all_cores(check, photos):
    """Yields what a function makes of each photo, in their order, only a few ahead of who asks.

    Neither Pillow nor TensorFlow decodes under the interpreter's lock, so threads use all cores.

    Args:
      check: a function of a photo, called in several threads; what it raises comes in its turn.
      photos: an iterable of whatever ``check`` takes, read as it is needed. Closing the generator
        drops the checks that have not begun.
    """
    num_threads = devices.num_cores()
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for photo in photos:
                waiting.append(pool.submit(check, photo))
                if len(waiting) > _AHEAD * num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


_counting, _silence, _num_silent = threading.Lock(), contextlib.ExitStack(), 0


@contextlib.contextmanager
def _without_warnings():
    """A context without those of broken metadata, as the pixels decide; for several threads.

    Python's own is the whole process's: the first thread to leave it would end it for all.
    """
    global _num_silent
    with _counting:
        if not _num_silent:
            _silence.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _num_silent += 1
    try:
        yield
    finally:
        with _counting:
            _num_silent -= 1
            if not _num_silent:
                _silence.close()


@contextlib.contextmanager
def _opened(encoded):
    """Opens an image; what Pillow raises then or later, such as in its decoders, is translated."""
    try:
        with _without_warnings(), _identified(encoded) as image:
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
            return _orientation(image) in _UPRIGHT
    except photo_kind.BadPhotoError:
        return False  # Metadata that nobody can read turn nothing; the pixels decide.


def _check_size(image):
    if image.width * image.height > MAX_PIXELS_REDUCED:
        raise photo_kind.BadPhotoError(
            "%d x %d pixels, more than %d million" % (*image.size, MAX_PIXELS_REDUCED // 10**6)
        )
    if image.format == "TIFF" and image.tag_v2.get(_SUBFILE_TAG, 0) & 1:
        raise photo_kind.BadPhotoError(photo_kind.RAW)


def _orientation(image):
    """Returns the EXIF orientation, 1 where it cannot be read."""
    _forget_xmp(image)
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # Pillow raises whatever broken metadata leads it to.
        return 1


def _forget_xmp(image):
    for name in _XMP:
        image.info.pop(name, None)


def _encoded_anew(image):
    """Returns the ``Verified`` of an opened image as an upright RGB JPEG."""
    if image.format not in ("JPEG", "MPO"):  # These are reduced as they are decoded.
        _forget_xmp(image)
        image.load()
    # Pillow itself turns a TIFF as it loads it.
    orientation = _orientation(image) if image.format != "TIFF" else 1
    width_px, height_px = image.size
    notes = []
    if image.format in ("GIF", "WEBP", "PNG", "TIFF") and getattr(image, "is_animated", False):
        notes.append("only the first picture of this %s is taken" % image.format)
    scale = _scale(image)
    if scale > 1:
        # Decodes a JPEG, and only that, at this scale already.
        image.draft(None, (width_px // scale, height_px // scale))
    upright = _rgb(image, -(-width_px // scale))
    if orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[orientation])
    if scale > 1:
        notes.append("%d x %d pixels, reduced to %d x %d" % (width_px, height_px, *upright.size))
    if max(upright.size) > _MAX_JPEG_SIDE:
        raise photo_kind.BadPhotoError(
            "%d x %d pixels, a side of more than %d" % (*upright.size, _MAX_JPEG_SIDE)
        )
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return Verified(upright.height, upright.width, buffer.getvalue(), "; ".join(notes) or None)


def _gray_of_8_bits(image):
    """Returns an image of more bits of gray, which Pillow would clip, as one of 8.

    Where one of its values is transparent, it is in RGBA.
    """
    num_bits, is_negative = 16, False
    if image.format == "TIFF":
        tags = image.tag_v2
        num_bits = tags.get(_BITS_TAG, (1,))[0]
        is_negative = tags.get(_COLORS_TAG) == _WHITE_IS_0
        if num_bits > 16 or tags.get(_NUMBERS_TAG, (_UNSIGNED,))[0] != _UNSIGNED:
            raise photo_kind.BadPhotoError(_NO_COLORS)
    wide = image.convert("I")
    # A factor, as Pillow before 9.2 divides nothing here.
    gray = wide.point(lambda value: value * 2.0 ** (8 - num_bits)).convert("L")
    if is_negative:
        gray = ImageOps.invert(gray)
    hidden = image.info.get("transparency")
    if hidden is None:
        return gray
    # What is neither below nor above it; to convert clips at 0.
    below = wide.point(lambda value: value * -1 + hidden).convert("L")
    above = wide.point(lambda value: value + -hidden).convert("L")
    alpha = ImageChops.lighter(below, above).point(lambda value: 255 if value else 0)
    return Image.merge("LA", (gray, alpha)).convert("RGBA")


def _scale(image):
    """Returns by how much the sides are divided: 1, 2, 4 or 8."""
    return next(
        scale
        for scale in (1, 2, 4, 8)
        if -(-image.width // scale) * -(-image.height // scale) <= MAX_PIXELS
    )


def _rgb(image, width_px):
    """Returns an image in RGB, what is transparent on white, reduced to a width."""
    image.load()
    if image.mode.startswith("I"):
        image = _gray_of_8_bits(image)
    elif image.mode == "F":
        raise photo_kind.BadPhotoError(_NO_COLORS)
    elif image.format == "BMP" and image.mode == "RGBA" and not image.getextrema()[3][1]:
        image = image.convert("RGB")  # Of many programs' files the fourth byte means nothing.
    elif image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    elif image.format in ("JPEG", "MPO") and image.mode == "CMYK" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes each for Adobe's, TensorFlow does not.
    factor = round(image.width / width_px)
    if factor > 1:
        image = image.reduce(factor)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image)
        return white
    return image.convert("RGB")
