"""The photos that a person asks about: files, folders, or a split of a dataset."""

import io
import os
from typing import NamedTuple, Optional

from PIL import Image

from alexnet_flowers.data import dataset, photo_check, record_check, records
from alexnet_flowers.data.sources import class_folders
from alexnet_flowers.errors import DataError


class Photo(NamedTuple):
    """A photo in memory, which can be decoded.

    Attributes:
      name: str, its path, or ``<class>/<file>`` of a record.
      encoded: bytes, an RGB JPEG.
      label: int, its true class id; None where it is not known.
    """

    name: str
    encoded: bytes
    label: Optional[int]


def open_image(photo):
    """Returns a ``Photo`` as a Pillow image, RGB."""
    return Image.open(io.BytesIO(photo.encoded)).convert("RGB")


def from_paths(paths, class_names=()):
    """Reads photos, and all photos of folders, each decoded once to make sure that it can be.

    A photo's class is known where its folder is called like one.

    Args:
      paths: of files and folders.
      class_names: list of str, by id.

    Returns:
      A list of ``Photo``, in the order of ``paths``, those of a folder sorted.

    Raises:
      DataError: no such file, not a photo, or a folder without any.
    """
    labels = {name: label for label, name in enumerate(class_names)}
    found = []
    for path in paths:
        files = _files_of(path)
        if not files:
            raise DataError("%s: no photos in this folder (.jpg, .jpeg or .png)" % path)
        for file in files:
            folder = os.path.basename(os.path.dirname(os.path.abspath(file)))
            found.append(Photo(file, _read(file), labels.get(folder)))
    return found


def from_split(dataset_dir, split_name):
    """Reads a split of a dataset, in the order of its shards.

    Returns:
      A list of ``Photo``, and the split's ``{id: class name}``.

    Raises:
      DataError: see ``dataset.get_split``; or one of the records is bad.
    """
    split = dataset.get_split(split_name, dataset_dir)
    bad = record_check.explanation(split.data_sources, split.nums_records, split.num_classes)
    if bad:
        raise DataError(bad)
    found = [
        Photo(record.filename or "%s, photo %d" % (split_name, number), *record[:2])
        for path in split.data_sources
        for number, record in enumerate(records.read_shard(path))
    ]
    return found, split.labels_to_names


def _files_of(path):
    if not os.path.isdir(path):
        return [path]
    return [
        os.path.join(folder, name)
        for folder, _, names in sorted(os.walk(path))
        for name in sorted(names)
        if class_folders.is_photo(os.path.relpath(os.path.join(folder, name), path).split(os.sep))
    ]


def _read(path):
    if not os.path.isfile(path):
        raise DataError("%s: no such photo" % path)
    with open(path, "rb") as file:
        encoded = file.read()
    try:
        return photo_check.verify(encoded).replacement or encoded
    except photo_check.BadPhotoError as error:
        raise DataError("%s: not a photo that can be used: %s" % (path, error))
