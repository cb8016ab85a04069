import concurrent.futures
import io
import random
import struct
import threading
import warnings
import zlib

import numpy as np
import photo_archives
import pytest
from photo_archives import encode, png_claiming
from PIL import Image, TiffImagePlugin

from alexnet_flowers import devices
from alexnet_flowers.data import jpeg_check, photo_check, photo_kind
from alexnet_flowers.input import preprocessing
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
    with pytest.raises(photo_kind.BadPhotoError) as caught:
        photo_check.verify(content)
    return str(caught.value)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_rgb_jpeg_keeps_its_own_bytes(decode, options):
    content = encode(image_of(), **options)
    assert photo_check.verify(content) == (40, 60, None, None)
    assert decode(content).shape == (40, 60, 3)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_jpegs_keep_their_bytes_as_whole_and_part_are_decoded_alike(decode, mode):
    image = Image.open(io.BytesIO(photo_archives.draw("roses", 1)))
    content = encode(image.convert(mode))
    assert photo_check.verify(content).replacement is None
    whole = decode(content)
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.abs(whole.astype(int) - shown).max() <= 3
    with tf.Graph().as_default(), tf.Session() as session:
        shape = tf.image.extract_jpeg_shape(content)
        box = session.run(preprocessing.decode_box(content, shape, [9, 7], [20, 30]))
    np.testing.assert_array_equal(box, whole[9:29, 7:37])


def test_height_and_width_are_not_mixed_up():
    found = photo_check.verify(photo_archives.draw("roses", 1))
    assert (found.height_px, found.width_px) == (64, 48)


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


def test_truncated_jpeg_is_refused_wherever_it_was_cut():
    content = photo_archives.draw("daisy", 3)
    for cut_at in list(range(1, len(content), 7)) + [len(content) - 2, len(content) - 1]:
        reason(content[:cut_at])
    assert reason(content[:-100]) == "cannot be decoded: it is cut off"


def test_of_damaged_jpegs_those_are_taken_that_have_the_size_that_they_say(decode):
    content, draw = photo_archives.draw("daisy", 3), random.Random(7)
    assert b"\xff\xe1" not in content  # Nothing for Pillow to read.
    taken = 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 2, 5))):
            damaged[draw.randrange(2, len(damaged) - 2)] ^= 1 << draw.randrange(8)
        try:
            found = photo_check.verify(bytes(damaged))
        except photo_kind.BadPhotoError:
            continue
        taken += 1
        assert decode(bytes(damaged)).shape == (found.height_px, found.width_px, 3)
    assert 50 < taken < 290


def test_truncated_png_is_refused():
    assert "cannot be decoded" in reason(encode(image_of(), "PNG")[:-40])


@pytest.mark.parametrize(
    "content, expected",
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"<html><body>Not found</body></html>", "a web page, not a photo", id="html"),
        pytest.param(b"id,class\n1,rose\n", "text, not a photo", id="text"),
        pytest.param(b"\0" * 5000, "nothing but zeros, not a photo", id="zeros"),
        pytest.param(b"\0\0\0\x18ftypisom\0\0\2\0", "a video, not a photo", id="mp4"),
        pytest.param(b"PK\3\4\x14\0", "an archive, not a photo", id="zip"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504,
            "a document, or thumbnails, of Windows, not a photo",
            id="Thumbs.db",
        ),
        pytest.param(
            "\ufeff[.ShellClassInfo]\r\n".encode("utf-16-le"), "text, not a photo", id="utf_16"
        ),
        pytest.param(bytes(range(256)), "not an image", id="unknown"),
    ],
)
def test_what_is_no_photo_is_refused_by_its_kind(content, expected):
    assert reason(content) == expected


@pytest.mark.parametrize(
    "begins, kind",
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "an AVIF photo"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "an AVIF photo"),
        (b"8BPS\0\1", "a Photoshop picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 photo"),
        (b"II*\0\x10\0\0\0CR\2\0", "a camera's raw photo"),
        (b'<?xml version="1.0"?>\n<svg xmlns="', "an SVG drawing"),
        (b"%PDF-1.4", "a PDF document"),
    ],
)
def test_pictures_that_cannot_be_decoded_are_named_with_what_to_do(begins, kind):
    assert reason(begins) == kind + ", which cannot be decoded here; save it as a JPEG"


