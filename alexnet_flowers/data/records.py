"""The files of a dataset, named and filled as slim's converter does: shards and ``labels.txt``.

A record is a ``tf.train.Example`` with

==================== ===== ==================================================
``image/encoded``    bytes the JPEG
``image/format``     bytes ``jpg``
``image/class/label`` int64 its class id
``image/height``     int64 px
``image/width``      int64 px
``image/filename``   bytes ``<class>/<file>``; the reference does not write it
==================== ===== ==================================================
"""

import glob
import os
import re
from typing import NamedTuple

from google.protobuf.message import DecodeError

from alexnet_flowers import atomic, regular_file
from alexnet_flowers.data import record_frames
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.first_of_many import some
from alexnet_flowers.tf1 import tf

LABELS_FILENAME = "labels.txt"
# As slim's flowers.py has it; %s is the split.
FILE_PATTERN = "flowers_%s_*.tfrecord"
_SHARD_NAME = "flowers_%s_%05d-of-%05d.tfrecord"
_SHARD_PATTERN = re.compile(r"flowers_([a-z]+)_(\d{5})-of-(\d{5})\.tfrecord\Z")
# What five digits can count.
MAX_SHARDS = 99999
_MAX_LABEL_DIGITS = 9
# Of more classes than this, a line of text names the first that differ.
_MAX_LISTED = 12


