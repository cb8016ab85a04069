"""Photos as files of all kinds."""

import pytest
from photo_archives import encode
from PIL import Image

from alexnet_flowers.data import photo_check, photo_kind

RED = (255, 0, 0)
_JPEG_OPTIONS = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}


def image_of(mode="RGB", color=RED, size=(60, 40)):
    """Returns a picture of one color."""
    return Image.new("RGB", size, color).convert(mode)


def with_orientation(image, orientation, image_format="JPEG"):
    """Returns the bytes of an image file whose EXIF has it turned."""
    if image_format == "TIFF":
        return encode(image, "TIFF", tiffinfo={0x112: orientation}, compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x112] = orientation
    return encode(image, image_format, exif=exif, **_JPEG_OPTIONS.get(image_format, {}))


def reason(content):
    """Returns why a file is refused."""
    with pytest.raises(photo_kind.BadPhotoError) as caught:
        photo_check.verify(content)
    return str(caught.value)
