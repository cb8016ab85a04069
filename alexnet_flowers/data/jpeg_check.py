"""Whether a JPEG can be trained on: asked of the operations that decode it there.

Pillow reads some damaged JPEGs that TensorFlow does not, and the other way round. So TensorFlow's
own operations decide, once the file's structure says that they end, and soon.
"""

import re
import struct
import threading
from typing import NamedTuple, Tuple

from alexnet_flowers import devices
from alexnet_flowers.data import photo_kind
from alexnet_flowers.errors import first_line
from alexnet_flowers.tf1 import tf

# Photos of more pixels are reduced, see ``photo_encoding``; a record of one is bad.
MAX_PIXELS = 50 * 1000 * 1000
BEGINS = b"\xff\xd8\xff"

# Encoders write ten scans. Each goes over all blocks of the photo, even one of a few bytes, and
# takes some 0.07 s for 50 million pixels.
_MAX_SCANS = 100
_MAX_SCANNED_PIXELS = 2 * 10**9
# Each is a step of Python here and in Pillow. Metadata of 64 KiB a segment takes a few dozens.
_MAX_SEGMENTS = 10000
# Not: what fills up space between segments, and in a scan stuffed bytes and restarts.
_MARKER = re.compile(b"\xff([^\x00\xff\xd0-\xd7])")
_START_OF_SCAN, _END_OF_IMAGE, _METADATA = b"\xda", b"\xd9", b"\xe1"
_START_OF_FRAME = {bytes([code]) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)}


class Structure(NamedTuple):
    """What the segments of a JPEG say of it.

    Attributes:
      size_px: its height and width, as it is stored.
      has_metadata: bool, whether there is EXIF or XMP, which may say that it is to be turned.
    """

    size_px: Tuple[int, int]
    has_metadata: bool

    @property
    def num_pixels(self):
        """How many it has in all."""
        return self.size_px[0] * self.size_px[1]


def check(encoded):
    """Decodes the bytes of a JPEG as training and evaluation do.

    Raises:
      BadPhotoError: not a JPEG, cut off, damaged, with too many pixels or scans.
    """
    found = check_structure(encoded)
    if found.num_pixels > MAX_PIXELS:
        raise photo_kind.BadPhotoError(
            "more than %d million pixels: %d x %d" % (MAX_PIXELS // 10**6, *found.size_px[::-1])
        )
    check_decoding(encoded)


def check_decoding(encoded):
    """Decodes a JPEG that ``check_structure`` has accepted.

    To decode the last row is to decode all others but for their colors: what fails in any box of
    a photo, or in the whole, fails there.

    Raises:
      BadPhotoError: it is damaged.
    """
    _decoder().check(encoded)


def decode(encoded):
    """Returns the pixels of a JPEG that ``check`` accepts, uint8 [height, width, 3]."""
    return _decoder().decode(encoded)


def check_structure(encoded):
    """Goes from segment to segment, to the end of the image; returns its ``Structure``.

    Raises:
      BadPhotoError: it is not a JPEG, has no end, or would take far too long to decode.
    """
    if not encoded.startswith(BEGINS):
        raise photo_kind.BadPhotoError("not a JPEG" if encoded else "an empty file")
    at, num_scans, size, has_metadata = 2, 0, (0, 0), False
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(encoded, at)
        if found is None:
            raise photo_kind.BadPhotoError("cannot be decoded: it is cut off")
        if found.group(1) == _END_OF_IMAGE:
            return Structure(size, has_metadata)
        has_metadata |= found.group(1) == _METADATA
        if found.group(1) in _START_OF_FRAME and found.end() + 7 <= len(encoded):
            size = struct.unpack_from(">HH", encoded, found.end() + 3)
        num_scans += found.group(1) == _START_OF_SCAN
        scanned = num_scans * size[0] * size[1]
        # A single scan of too many pixels is told by their number.
        if num_scans > _MAX_SCANS or (num_scans > 1 and scanned > _MAX_SCANNED_PIXELS):
            raise photo_kind.BadPhotoError(
                "too many scans, which take too long to decode: %d or more" % num_scans
            )
        at = found.end() + _segment_bytes(encoded, found)
    raise photo_kind.BadPhotoError("more than %d segments" % _MAX_SEGMENTS)


def _segment_bytes(encoded, marker):
    """Returns the length of what follows a marker, 0 for those that stand alone."""
    if marker.group(1) in (b"\x01", b"\xd8"):
        return 0
    length = encoded[marker.end() : marker.end() + 2]
    return struct.unpack(">H", length)[0] if len(length) == 2 else 0


class _Decoder:
    """TensorFlow's operations, in a graph and a session of their own, for any thread."""

    def __init__(self):
        devices.resolve("cpu")  # So that TensorFlow does not report later that it found no GPU.
        with tf.Graph().as_default():
            self._encoded = tf.placeholder(tf.string, [])
            whole = tf.image.decode_jpeg(self._encoded, channels=3)
            height = tf.image.extract_jpeg_shape(self._encoded)[0]
            box = tf.stack([height - 1, 0, 1, 1])
            last_row = tf.image.decode_and_crop_jpeg(self._encoded, box, channels=3)
            self._session = tf.Session(config=devices.session_config("cpu"))
            self.check = self._function(last_row.op)
            self.decode = self._function(whole)

    def _function(self, fetched):
        run = self._session.make_callable(fetched, [self._encoded], accept_options=True)
        # In the caller's thread: TensorFlow's own may all wait for what is being decoded.
        options = devices.one_by_one()

        def function(encoded):
            try:
                return run(encoded, options=options)
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError(first_line(error))  # The photo is not to blame.
            except tf.errors.OpError as error:
                raise photo_kind.BadPhotoError("cannot be decoded: %s" % first_line(error))

        return function


_made = []
_making = threading.Lock()


def _decoder():
    """Returns this process's decoder, made when it is first needed."""
    with _making:
        if not _made:
            _made.append(_Decoder())
        return _made[0]