def example(encoded, height, width, label, filename):
    """Returns one record's bytes: a serialized ``tf.train.Example``."""

    def of_bytes(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def of_int(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "image/encoded": of_bytes(encoded),
        "image/format": of_bytes(b"jpg"),
        "image/class/label": of_int(label),
        "image/height": of_int(height),
        "image/width": of_int(width),
        "image/filename": of_bytes(filename.encode("utf-8", "surrogateescape")),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
        deterministic=True
    )


def shard_filenames(split_name, num_shards):
    """Returns a split's shard names in order."""
    return [_SHARD_NAME % (split_name, shard, num_shards) for shard in range(num_shards)]


def shard_sizes(num_records, num_shards):
    """Returns how many records each shard gets: ceil(n / shards) each, the last ones fewer."""
    size = -(-num_records // num_shards)
    return [min(size, max(0, num_records - shard * size)) for shard in range(num_shards)]


def is_shard(name):
    """Says whether a file's name is a shard's, whichever conversion's."""
    return _SHARD_PATTERN.match(name) is not None


def find_splits(dataset_dir):
    """Returns the names of the splits that have shards in a folder, sorted."""
    matches = (_SHARD_PATTERN.match(name) for name in os.listdir(dataset_dir))
    return sorted({match.group(1) for match in matches if match})


def not_converted(path):
    """Returns the ``DataError`` of a folder or file, perhaps of photos, that is no dataset."""
    return DataError(
        "%s: holds no converted photos; run scripts/download_and_convert.py, of photos of your own "
        "with --archive %s, and name its --dataset_dir here" % (path, path)
    )


def find_shards(dataset_dir, split_name, file_pattern=None):
    """Returns the paths of a split's shards in order.

    Args:
      dataset_dir: their folder.
      split_name: str.
      file_pattern: ``FILE_PATTERN``, which None stands for: all of one conversion; or another
        pattern of file names, with ``%s`` for the split's name: whatever it matches.

    Raises:
      DataError: there are none, one is missing, or two conversions are mixed.
      UsageError: the pattern has no place for the split's name.
    """
    if file_pattern not in (None, FILE_PATTERN):
        return _matches(dataset_dir, split_name, file_pattern)
    found = {}
    for name in os.listdir(dataset_dir):
        match = _SHARD_PATTERN.match(name)
        if match and match.group(1) == split_name:
            found.setdefault(int(match.group(3)), set()).add(name)
    if not found:
        there = find_splits(dataset_dir)
        if not there:
            raise not_converted(dataset_dir)
        advice = "run scripts/download_and_convert.py --dataset_dir %s" % dataset_dir
        if "train" in there:
            advice = (
                "choose one of these, or convert into another folder with --num_%s or, where names "
                "divide, --%s_percentage, where folders do, one that is called %s"
                % (split_name, split_name, split_name)
            )
        raise DataError(
            "%s: no shards of the split %r (there: %s); %s"
            % (dataset_dir, split_name, ", ".join(there), advice)
        )
    if len(found) > 1:
        raise DataError(
            "%s: shards of several conversions are mixed (%s); convert into an empty folder"
            % (dataset_dir, ", ".join("of %d" % count for count in sorted(found)))
        )
    ((num_shards, names),) = found.items()
    expected = shard_filenames(split_name, num_shards)
    missing = [name for name in expected if name not in names]
    if missing:
        raise DataError("%s: the shard %s is missing; convert again" % (dataset_dir, some(missing)))
    return [os.path.join(dataset_dir, name) for name in expected]


def _matches(dataset_dir, split_name, file_pattern):
    try:
        pattern = file_pattern % split_name
    except TypeError:
        raise UsageError(
            "file_pattern %r: needs one %%s, for the split's name, as in %r"
            % (file_pattern, FILE_PATTERN)
        )
    paths = sorted(glob.glob(os.path.join(glob.escape(dataset_dir), pattern)))
    if not paths:
        raise DataError("%s: no shards that match %r" % (dataset_dir, pattern))
    return paths


class Record(NamedTuple):
    """A record's photo.

    Attributes:
      encoded: bytes of the JPEG.
      label: int, its class id.
      filename: str, ``<class>/<file>``; empty where the record does not have it.
    """

    encoded: bytes
    label: int
    filename: str


def read_shard(path):
    """Yields a ``Record`` for each one of a shard, which is read without TensorFlow's queues.

    Raises:
      DataError: the shard is damaged or cut off, or a record is not of a photo.
    """
    for number, record in enumerate(_raw_records(path)):
        try:
            feature = tf.train.Example.FromString(record).features.feature
            (encoded,) = feature["image/encoded"].bytes_list.value
            (label,) = feature["image/class/label"].int64_list.value
        except (ValueError, DecodeError):
            raise DataError("%s: record %d is not of a photo; convert again" % (path, number))
        filename = b"".join(feature["image/filename"].bytes_list.value)
        yield Record(encoded, label, filename.decode("utf-8", "surrogateescape"))


def count_records(path):
    """Counts a shard's records, reading and comparing all; ``DataError`` if damaged or cut off."""
    return sum(1 for _ in _raw_records(path))


def _raw_records(path):
    try:
        for number, frame in enumerate(record_frames.read(path)):
            if frame.problem is not None:
                raise DataError(
                    "%s: damaged after record %d (%s); convert again"
                    % (path, number, frame.problem)
                )
            yield frame.record
    except OSError as error:
        raise DataError("%s: %s; convert again" % (path, error.strerror))


def write_labels(path, class_names):
    """Writes ``<id>:<name>`` lines, ids in the order of ``class_names``; all or none."""
    with atomic.opened(path, encoding="utf-8", errors="surrogateescape") as file:
        for label, name in enumerate(class_names):
            file.write("%d:%s\n" % (label, name))


def read_labels(dataset_dir):
    """Returns ``{id: class name}`` from a folder's ``labels.txt``, in the order of the ids.

    Raises:
      DataError: no such file, or no file; a line that is not ``<id>:<name>``, or two of the same id
        or name.
    """
    path = os.path.join(dataset_dir, LABELS_FILENAME)
    regular_file.check(path)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        if not find_splits(dataset_dir):
            raise not_converted(dataset_dir)
        raise DataError(
            "%s: missing; the conversion did not finish: run scripts/download_and_convert.py "
            "--dataset_dir %s" % (path, dataset_dir)
        )
    names = {}
    for number, line in enumerate(lines, 1):
        label, colon, name = line.partition(":")
        if not line:
            continue
        # Python itself refuses to read a number of thousands of digits.
        if not colon or not label.isdecimal() or len(label) > _MAX_LABEL_DIGITS:
            raise DataError("%s, line %d: %r is not <id>:<name>" % (path, number, line))
        if int(label) in names:
            raise DataError("%s, line %d: the id %s is there twice" % (path, number, label))
        if name in names.values():
            raise DataError("%s, line %d: the class %r is there twice" % (path, number, name))
        names[int(label)] = name
    if names and sorted(names) == list(range(1, len(names) + 1)):
        raise DataError(
            "%s: the ids run from 1 to %d, not from 0, as slim's --labels_offset=1 takes them; "
            "convert again with ids and labels from 0" % (path, len(names))
        )
    if sorted(names) != list(range(len(names))) or not names:
        raise DataError("%s: the ids are not 0, 1, 2, ...; convert again" % path)
    return dict(sorted(names.items()))


def read_labels_if_any(folder):
    """Returns ``read_labels`` of a folder; None where there is no ``labels.txt``."""
    return read_labels(folder) if os.path.exists(os.path.join(folder, LABELS_FILENAME)) else None


def differing_classes(folder, labels_to_names):
    """Returns the classes in a folder's ``labels.txt`` and others, each for a line of text.

    Of many, only the first that differ are named. It is None where they are the same, or there is
    no ``labels.txt``.

    Args:
      folder: a path.
      labels_to_names: a dict of id to class name, the others.
    """
    pair = read_labels_if_any(folder), labels_to_names
    if pair[0] in (None, labels_to_names):
        return None
    if max(map(len, pair)) <= _MAX_LISTED:
        return tuple(", ".join(one.values()) for one in pair)
    labels = sorted(set(pair[0]) | set(pair[1]))
    label = next(x for x in labels if pair[0].get(x) != pair[1].get(x))
    return tuple("%d:%s among %d" % (label, one.get(label, ""), len(one)) for one in pair)
