"""Conversions for the tests, and what they leave."""

import functools
import os

import shard_files

from alexnet_flowers.data import conversion, records
from alexnet_flowers.data.sources import drawn_flowers, photo_source

TINY = {"num_validation": 5, "num_shards": 2}
TINY_FILES = [
    "dataset.json",
    "flowers_train_00000-of-00002.tfrecord",
    "flowers_train_00001-of-00002.tfrecord",
    "flowers_validation_00000-of-00002.tfrecord",
    "flowers_validation_00001-of-00002.tfrecord",
    "labels.txt",
]


def convert(
    dataset_dir, archive, lines=None, use_sample=False, strict=False, keep_archive=False, **settings
):
    """Converts an archive without a word, or with its words in ``lines``."""
    return conversion.convert(
        str(dataset_dir),
        photo_source.choose(str(archive), use_sample),
        conversion.Settings(**settings),
        strict=strict,
        keep_archive=keep_archive,
        report=(lambda line: None) if lines is None else lines.append,
    )


def draw_few(monkeypatch, number):
    """Makes the built-in sample one of a number of photos of each class."""
    few = functools.partial(drawn_flowers.write_archive, photos_per_class=number)
    monkeypatch.setattr(drawn_flowers, "write_archive", few)


def contents(folder):
    """Returns ``{file name: bytes}``."""
    found = {}
    for name in sorted(os.listdir(str(folder))):
        with open(os.path.join(str(folder), name), "rb") as file:
            found[name] = file.read()
    return found


def filenames(folder, split_name):
    """Returns ``<class>/<file>`` of a split's records in order."""
    return [
        example.features.feature["image/filename"].bytes_list.value[0].decode("utf-8")
        for path in records.find_shards(str(folder), split_name)
        for example in shard_files.examples(path)
    ]
