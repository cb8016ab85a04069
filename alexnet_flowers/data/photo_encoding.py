"""A picture of any kind as an upright RGB JPEG, what is transparent on white."""

import io

from PIL import Image, ImageChops, ImageOps

from alexnet_flowers.data import jpeg_check, photo_kind

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
_BITS_TAG, _COLORS_TAG, _NUMBERS_TAG = 258, 262, 339
_WHITE_IS_0, _UNSIGNED = 0, 1
# Where Pillow keeps XMP. Some of its versions take an orientation from there, others do not;
# browsers do not either.
_XMP = ("xmp", "XML:com.adobe.xmp")

_NO_COLORS = "its pixels are numbers of any range, not colors; save it as a JPEG"


def encode(image):
    """Decodes an image that Pillow has opened, and encodes it anew.

    More pixels than ``jpeg_check.MAX_PIXELS`` are reduced to a half of each side; where odd sides
    still leave more than that, to a quarter.

    Returns:
      The height and the width of what is encoded, in pixels; bytes of an upright RGB JPEG; and str,
      what a person should know of it, None where there is nothing.

    Raises:
      BadPhotoError: too long a side, or its values are no colors.
      Exception: whatever Pillow raises over a damaged one.
    """
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
            "a side of more than %d pixels: %d x %d" % (_MAX_JPEG_SIDE, *upright.size)
        )
    buffer = io.BytesIO()
    # Pillow hands a comment on, and fails over one that is longer than a JPEG's can be.
    upright.save(buffer, "JPEG", quality=_JPEG_QUALITY, comment=b"")
    return upright.height, upright.width, buffer.getvalue(), "; ".join(notes) or None


def is_turned(image):
    """Says whether the EXIF of an opened image has it turned."""
    return _orientation(image) in _UPRIGHT


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
    """Returns by how much the sides are divided: 1, 2 or, where odd ones ask for it, 4."""
    return next(
        scale
        for scale in (1, 2, 4)
        if -(-image.width // scale) * -(-image.height // scale) <= jpeg_check.MAX_PIXELS
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
