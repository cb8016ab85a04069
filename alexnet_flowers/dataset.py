"""A split of converted photos as a slim ``Dataset``."""

import os

from alexnet_flowers import conversion, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import slim, tf

_ITEMS_TO_DESCRIPTIONS = {
    "image": "The photo: uint8 [height, width, 3].",
    "label": "Its class id: int64 [], from 0.",
    "encoded": "The JPEG it is decoded from: string [].",
    "filename": "<class>/<file>: string [], empty where the records do not have it.",
}


def get_split(split_name, dataset_dir):
    """Describes a split to slim's ``DatasetDataProvider``.

    Records of this project and of slim's own converter can both be read; for the latter, which
    have no ``dataset.json``, the photos are counted in the shards.

    Args:
      split_name: ``"train"``, ``"validation"`` or ``"test"``.
      dataset_dir: the folder of the shards.

    Returns:
      A ``slim.dataset.Dataset`` with the items ``image`` (uint8 [height, width, 3], decoded only
      where it is used), ``label`` (int64 []), ``encoded`` (string []) and ``filename``
      (string []); with ``num_samples``, ``num_classes`` and ``labels_to_names``.

    Raises:
      DataError: no such folder or split, a conversion that did not finish, or a shard that is
        missing or has another size than it was written with.
    """
    if not os.path.isdir(dataset_dir):
        raise DataError(
            "%s: no such folder; run scripts/download_and_convert.py --dataset_dir %s"
            % (dataset_dir, dataset_dir)
        )
    info = conversion.read_info(dataset_dir)
    labels_to_names = records.read_labels(dataset_dir)
    paths = records.find_shards(dataset_dir, split_name)
    if info is not None and split_name in info["splits"]:
        split = info["splits"][split_name]
        for path in paths:
            written = split["shards"].get(os.path.basename(path), {}).get("num_bytes")
            if os.path.getsize(path) != written:
                raise DataError(
                    "%s: %d bytes, not the %s that were written; convert again"
                    % (path, os.path.getsize(path), written)
                )
        num_samples = split["num_photos"]
    else:
        num_samples = sum(records.count_records(path) for path in paths)
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
            "label": slim.tfexample_decoder.Tensor("image/class/label"),
            "encoded": slim.tfexample_decoder.Tensor("image/encoded"),
            "filename": slim.tfexample_decoder.Tensor("image/filename"),
        },
    )
    return slim.dataset.Dataset(
        data_sources=paths,
        reader=tf.TFRecordReader,
        decoder=decoder,
        num_samples=num_samples,
        items_to_descriptions=_ITEMS_TO_DESCRIPTIONS,
        num_classes=len(labels_to_names),
        labels_to_names=labels_to_names,
        split_name=split_name,
    )


def _decode(keys_to_tensors):
    # slim's own Image handler chooses between three decoders at run time; here all are JPEGs.
    return tf.image.decode_jpeg(keys_to_tensors["image/encoded"], channels=3)
