"""A split of converted photos as a slim ``Dataset``."""

import itertools
import os
from typing import IO, NamedTuple, Optional

from alexnet_flowers.data import manifest, record_check, records
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf

_ITEMS_TO_DESCRIPTIONS = {
    "image": "The photo: uint8 [height, width, 3].",
    "label": "Its class id: int64 [], from 0.",
    "encoded": "The JPEG it is decoded from: string [].",
    "filename": "<class>/<file>: string [], empty where the records do not have it.",
}


def get_split(
    split_name, dataset_dir, file_pattern=None, reader=None, *, skip_bad_records=0, report=print
):
    """Describes a split to slim's ``DatasetDataProvider``.

    Records of this project and of slim's own converter can both be read. This project has decoded
    every photo before it wrote it, and the checksums are compared whenever a record is read; so
    only shards of another size than was written, or that would end the process, are examined here.
    Of slim's, which have no ``dataset.json``, every record is; and of both, where bad ones are to
    be skipped.

    Args:
      split_name: ``"train"``, ``"validation"`` or ``"test"``.
      dataset_dir: the folder of the shards.
      file_pattern: names of the shards, with ``%s`` for the split; None: slim's and this
        project's own, ``records.FILE_PATTERN``.
      reader: the ``tf.ReaderBase`` class that reads the shards, which are TFRecord files whatever
        it is; None: ``tf.TFRecordReader``.
      skip_bad_records: how many may be bad; they are left out.
      report: called with a line for each that is left out, and one for the classes that have no
        photos in this split.

    Returns:
      A ``slim.dataset.Dataset`` with the items ``image`` (uint8 [height, width, 3], decoded only
      where it is used), ``label`` (int64 []), ``encoded`` (string []) and ``filename``
      (string []); with ``num_samples``, ``num_classes`` and ``labels_to_names``, and with
      ``nums_records``, how many are in each of its ``data_sources``.

    Raises:
      DataError: no such folder or split, a conversion that did not finish, other classes in
        ``labels.txt`` than in ``dataset.json``, a shard that is missing or not the one that was
        written, or more bad records than may be skipped.
      UsageError: ``file_pattern`` has no place for the split's name.
    """
    info, labels_to_names = describe(dataset_dir)
    num_classes = len(labels_to_names)
    paths = records.find_shards(dataset_dir, split_name, file_pattern)
    written = {}
    if info is not None and split_name in info["splits"]:
        written = info["splits"][split_name]["shards"]
        for line in manifest.gaps(info, split_name):
            report(line)
    if info is not None and file_pattern in (None, records.FILE_PATTERN):
        _check_names(paths, written)
    shards = _shards(paths, written, num_classes, skip_bad_records, report)
    num_samples = sum(shard.num_records for shard in shards)
    if not num_samples:
        raise DataError("%s: the split %r holds no photos" % (dataset_dir, split_name))
    return slim.dataset.Dataset(
        data_sources=[shard.source for shard in shards],
        reader=reader or tf.TFRecordReader,
        decoder=_decoder(num_classes),
        num_samples=num_samples,
        items_to_descriptions=_ITEMS_TO_DESCRIPTIONS,
        num_classes=num_classes,
        labels_to_names=labels_to_names,
        split_name=split_name,
        nums_records=[shard.num_records for shard in shards],
        open_files=[shard.copy for shard in shards if shard.copy],
    )


def describe(dataset_dir):
    """Returns ``manifest.read`` of a dataset and its ``{id: class name}``; no shard is needed.

    Raises:
      DataError: no such folder, a conversion that did not finish, or other classes in
        ``labels.txt`` than in ``dataset.json``.
    """
    if not os.path.isdir(dataset_dir):
        if os.path.exists(dataset_dir):  # Such as an archive.
            raise records.not_converted(dataset_dir)
        raise DataError(
            "%s: no such folder; run scripts/download_and_convert.py --dataset_dir %s"
            % (dataset_dir, dataset_dir)
        )
    info = manifest.read(dataset_dir)
    labels_to_names = records.read_labels(dataset_dir)
    if info is not None:
        _check_classes(dataset_dir, list(labels_to_names.values()), info["classes"])
    return info, labels_to_names


def part(split, index, count):
    """Returns a worker's part of a split: every ``count``-th shard.

    Args:
      split: a ``slim.dataset.Dataset`` of ``get_split``.
      index: int, which part, from 0.
      count: int, how many parts there are.

    Raises:
      UsageError: there are fewer shards than parts.
    """
    if count == 1:
        return split
    if len(split.data_sources) < count:
        raise UsageError(
            "--worker_hosts: %d workers, but only %d shards to read; convert with --num_shards %d"
            % (count, len(split.data_sources), count)
        )
    attributes = dict(vars(split))
    nums_records = split.nums_records[index::count]
    attributes.update(
        data_sources=split.data_sources[index::count],
        nums_records=nums_records,
        num_samples=sum(nums_records),
    )
    return slim.dataset.Dataset(**attributes)


