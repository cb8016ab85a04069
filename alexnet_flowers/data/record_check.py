"""Records that cannot be trained on: found, named, and left out of a copy of their shard."""

import os
import tempfile
from typing import List, NamedTuple, Optional, Tuple

from google.protobuf.message import DecodeError

from alexnet_flowers import atomic
from alexnet_flowers.data import jpeg_check, parallel, photo_kind, record_frames
from alexnet_flowers.errors import DataError, first_line
from alexnet_flowers.tf1 import quiet, tf

_LABEL = "image/class/label"
# The features of a record, and whether it has to have them.
_FEATURES = (
    ("image/encoded", "bytes_list", True),
    (_LABEL, "int64_list", True),
    ("image/filename", "bytes_list", False),
)


class BadRecord(NamedTuple):
    """A record that cannot be trained on, or all from there to the shard's end.

    Attributes:
      path: str, its shard.
      first: int, its number in the shard, from 0.
      last: int, that of the last one; None where it is not known how many are lost.
      reason: str.
    """

    path: str
    first: int
    last: Optional[int]
    reason: str

    def __str__(self):
        """Returns the shard, the number and the reason in one line."""
        if self.last is None:
            numbers = "record %d and all behind it" % self.first
        elif self.last > self.first:
            numbers = "records %d to %d" % (self.first, self.last)
        else:
            numbers = "record %d" % self.first
        return "%s: %s: %s" % (self.path, numbers, self.reason)


class Examined(NamedTuple):
    """What is in a shard.

    Attributes:
      path: str.
      sound: list of (first byte, byte behind the last), of each record that can be trained on.
      bad: list of ``BadRecord``.
    """

    path: str
    sound: List[Tuple[int, int]]
    bad: List[BadRecord]


def examine(path, num_classes, num_written=None):
    """Reads every record of a shard, and decodes its photo; returns an ``Examined``.

    Args:
      path: the shard.
      num_classes: labels are 0 to ``num_classes - 1``.
      num_written: how many records it was written with, None where nobody knows.

    Raises:
      DataError: the shard has another number of records than were written, which no damage
        explains.
      OSError: it cannot be read.
    """

    def check(frame):  # The record itself is not kept.
        return frame.start, frame.end, frame.problem or _flaw(frame.record, num_classes)

    with quiet():  # What is wrong with a record, libraries write to the console, too.
        found = list(parallel.on_all_cores(check, record_frames.read(path)))
    sound, bad, num_found = [], [], 0
    for start, end, reason in found:
        number = last = num_found
        num_found += 1
        if reason is None:
            sound.append((start, end))
            continue
        if end is None:  # How many more are lost?
            last = None if num_written is None else max(number, num_written - 1)
            num_found = num_found if last is None else last + 1
        bad.append(BadRecord(path, number, last, reason))
    if num_written is not None and num_found != num_written:
        raise DataError(
            "%s: %d records, not the %d that were written; it is another conversion's, or was cut "
            "off between two records; convert again" % (path, num_found, num_written)
        )
    return Examined(path, sound, bad)


def crashes(path):
    """Says whether a shard holds what ends, on the spot, a process in which TensorFlow reads it.

    That is a length for which there is no memory, and a record that is no ``tf.train.Example``,
    which TensorFlow quotes in an error that Python cannot take. Both have their checksums right.
    """
    with quiet():
        return any(
            frame.problem == record_frames.CUT_OFF
            or (frame.record is not None and _example(frame.record) is None)
            for frame in record_frames.read(path)
        )


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


def labels_from_1(paths, num_classes):
    """Says that labels run from 1 to the number of classes; None if they do not.

    Such a dataset is another convention, not a damaged one: without its records of the last class
    the others would be trained on under wrong names.

    Args:
      paths: its shards.
      num_classes: how many names there are, of the labels 0 to ``num_classes - 1``.
    """
    found = set()
    with quiet():
        for path in paths:
            for frame in record_frames.read(path):
                example = None if frame.problem else _example(frame.record)
                if example is not None:  # Without the feature there are no values.
                    found.update(example.features.feature[_LABEL].int64_list.value)
    if found and min(found) == 1 and max(found) == num_classes:
        return (
            "%s: the labels run from 1 to %d, not from 0, as slim's --labels_offset=1 takes them; "
            "convert again with labels from 0" % (os.path.dirname(paths[0]), num_classes)
        )
    return None


def explanation(split):
    """Says why reading a ``Dataset`` of ``dataset.get_split`` failed; None if no record is bad."""
    bad = []
    for path, num_written in zip(split.data_sources, split.nums_records):
        try:
            bad += examine(path, split.num_classes, num_written).bad
        except DataError as error:
            return str(error)
        except OSError as error:
            return "%s: %s; convert again" % (path, error.strerror)
    if not bad:
        return None
    return labels_from_1(split.data_sources, split.num_classes) or complaint(bad)


def why_stopped(error, split):
    """Says why an ``OpError`` ended a network that read a ``Dataset`` of ``dataset.get_split``.

    For want of memory no record is to blame, and none is read.
    """
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return first_line(error) + "; lower --batch_size"
    return explanation(split) or first_line(error)


def copy_of_sound(examined):
    """Copies the sound records of an ``Examined`` shard into a file that no folder lists.

    Returns:
      The open file, which is gone with its last user however the process ends, and the path
      under which this process can read it.
    """
    copy = tempfile.TemporaryFile()
    with open(examined.path, "rb") as shard, atomic.naming(tempfile.gettempdir()):
        for start, end in examined.sound:
            shard.seek(start)
            copy.write(shard.read(end - start))
        copy.flush()
    return copy, "/proc/self/fd/%d" % copy.fileno()


def _flaw(record, num_classes):
    """Returns why a record whose bytes are as they were written is of no use; None if it is."""
    example = _example(record)
    if example is None:
        return "not a tf.train.Example"
    feature = example.features.feature
    for name, kind, is_needed in _FEATURES:
        found = feature[name].WhichOneof("kind") if name in feature else None
        if found is None and not is_needed:
            continue
        if found is None:
            return "the feature %s is missing" % name
        if found != kind or len(getattr(feature[name], kind).value) != 1:
            return "the feature %s is not one value of a %s" % (name, kind)
    (label,) = feature[_LABEL].int64_list.value
    if not 0 <= label < num_classes:
        return "the label is %d, not one of 0 to %d" % (label, num_classes - 1)
    (encoded,) = feature["image/encoded"].bytes_list.value
    try:
        jpeg_check.check(encoded)
    except photo_kind.BadPhotoError as error:
        return "the photo is of no use: %s" % error
    return None


def _example(record):
    """Returns a record as a ``tf.train.Example``, None where it is not one."""
    try:
        return tf.train.Example.FromString(record)
    except (DecodeError, UnicodeDecodeError):
        return None
