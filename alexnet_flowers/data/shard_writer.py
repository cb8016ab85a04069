"""The photos of each split, written to their shards."""

import collections
import os

from tqdm import tqdm

from alexnet_flowers import atomic
from alexnet_flowers.data import records, splits
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf


def write(dataset_dir, parts, num_shards, class_names):
    """Writes the shards of all splits under temporary names, ``<shard>.partial``.

    Args:
      dataset_dir: the folder.
      parts: ``{split name: list of verification.VerifiedPhoto}``.
      num_shards: int, the shards of each split.
      class_names: list of str, by id.

    Returns:
      What ``dataset.json`` says of each split that has photos, by its name.

    Raises:
      DataError: a shard cannot be written.
    """
    labels = {name: label for label, name in enumerate(class_names)}
    written = {}
    with tqdm(total=sum(map(len, parts.values())), desc="writing", unit="photo") as bar:
        for split_name in splits.SPLITS:
            photos = parts[split_name]
            if photos:
                written[split_name] = {
                    "num_photos": len(photos),
                    "per_class": dict(collections.Counter(photo.class_name for photo in photos)),
                    "shards": _write_split(
                        dataset_dir, split_name, photos, num_shards, labels, bar
                    ),
                }
    return written


def put_in_place(dataset_dir, written):
    """Gives shards, what ``write`` returned, their names."""
    for split in written.values():
        for name in split["shards"]:
            path = os.path.join(dataset_dir, name)
            os.replace(path + ".partial", path)


def _write_split(dataset_dir, split_name, photos, num_shards, labels, bar):
    """Writes a split's shards under temporary names; returns their numbers by their names."""
    sizes = records.shard_sizes(len(photos), num_shards)
    shards = {}
    start = 0
    for name, size in zip(records.shard_filenames(split_name, num_shards), sizes):
        partial = os.path.join(dataset_dir, name + ".partial")
        _write_shard(partial, photos[start : start + size], labels, bar)
        shards[name] = {"num_records": size, "num_bytes": os.path.getsize(partial)}
        start += size
    return shards


def _write_shard(path, photos, labels, bar):
    try:
        with tf.python_io.TFRecordWriter(path) as writer:
            for photo in photos:
                writer.write(
                    records.example(
                        photo.read(),
                        photo.height_px,
                        photo.width_px,
                        labels[photo.class_name],
                        photo.filename,
                    )
                )
                bar.update()
        atomic.sync(path)  # ``dataset.json``, which says that it is whole, must not outlive it.
    except tf.errors.OpError as error:  # The disk is full, say.
        raise DataError(
            "%s: cannot be written (%s); make room or choose another --dataset_dir"
            % (path, error.message.split("; ")[-1])
        )