def test_a_raw_photos_preview_is_not_taken_for_it():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    assert reason(encode(image_of(), "TIFF", tiffinfo=tags)).startswith("a camera's raw photo, ")


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


def with_orientation(image, orientation, image_format="JPEG"):
    if image_format == "TIFF":
        return encode(image, "TIFF", tiffinfo={0x112: orientation}, compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x112] = orientation
    return encode(image, image_format, exif=exif, **JPEG_OPTIONS.get(image_format, {}))


JPEG_OPTIONS = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}


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


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_an_upright_jpeg_keeps_its_bytes(orientation):
    assert photo_check.verify(with_orientation(image_of(), orientation)).replacement is None


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
    assert reason(content) == "70000 x 2 pixels, a side of more than 65500"


@pytest.mark.parametrize("image_format", ["TIFF", "PNG", "GIF", "WEBP", "BMP"])
def test_what_only_begins_like_a_photo_is_named_as_damaged(image_format):
    content = encode(image_of(), image_format)[:20]
    assert reason(content).startswith("cannot be decoded: ")


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    def must_not_load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", must_not_load)
    for width_px, height_px in ((20000, 10001), (30000, 30000)):
        expected = "%d x %d pixels, more than 200 million" % (width_px, height_px)
        assert reason(png_claiming(width_px, height_px)) == expected


@pytest.mark.parametrize(
    "mode, image_format",
    [("RGB", "JPEG"), ("L", "JPEG")]
    + [(mode, kind) for kind in ("PNG", "GIF") for mode in ("RGB", "P", "RGBA", "L")],
)
def test_more_pixels_than_are_kept_are_reduced(decode, monkeypatch, mode, image_format):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40)
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
    assert "121 x 75 pixels, more than " in reason(encode(left, image_format))


def test_a_jpeg_of_several_pictures_is_reduced_as_it_is_decoded(monkeypatch):
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40)
    noise = Image.fromarray(np.random.RandomState(3).randint(0, 255, (75, 121, 3), np.uint8))
    several = encode(noise, "MPO", save_all=True, append_images=[noise], quality=75)
    found = photo_check.verify(several)
    # To decode it whole and reduce it then gives other pixels.
    assert found.replacement == photo_check.verify(encode(noise, "JPEG", quality=75)).replacement


def test_large_photos_are_turned_too(monkeypatch):
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40 - 1)
    found = photo_check.verify(with_orientation(image_of(), 6))
    assert (found.height_px, found.width_px) == (30, 20)
    assert found.note == "60 x 40 pixels, reduced to 20 x 30"


def test_limit_is_on_the_number_of_pixels(monkeypatch):
    content = encode(image_of())
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    jpeg_check.check(content)
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40 - 1)
    with pytest.raises(photo_kind.BadPhotoError, match="^60 x 40 pixels, more than"):
        jpeg_check.check(content)