class _Shard(NamedTuple):
    """Where a shard's records are read.

    Attributes:
      source: str, the path.
      num_records: int.
      copy: the open file that ``source`` is, where it is a copy without the bad records.
    """

    source: str
    num_records: int
    copy: Optional[IO] = None


def _check_classes(dataset_dir, names, converted):
    """Raises ``DataError`` unless ``labels.txt`` names the classes that the records have."""
    path = os.path.join(dataset_dir, records.LABELS_FILENAME)
    for label, (name, right) in enumerate(itertools.zip_longest(names, converted)):
        if name != right:
            raise DataError(
                "%s: the class %d is %r, but %r in dataset.json, which is what its photos were "
                "converted as; convert again" % (path, label, name, right)
            )


def _check_names(paths, written):
    for path in paths:
        if os.path.basename(path) not in written:
            raise DataError(
                "%s: dataset.json does not name this shard; it is another conversion's; move "
                "it away" % path
            )


def _examine(path, written, num_classes, everything):
    """Returns a shard's ``Examined``; None where it is read as ``written`` says, for all we know.

    Args:
      path: the shard.
      written: what ``dataset.json`` says of it, None where it says nothing.
      num_classes: see ``record_check.examine``.
      everything: examine it even so.
    """
    if written is None:
        return record_check.examine(path, num_classes)
    num_bytes = os.path.getsize(path)
    if num_bytes == written["num_bytes"] and not everything and not record_check.crashes(path):
        return None
    examined = record_check.examine(path, num_classes, written["num_records"])
    if num_bytes != written["num_bytes"] and not examined.bad:
        raise DataError(
            "%s: %d bytes, not the %d that were written, although its records are sound; it is "
            "another conversion's; convert again" % (path, num_bytes, written["num_bytes"])
        )
    return examined


def _shards(paths, written, num_classes, num_allowed, report):
    """Returns the ``_Shard`` of each path, bad records left out and reported.

    Raises:
      DataError: there are more of them than ``num_allowed``, or labels run from 1.
    """
    found = [
        _examine(path, written.get(os.path.basename(path)), num_classes, num_allowed > 0)
        for path in paths
    ]
    bad = [one for examined in found if examined for one in examined.bad]
    other_labels = record_check.labels_from_1(paths, num_classes) if bad else None
    if other_labels:
        raise DataError(other_labels)
    if record_check.count(bad) > num_allowed:
        raise DataError(record_check.complaint(bad, num_allowed))
    for one in bad:
        report("skipped: %s" % str(one))
    shards = []
    for path, examined in zip(paths, found):
        if examined is None:
            shards.append(_Shard(path, written[os.path.basename(path)]["num_records"]))
        elif examined.bad:
            copy, source = record_check.copy_of_sound(examined)
            shards.append(_Shard(source, len(examined.sound), copy))
        else:
            shards.append(_Shard(path, len(examined.sound)))
    return shards


def _decoder(num_classes):
    """Returns what makes the items of a split from a record."""
    return slim.tfexample_decoder.TFExampleDecoder(
        {
            "image/encoded": tf.FixedLenFeature([], tf.string),
            "image/class/label": tf.FixedLenFeature([], tf.int64),
            "image/filename": tf.FixedLenFeature([], tf.string, default_value=""),
        },
        {
            "image": slim.tfexample_decoder.ItemHandlerCallback(["image/encoded"], _decode),
            "label": slim.tfexample_decoder.ItemHandlerCallback(
                ["image/class/label"],
                lambda tensors: _checked(tensors["image/class/label"], num_classes),
            ),
            "encoded": slim.tfexample_decoder.Tensor("image/encoded"),
            "filename": slim.tfexample_decoder.Tensor("image/filename"),
        },
    )


def _decode(keys_to_tensors):
    # slim's own Image handler chooses between three decoders at run time; here all are JPEGs.
    return tf.image.decode_jpeg(keys_to_tensors["image/encoded"], channels=3)


def _checked(label, num_classes):
    # The one-hot code of a label that is out of range is all zeros, which would be trained on;
    # to look it up is an error, on a CPU at least (a GPU returns 0).
    with tf.device(INPUT_DEVICE):
        return tf.gather(tf.range(num_classes, dtype=tf.int64), label)
