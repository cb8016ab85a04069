import io

import numpy as np
import photo_archives
import pytest
from photo_archives import encode, png_claiming
from PIL import Image

from alexnet_flowers.data import photo_check
from alexnet_flowers.tf1 import tf

RED = (255, 0, 0)


@pytest.fixture(scope="module")
def decode():
    """A function that decodes a JPEG the way training does."""
    with tf.Graph().as_default():
        encoded = tf.placeholder(tf.string)
        image = tf.image.decode_jpeg(encoded, channels=3)
        with tf.Session() as session:
            yield lambda content: session.run(image, {encoded: content})


def image_of(mode="RGB", color=RED, size=(60, 40)):
    return Image.new("RGB", size, color).convert(mode)


def reason(content):
    with pytest.raises(photo_check.BadPhotoError) as caught:
        photo_check.verify(content)
    return str(caught.value)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_rgb_jpeg_keeps_its_own_bytes(decode, options):
    content = encode(image_of(), **options)
    assert photo_check.verify(content) == (40, 60, None)
    assert decode(content).shape == (40, 60, 3)


def test_height_and_width_are_not_mixed_up():
    found = photo_check.verify(photo_archives.draw("roses", 1))
    assert (found.height_px, found.width_px) == (64, 48)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encode(image_of("CMYK")), id="cmyk_jpeg"),
        pytest.param(encode(image_of(), "PNG"), id="png"),
        pytest.param(encode(image_of("RGBA"), "PNG"), id="png_with_transparency"),
        pytest.param(encode(image_of("P"), "PNG"), id="png_with_palette"),
    ],
)
def test_other_colored_photos_become_rgb_jpegs_of_the_same_picture(decode, content):
    found = photo_check.verify(content)
    assert (found.height_px, found.width_px) == (40, 60)
    with Image.open(io.BytesIO(found.replacement)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (60, 40))
    pixels = decode(found.replacement)
    assert pixels.shape == (40, 60, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 4
    assert photo_check.verify(found.replacement).replacement is None


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_grayscale_becomes_an_rgb_jpeg_with_equal_channels(decode, image_format):
    ramp = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    found = photo_check.verify(encode(Image.fromarray(ramp, "L"), image_format))
    assert (found.height_px, found.width_px) == (40, 60)
    with Image.open(io.BytesIO(found.replacement)) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    pixels = decode(found.replacement).astype(int)
    assert np.abs(pixels - ramp[..., np.newaxis]).max() <= 6


def test_truncated_jpeg_is_refused_wherever_it_was_cut():
    content = photo_archives.draw("daisy", 3)
    for cut_at in list(range(1, len(content), 7)) + [len(content) - 2, len(content) - 1]:
        reason(content[:cut_at])
    assert reason(content[:-100]).startswith("cannot be decoded: image file is truncated")


def test_truncated_png_is_refused():
    assert "cannot be decoded" in reason(encode(image_of(), "PNG")[:-40])


@pytest.mark.parametrize(
    "content, expected",
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"<html><body>Not found</body></html>", "not a JPEG or PNG", id="html"),
        pytest.param(encode(image_of(), "GIF"), "not a JPEG or PNG", id="gif"),
        pytest.param(encode(image_of(), "BMP"), "not a JPEG or PNG", id="bmp"),
        pytest.param(b"\0" * 5000, "not a JPEG or PNG", id="zeros"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(content, expected):
    assert reason(content) == expected


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    def must_not_load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", must_not_load)
    assert reason(png_claiming(8000, 7000)) == "8000 x 7000 pixels, more than 50 million"


def test_limit_is_on_the_number_of_pixels(monkeypatch):
    content = encode(image_of())
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40)
    assert photo_check.verify(content).replacement is None
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40 - 1)
    assert reason(content).startswith("60 x 40 pixels")


def test_decompression_bomb_is_refused():
    assert reason(png_claiming(30000, 30000)) == "far more than 50 million pixels"


def test_broken_metadata_does_not_matter_and_is_not_warned_of(recwarn):
    image = image_of()
    content = encode(image, exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert photo_check.verify(content) == (40, 60, None)
    assert list(recwarn) == []