def test_scans_and_segments_without_end_are_refused_before_they_are_decoded():
    progressive = encode(image_of(), progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    photo_check.verify(progressive[:-2] + scan * 5 + b"\xff\xd9")
    assert reason(progressive[:-2] + scan * 100 + b"\xff\xd9").startswith(
        "101 scans or more, which"
    )
    # A few scans of very many pixels.
    at = progressive.index(b"\xff\xc2") + 5
    claiming = progressive[:at] + b"\xff\xdc\xff\xdc" + progressive[at + 4 :]
    assert reason(claiming).startswith("2 scans or more, which")
    comments = b"\xff\xfe\0\4ab" * 10001
    content = encode(image_of())
    assert reason(content[:2] + comments + content[2:]) == "more than 10000 segments"


@pytest.mark.parametrize(
    "change",
    [
        # Pillow fills up what is missing, TensorFlow stops.
        pytest.param(lambda b: b.replace(b"\xff\xc4", b"\xff\xc8", 1), id="unknown segment"),
        pytest.param(lambda b: b.replace(b"\xff\xdb\0\x43", b"\xff\xdb\0\2", 1), id="empty table"),
    ],
)
def test_what_tensorflow_does_not_decode_is_refused(change):
    assert reason(change(encode(image_of()))).startswith("cannot be decoded: ")


def test_only_a_few_photos_are_read_ahead(monkeypatch):
    monkeypatch.setattr(devices, "num_cores", lambda: 2)
    taken, most = [], 0

    def photos():
        for number in range(200):
            taken.append(number)
            yield number

    for number, result in enumerate(photo_check.on_all_cores(lambda photo: photo * 2, photos())):
        assert result == 2 * number
        most = max(most, len(taken) - number)
    assert number == 199 and 2 <= most <= 12


def test_photos_that_nobody_waits_for_are_not_checked(monkeypatch):
    go_on, checked = threading.Event(), []

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def __exit__(self, *args):
            go_on.set()  # What has not begun is called off by now.
            return super().__exit__(*args)

    def check(photo):
        checked.append(photo)
        assert photo == 0 or go_on.wait(10)

    monkeypatch.setattr(devices, "num_cores", lambda: 1)
    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Pool)
    results = photo_check.on_all_cores(check, range(100))
    next(results)
    results.close()
    assert len(checked) <= 2


def test_broken_metadata_does_not_matter_and_is_not_warned_of(recwarn):
    image = image_of()
    content = encode(image, exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert photo_check.verify(content) == (40, 60, None, None)
    assert list(recwarn) == []


@pytest.mark.parametrize("cut_off", [b"II*\0", b"II*\0\x08\0", b"MM\0*"])
def test_metadata_over_which_pillow_gives_up_turn_nothing(cut_off, monkeypatch):
    content = encode(image_of(), exif=b"Exif\0\0" + cut_off)
    assert photo_check.verify(content) == (40, 60, None, None)
    monkeypatch.setattr(photo_check, "MAX_PIXELS", 60 * 40 - 1)
    assert photo_check.verify(content).note == "60 x 40 pixels, reduced to 30 x 20"


def test_a_damaged_list_of_further_pictures_hides_no_orientation():
    """Three pictures, but a list of one: to Pillow that is no image at all."""
    entries = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, b"\3\0\0\0"), (0xB002, 7, 16, b"\x32\0\0\0")]
    directory = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    listed = b"MPF\0II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4 + 16)
    segment = b"\xff\xe2" + (len(listed) + 2).to_bytes(2, "big") + listed
    for orientation, expected in ((1, (40, 60)), (6, (60, 40))):
        content = with_orientation(image_of(), orientation)
        found = photo_check.verify(content[:2] + segment + content[2:])
        assert (found.height_px, found.width_px) == expected
        assert (found.replacement is None) == (orientation == 1)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_long_text_or_color_profile_of_a_png_does_not_matter(kind):
    content = encode(image_of(), "PNG")
    body = kind + b"a\0\0" + zlib.compress(bytes(2 << 20))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    found = photo_check.verify(content[:33] + chunk + content[33:])  # Behind the header.
    assert (found.height_px, found.width_px, found.note) == (40, 60, None)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_photo_is_not_to_blame_where_there_is_no_memory(monkeypatch, image_format):
    def fail(*args):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(MemoryError):
        photo_check.verify(with_orientation(image_of(), 6, image_format))


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
    monkeypatch.setattr(photo_check, "MAX_PIXELS", most)
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


def test_the_first_of_two_threads_to_end_brings_back_no_warnings(recwarn):
    content = encode(image_of())
    first, second = photo_check._opened(content), photo_check._opened(content)
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("of Pillow", UserWarning, stacklevel=1)
    second.__exit__(None, None, None)
    assert not list(recwarn)
    warnings.warn("of others", UserWarning, stacklevel=1)
    assert len(recwarn) == 1
