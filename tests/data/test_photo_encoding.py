"""What is encoded anew is the picture that its owner sees."""

import io
import struct
import zlib

import numpy as np
import photo_archives
import pytest
from photo_archives import encode
from photo_files import RED, image_of, reason, with_orientation
from PIL import Image

from alexnet_flowers.data import jpeg_check, photo_check


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encode(image_of(), "PNG"), id="png"),
        pytest.param(encode(image_of("RGBA"), "PNG"), id="png_with_transparency"),
        pytest.param(encode(image_of("P"), "PNG"), id="png_with_palette"),
        pytest.param(encode(image_of(), "WEBP", quality=95), id="webp"),
        pytest.param(encode(image_of(), "BMP"), id="bmp"),
        pytest.param(encode(image_of(), "TIFF", compression="tiff_lzw"), id="tiff"),
        pytest.param(encode(image_of("CMYK"), "TIFF"), id="cmyk_tiff"),
        pytest.param(encode(image_of(), "GIF"), id="gif"),
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


@pytest.mark.parametrize("mode, image_format", [("L", "PNG"), ("I;16", "PNG"), ("I;16", "TIFF")])
def test_grayscale_becomes_an_rgb_jpeg_with_equal_channels(decode, mode, image_format):
    ramp = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    pixels = ramp if mode == "L" else ramp.astype(np.uint16) * 256
    found = photo_check.verify(encode(Image.fromarray(pixels, mode), image_format))
    assert (found.height_px, found.width_px) == (40, 60)
    with Image.open(io.BytesIO(found.replacement)) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    pixels = decode(found.replacement).astype(int)
    assert np.abs(pixels - ramp[..., np.newaxis]).max() <= 6


def test_the_first_picture_of_several_is_taken_and_that_is_said(decode):
    others = [image_of(color=(0, 255, 0)), image_of(color=(0, 0, 255))]
    for image_format in ("GIF", "WEBP", "TIFF"):
        content = encode(image_of(), image_format, save_all=True, append_images=others)
        found = photo_check.verify(content)
        assert found.note == "only the first picture of this %s is taken" % image_format
        assert np.abs(decode(found.replacement).astype(int) - RED).max() <= 4
    assert photo_check.verify(encode(image_of(), "GIF")).note is None


def test_what_is_transparent_is_put_on_white(decode):
    cutout = Image.new("RGBA", (40, 40), (255, 0, 255, 0))
    cutout.paste((230, 200, 30, 255), (8, 8, 32, 32))
    palette = cutout.convert("RGB").convert("P", palette=Image.ADAPTIVE)
    hidden = palette.getpixel((0, 0))
    gray = Image.merge("LA", [Image.new("L", (40, 40), 77), cutout.getchannel("A")])
    for image, inner, options in (
        (cutout, (230, 200, 30), {}),
        (palette, (230, 200, 30), {"transparency": hidden}),
        (gray, (77, 77, 77), {}),
    ):
        pixels = decode(photo_check.verify(encode(image, "PNG", **options)).replacement).astype(int)
        assert np.abs(pixels[:4] - 255).max() <= 6
        assert np.abs(pixels[16:24, 16:24] - inner).max() <= 6


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_photos_are_put_upright(decode, orientation, image_format):
    as_seen = image_of()
    as_seen.paste((0, 0, 255), (0, 0, 60, 10))
    as_seen.paste((0, 200, 0), (40, 10, 60, 40))
    stored = {
        2: [Image.FLIP_LEFT_RIGHT],
        3: [Image.ROTATE_180],
        4: [Image.FLIP_TOP_BOTTOM],
        5: [Image.TRANSPOSE],
        6: [Image.ROTATE_90],
        7: [Image.TRANSVERSE],
        8: [Image.ROTATE_270],
    }[orientation]
    lying = as_seen.transpose(*stored)
    found = photo_check.verify(with_orientation(lying, orientation, image_format))
    assert (found.height_px, found.width_px, found.note) == (40, 60, None)
    pixels = decode(found.replacement).astype(int)
    for row, column in ((4, 30), (25, 20), (25, 50)):
        expected = as_seen.getpixel((column, row))
        assert np.abs(pixels[row, column] - expected).max() <= 12
    with Image.open(io.BytesIO(found.replacement)) as image:
        assert image.getexif().get(0x112, 1) == 1


def test_an_orientation_that_only_xmp_has_turns_nothing_with_any_pillow():
    content = encode(image_of())
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>"
    xmp += b'<a tiff:Orientation="6"/></x:xmpmeta>'
    segment = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    found = photo_check.verify(content[:2] + segment + content[2:])
    assert (found.height_px, found.width_px, found.replacement) == (40, 60, None)


def tiff(pixels, *tags):
    """Returns a TIFF of one strip, with tags such as Pillow itself does not write."""
    height, width = pixels.shape
    given = {256: width, 257: height, 259: 1, 273: 8, 277: 1, 278: height, 279: pixels.nbytes}
    given.update(tags)
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(given.items())
    )
    directory = struct.pack("<H", len(given)) + entries + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8 + pixels.nbytes) + pixels.tobytes() + directory


RAMP = np.tile(np.arange(60, dtype=np.uint16) * 4, (40, 1))


@pytest.mark.parametrize("is_negative", [False, True])
def test_gray_of_16_bits_is_what_it_is_meant_to_be(decode, is_negative):
    ramp = 65535 - RAMP * 256 if is_negative else RAMP * 256
    content = tiff(ramp, (258, 16), (262, 0 if is_negative else 1))
    pixels = decode(photo_check.verify(content).replacement).astype(int)
    assert np.abs(pixels - RAMP[..., np.newaxis]).max() <= 6


