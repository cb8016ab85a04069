"""A split of converted photos as a slim ``Dataset``."""

import collections
import os

from alexnet_flowers.data import conversion, record_check, records
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf

_ITEMS_TO_DESCRIPTIONS = {
    "image": "The photo: uint8 [height, width, 3].",
    "label": "Its class id: int64 [], from 0.",
    "encoded": "The JPEG it is decoded from: string [].",
    "filename": "<class>/<file>: string [], empty where the records do not have it.",
}


def get_split(split_name, dataset_dir, skip_bad_records=0, report=print):
    """Describes a split to slim's ``DatasetDataProvider``.

    Records of this project and of slim's own converter can both be read. This project has decoded
    every photo before it wrote it, and the checksums are compared whenever a record is read; so
    only shards of another size than was written are examined here. Of slim's, which have no
    ``dataset.json``, every record is; and of both, where bad ones are to be skipped.

    Args:
      split_name: ``"train"``, ``"validation"`` or ``"test"``.
      dataset_dir: the folder of the shards.
      skip_bad_records: how many may be bad; they are left out.
      report: called with a line for each that is left out.

    Returns:
      A ``slim.dataset.Dataset`` with the items ``image`` (uint8 [height, width, 3], decoded only
      where it is used), ``label`` (int64 []), ``encoded`` (string []) and ``filename``
      (string []); with ``num_samples``, ``num_classes`` and ``labels_to_names``, and with
      ``nums_records``, how many are in each of its ``data_sources``.

    Raises:
      DataError: no such folder or split, a conversion that did not finish, a shard that is
        missing or not the one that was written, or more bad records than may be skipped.
    """
    if not os.path.isdir(dataset_dir):
        raise DataError(
            "%s: no such folder; run scripts/download_and_convert.py --dataset_dir %s"
            % (dataset_dir, dataset_dir)
        )
    info = conversion.read_info(dataset_dir)
    labels_to_names = records.read_labels(dataset_dir)
    paths = records.find_shards(dataset_dir, split_name)
    written = None
    if info is not None:
        written = info["splits"].get(split_name, {"shards": {}})["shards"]
    examined = _examine(paths, written, len(labels_to_names), everything=skip_bad_records > 0)
    bad = [one for shard in examined.values() for one in shard.bad]
    if record_check.count(bad) > skip_bad_records:
        raise DataError(record_check.complaint(bad, skip_bad_records))
    for one in bad:
        report("skipped: %s" % str(one))
    nums_records = [
        len(examined[path].sound)
        if path in examined
        else written[os.path.basename(path)]["num_records"]
        for path in paths
    ]
    num_samples = sum(nums_records)
    if not num_samples:
        raise DataError("%s: the split %r holds no photos" % (dataset_dir, split_name))

    decoder = slim.tfexample_decoder.TFExampleDecoder(
        {
            "image/encoded": tf.FixedLenFeature([], tf.string),
            "image/format": tf.FixedLenFeature([], tf.string, default_value="jpg"),
            "image/class/label": tf.FixedLenFeature([], tf.int64),
            "image/filename": tf.FixedLenFeature([], tf.string, default_value=""),
        },
        {
            "image": slim.tfexample_decoder.ItemHandlerCallback(["image/encoded"], _decode),
            "label": slim.tfexample_decoder.ItemHandlerCallback(
                ["image/class/label"],
                lambda tensors: _checked(tensors["image/class/label"], len(labels_to_names)),
            ),
            "encoded": slim.tfexample_decoder.Tensor("image/encoded"),
            "filename": slim.tfexample_decoder.Tensor("image/filename"),
        },
    )
    copies = {
        shard.path: record_check.copy_of_sound(shard) for shard in examined.values() if shard.bad
    }
    return slim.dataset.Dataset(
        data_sources=[copies[path][1] if path in copies else path for path in paths],
        reader=tf.TFRecordReader,
        decoder=decoder,
        num_samples=num_samples,
        items_to_descriptions=_ITEMS_TO_DESCRIPTIONS,
        num_classes=len(labels_to_names),
        labels_to_names=labels_to_names,
        split_name=split_name,
        nums_records=nums_records,
        open_files=[file for file, _ in copies.values()],
    )


def part(split, index, count):
    """Returns a worker's part of a split: every so manyth shard.

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


def _examine(paths, written, num_classes, everything):
    """Returns ``{path: Examined}`` of the shards that have to be examined, in order."""
    examined = collections.OrderedDict()
    for path in paths:
        name = os.path.basename(path)
        if written is None:
            examined[path] = record_check.examine(path, num_classes)
        elif name not in written:
            raise DataError(
                "%s: dataset.json does not name this shard; it is another conversion's; convert "
                "again" % path
            )
        elif everything or os.path.getsize(path) != written[name]["num_bytes"]:
            shard = record_check.examine(path, num_classes, written[name]["num_records"])
            if not shard.bad and os.path.getsize(path) != written[name]["num_bytes"]:
                raise DataError(
                    "%s: %d bytes, not the %d that were written, although its records are sound; "
                    "it is another conversion's; convert again"
                    % (path, os.path.getsize(path), written[name]["num_bytes"])
                )
            examined[path] = shard
    return examined


def _decode(keys_to_tensors):
    # slim's own Image handler chooses between three decoders at run time; here all are JPEGs.
    return tf.image.decode_jpeg(keys_to_tensors["image/encoded"], channels=3)


def _checked(label, num_classes):
    # The one-hot code of a label that is out of range is all zeros, which would be trained on;
    # to look it up is an error, on a CPU at least (a GPU returns 0).
    with tf.device(INPUT_DEVICE):
        return tf.gather(tf.range(num_classes, dtype=tf.int64), label)
