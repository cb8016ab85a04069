"""Records that cannot be trained on: found, named, and left out of a copy of their shard.

Around each record's bytes a shard keeps their length (8 bytes), a checksum of that and one of the
record (4 bytes each). Where a record is damaged but its length is not, the next one is found
behind it; where the length is, everything up to the shard's end is lost.
"""

import collections
import concurrent.futures
import os
import struct
import tempfile

import google_crc32c
from google.protobuf.message import DecodeError

from alexnet_flowers.data import photo_check
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_JPEG_BEGINS = b"\xff\xd8\xff"
_CUT_OFF = "cut off"


class BadRecord(collections.namedtuple("BadRecord", ["path", "first", "last", "reason"])):
    """A record that cannot be trained on, or all from there to the shard's end.

    Attributes:
      path: str, its shard.
      first: int, its number in the shard, from 0.
      last: int, that of the last one; None where it is not known how many are lost.
      reason: str.
    """

    def __str__(self):
        """Returns the shard, the number and the reason in one line."""
        if self.last is None:
            numbers = "record %d and all behind it" % self.first
        elif self.last > self.first:
            numbers = "records %d to %d" % (self.first, self.last)
        else:
            numbers = "record %d" % self.first
        return "%s: %s: %s" % (self.path, numbers, self.reason)


Examined = collections.namedtuple("Examined", ["path", "sound", "bad"])
Examined.__doc__ = """What is in a shard.

Attributes:
  path: str.
  sound: list of (first byte, byte behind the last), of each record that can be trained on.
  bad: list of ``BadRecord``.
"""

_Frame = collections.namedtuple("_Frame", ["start", "end", "record", "problem"])


def examine(path, num_classes, num_written=None):
    """Reads every record of a shard, and decodes its photo.

    Args:
      path: the shard.
      num_classes: labels are 0 to ``num_classes - 1``.
      num_written: how many records it was written with, None where nobody knows.

    Returns:
      An ``Examined``.

    Raises:
      DataError: the shard has another number of records than were written, which no damage
        explains.
      OSError: it cannot be read.
    """
    frames = list(_frames(path))
    # Pillow decodes without holding the interpreter's lock, so threads use all cores.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(pool.map(lambda frame: frame.problem or _flaw(frame, num_classes), frames))
    sound, bad = [], []
    for number, (frame, reason) in enumerate(zip(frames, reasons)):
        if reason is None:
            sound.append((frame.start, frame.end))
            continue
        last = number
        if frame.end is None:  # How many more are lost?
            last = None if num_written is None else max(number, num_written - 1)
        bad.append(BadRecord(path, number, last, reason))
    num_found = bad[-1].last + 1 if bad and frames[-1].end is None and num_written else len(frames)
    if num_written is not None and num_found != num_written:
        raise DataError(
            "%s: %d records, not the %d that were written; it is another conversion's, or was cut "
            "off between two records; convert again" % (path, num_found, num_written)
        )
    return Examined(path, sound, bad)


def count(bad):
    """Returns how many records are bad; infinity where that is not known."""
    if any(one.last is None for one in bad):
        return float("inf")
    return sum(one.last - one.first + 1 for one in bad)


def complaint(bad, num_allowed=0):
    """Returns what to tell a person who has more bad records than are allowed."""
    number, text = count(bad), str(bad[0])
    known = "bad records" if number == float("inf") else "%d bad records" % number
    if number > 1 or num_allowed:
        text = "%s, --skip_bad_records allows %d; the first: %s" % (known, num_allowed, text)
    text += "; convert again"
    if number < float("inf"):
        text += ", or train and evaluate without: --skip_bad_records %d" % number
    return text


def explanation(paths, nums_written, num_classes):
    """Says why reading failed; None if there is no bad record.

    Args:
      paths: the shards that were read.
      nums_written: the number of records of each.
      num_classes: see ``examine``.
    """
    bad = []
    for path, num_written in zip(paths, nums_written):
        try:
            bad += examine(path, num_classes, num_written).bad
        except DataError as error:
            return str(error)
        except OSError as error:
            return "%s: %s; convert again" % (path, error.strerror)
    return complaint(bad) if bad else None


def copy_of_sound(examined):
    """Copies the sound records of a shard into a file that no folder lists.

    Args:
      examined: an ``Examined``.

    Returns:
      The open file, which is gone with its last user however the process ends, and the path
      under which this process can read it.
    """
    copy = tempfile.TemporaryFile()
    with open(examined.path, "rb") as shard:
        for start, end in examined.sound:
            shard.seek(start)
            copy.write(shard.read(end - start))
    copy.flush()
    return copy, "/proc/self/fd/%d" % copy.fileno()


def _frames(path):
    """Yields the ``_Frame`` of each record; the last one's end is None if it cannot be told."""
    size = os.path.getsize(path)
    start = 0
    with open(path, "rb") as file:
        while start < size:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                yield _Frame(start, None, None, _CUT_OFF)
                return
            length, checksum = _HEADER.unpack(header)
            if _masked_crc32c(header[:8]) != checksum:
                problem = "its length is damaged, so that nothing behind it can be read"
                yield _Frame(start, None, None, problem)
                return
            end = start + _HEADER.size + length + _FOOTER.size
            if end > size:
                yield _Frame(start, None, None, _CUT_OFF)
                return
            record = file.read(length)
            (checksum,) = _FOOTER.unpack(file.read(_FOOTER.size))
            if _masked_crc32c(record) == checksum:
                yield _Frame(start, end, record, None)
            else:
                yield _Frame(start, end, None, "its checksum does not fit its bytes")
            start = end


def _masked_crc32c(data):
    """Returns the checksum of some bytes as records have it: turned, and a constant added."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _flaw(frame, num_classes):
    """Returns why a record whose bytes are as they were written is of no use; None if it is."""
    try:
        feature = tf.train.Example.FromString(frame.record).features.feature
    except DecodeError:
        return "not a tf.train.Example"
    for name, kind, is_needed in (
        ("image/encoded", "bytes_list", True),
        ("image/class/label", "int64_list", True),
        ("image/format", "bytes_list", False),
        ("image/filename", "bytes_list", False),
    ):
        found = feature[name].WhichOneof("kind") if name in feature else None
        if found is None and not is_needed:
            continue
        if found is None:
            return "the feature %s is missing" % name
        if found != kind or len(getattr(feature[name], kind).value) != 1:
            return "the feature %s is not one value of a %s" % (name, kind)
    (label,) = feature["image/class/label"].int64_list.value
    if not 0 <= label < num_classes:
        return "the label is %d, not one of 0 to %d" % (label, num_classes - 1)
    (encoded,) = feature["image/encoded"].bytes_list.value
    try:
        photo_check.verify(encoded)
    except photo_check.BadPhotoError as error:
        return "the photo is of no use: %s" % " ".join(str(error).split())
    if not encoded.startswith(_JPEG_BEGINS):
        return "the photo is not a JPEG"
    return None