def test_gray_of_12_bits_is_what_it_is_meant_to_be(decode):
    left, right = (RAMP[:, start::2] * 16 for start in (0, 1))
    packed = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], -1).astype(np.uint8)
    content = tiff(packed.reshape(40, 90), (256, 60), (258, 12), (262, 1))
    pixels = decode(photo_check.verify(content).replacement).astype(int)
    assert np.abs(pixels - RAMP[..., np.newaxis]).max() <= 6


@pytest.mark.parametrize(
    "kind, tags",
    [("<i4", [(258, 32), (339, 2)]), ("<u4", [(258, 32)]), ("<i2", [(258, 16), (339, 2)])],
)
def test_numbers_that_are_no_gray_are_refused(kind, tags):
    content = tiff(RAMP.astype(kind), (262, 1), *tags)
    assert reason(content) == "its pixels are numbers of any range, not colors; save it as a JPEG"


def test_a_bitmap_whose_alpha_means_nothing_is_seen(decode):
    content = bytearray(encode(image_of("RGBA"), "BMP"))
    start = int.from_bytes(content[10:14], "little")
    content[start + 3 :: 4] = bytes(len(content[start + 3 :: 4]))
    pixels = decode(photo_check.verify(bytes(content)).replacement).astype(int)
    assert np.abs(pixels - RED).max() <= 4


def test_a_side_that_no_jpeg_has_is_named():
    content = encode(image_of(size=(70000, 2)), "PNG")
    assert reason(content) == "a side of more than 65500 pixels: 70000 x 2"


@pytest.mark.parametrize(
    "mode, image_format",
    [("RGB", "JPEG"), ("L", "JPEG")]
    + [(mode, kind) for kind in ("PNG", "GIF") for mode in ("RGB", "P", "RGBA", "L")],
)
def test_more_pixels_than_are_kept_are_reduced(decode, monkeypatch, mode, image_format):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    left = Image.new("RGB", (121, 75), (200, 30, 90))
    left.paste((10, 220, 40), (64, 0, 121, 75))
    stored = left.convert(mode, palette=Image.ADAPTIVE)
    expected = stored.convert("RGB")
    found = photo_check.verify(encode(stored, image_format))
    assert found.note == "121 x 75 pixels, reduced to 61 x 38"
    pixels = decode(found.replacement).astype(int)
    assert pixels.shape == (38, 61, 3) == (found.height_px, found.width_px, 3)
    for column, full in ((10, 20), (52, 104)):
        assert np.abs(pixels[18, column] - expected.getpixel((full, 37))).max() <= 12
    half = photo_check.verify(encode(left.crop((0, 0, 100, 60)), image_format))
    assert (half.height_px, half.width_px) == (30, 50)
    monkeypatch.setattr(photo_check, "MAX_PIXELS_REDUCED", 121 * 75 - 1)
    assert reason(encode(left, image_format)) == "more than 0 million pixels: 121 x 75"


def test_a_jpeg_of_several_pictures_is_reduced_as_it_is_decoded(monkeypatch):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    noise = Image.fromarray(np.random.RandomState(3).randint(0, 255, (75, 121, 3), np.uint8))
    several = encode(noise, "MPO", save_all=True, append_images=[noise], quality=75)
    found = photo_check.verify(several)
    # To decode it whole and reduce it then gives other pixels.
    assert found.replacement == photo_check.verify(encode(noise, "JPEG", quality=75)).replacement


def test_large_photos_are_turned_too(monkeypatch):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40 - 1)
    found = photo_check.verify(with_orientation(image_of(), 6))
    assert (found.height_px, found.width_px) == (30, 20)
    assert found.note == "60 x 40 pixels, reduced to 20 x 30"


@pytest.mark.parametrize("is_adobes", [True, False])
def test_a_turned_cmyk_jpeg_has_the_colors_of_one_that_keeps_its_bytes(decode, is_adobes):
    image = Image.open(io.BytesIO(photo_archives.draw("roses", 1))).convert("CMYK")
    kept, turned = encode(image, quality=95), with_orientation(image, 3)
    if not is_adobes:
        at = kept.index(b"\xff\xee")
        marker = kept[at : at + 2 + int.from_bytes(kept[at + 2 : at + 4], "big")]
        assert marker in turned
        kept, turned = kept.replace(marker, b"", 1), turned.replace(marker, b"", 1)
    found = decode(photo_check.verify(turned).replacement).astype(int)
    assert np.abs(found[::-1, ::-1] - decode(kept)).mean() < 5


@pytest.mark.parametrize("most", [48 * 64, 48 * 64 - 1])
def test_the_transparent_value_of_gray_of_16_bits_is_put_on_white(decode, monkeypatch, most):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", most)
    pixels = np.full((48, 64), 0x4D12, np.uint16)
    pixels[:, :32] = 0x4D80  # Of 8 bits the same.
    content = encode(Image.fromarray(pixels), "PNG")
    body = b"tRNS" + struct.pack(">H", 0x4D80)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    found = photo_check.verify(content[:33] + chunk + content[33:])
    left, right = np.split(decode(found.replacement).astype(int), 2, axis=1)
    assert np.abs(left - 255).max() <= 3 and np.abs(right - 0x4D).max() <= 3


def test_gray_of_16_bits_needs_no_division_which_pillow_8_lacks(monkeypatch):
    monkeypatch.delattr(getattr(Image, "ImagePointTransform", None) or Image._E, "__truediv__")
    photo_check.verify(encode(Image.fromarray(RAMP * 256), "PNG"))


def test_a_long_comment_does_not_matter():
    commented = encode(image_of(), "GIF", comment=b"x" * 70000)
    found = photo_check.verify(commented).replacement
    assert found == photo_check.verify(encode(image_of(), "GIF")).replacement
