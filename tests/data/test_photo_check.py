import io
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import photo_archives
import pytest
from conftest import ROOT
from photo_archives import encode, png_claiming
from photo_files import image_of, reason, with_orientation
from PIL import Image, TiffImagePlugin

from alexnet_flowers.data import jpeg_check, photo_check, photo_kind
from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import tf


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


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_an_upright_jpeg_keeps_its_bytes(orientation):
    assert photo_check.verify(with_orientation(image_of(), orientation)).replacement is None


@pytest.mark.parametrize("image_format", ["TIFF", "PNG", "GIF", "WEBP", "BMP"])
def test_what_only_begins_like_a_photo_is_named_as_damaged(image_format):
    content = encode(image_of(), image_format)[:20]
    assert reason(content).startswith("cannot be decoded: ")


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    def must_not_load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", must_not_load)
    for width_px, height_px in ((20000, 10001), (30000, 30000)):
        expected = "more than 200 million pixels: %d x %d" % (width_px, height_px)
        assert reason(png_claiming(width_px, height_px)) == expected


def test_limit_is_on_the_number_of_pixels(monkeypatch):
    content = encode(image_of())
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40)
    jpeg_check.check(content)
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40 - 1)
    with pytest.raises(photo_kind.BadPhotoError, match="^more than 0 million pixels: 60 x 40"):
        jpeg_check.check(content)


def test_scans_and_segments_without_end_are_refused_before_they_are_decoded():
    progressive = encode(image_of(), progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    photo_check.verify(progressive[:-2] + scan * 5 + b"\xff\xd9")
    assert reason(progressive[:-2] + scan * 100 + b"\xff\xd9").endswith(
        "too many scans, which take too long to decode: 101 or more"
    )
    # A few scans of very many pixels.
    at = progressive.index(b"\xff\xc2") + 5
    claiming = progressive[:at] + b"\xff\xdc\xff\xdc" + progressive[at + 4 :]
    assert reason(claiming).endswith(" too long to decode: 2 or more")
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


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_metadata_does_not_matter_and_is_not_warned_of():
    content = encode(image_of(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert photo_check.verify(content) == (40, 60, None, None)
    program = (  # As pytest has filters of its own.
        "import sys, warnings\n"
        "from alexnet_flowers.data import photo_check\n"
        "photo_check._is_turned(sys.stdin.buffer.read())\n"
        "warnings.warn('of others')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=content, stderr=subprocess.PIPE
    )
    assert b"of others" in ended.stderr and ended.stderr.count(b"Warning") == 1


@pytest.mark.parametrize("cut_off", [b"II*\0", b"II*\0\x08\0", b"MM\0*"])
def test_metadata_over_which_pillow_gives_up_turn_nothing(cut_off, monkeypatch):
    content = encode(image_of(), exif=b"Exif\0\0" + cut_off)
    assert photo_check.verify(content) == (40, 60, None, None)
    monkeypatch.setattr(jpeg_check, "MAX_PIXELS", 60 * 40 - 1)
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
