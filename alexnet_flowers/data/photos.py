"""The photos that a person asks about: files, folders, or a split of a dataset."""

import contextlib
import difflib
import functools
import io
import itertools
import os
import re
import unicodedata
from typing import NamedTuple, Optional

from PIL import Image

from alexnet_flowers.data import (
    dataset,
    jpeg_check,
    parallel,
    photo_check,
    photo_kind,
    record_check,
    records,
)
from alexnet_flowers.data.sources import class_folders, companions
from alexnet_flowers.errors import DataError, UsageError


class Photo(NamedTuple):
    """A photo in memory, which can be decoded.

    Attributes:
      name: str, its path, or ``<class>/<file>`` of a record.
      encoded: bytes, a JPEG.
      label: int, its true class id; None where it is not known.
    """

    name: str
    encoded: bytes
    label: Optional[int]


def place_of(name, names):
    """Returns where a name stands in a list, from 0; None where it does not.

    Unless the very name is there, an accent counts as the same however it is written: macOS keeps
    the letter and the accent apart, which nobody sees.
    """
    for as_written in (str, functools.partial(unicodedata.normalize, "NFC")):
        written = list(map(as_written, names))
        if as_written(name) in written:
            return written.index(as_written(name))
    return None


def open_image(photo):
    """Returns a ``Photo`` as a Pillow image, RGB: the very pixels that the network is shown."""
    return Image.fromarray(jpeg_check.decode(photo.encoded))


def reduced(photo, side_px):
    """Returns a ``Photo`` that fits into a square; for drawing, not for a network."""
    image = open_image(photo)
    image.thumbnail((side_px, side_px), Image.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return photo._replace(encoded=buffer.getvalue())


class FilePhotos:
    """The photos of files and folders, each read and decoded when its turn comes.

    To go through them yields a ``Photo`` for each that can be used, once, in the order of the
    paths, those of a folder sorted. A photo's class is known where its folder is called like one.
    What a file is, its content decides; hidden ones are not looked at.

    Attributes, lists of (path, text) that are filled on the way:
      left_out: photos that cannot be used, and why.
      no_photos: files of a folder that are no photos at all, or not meant to be, and what they are.
      notes: photos of which a person should know more.
    """

    def __init__(self, paths, class_names=()):
        """Lists the files.

        Args:
          paths: of files and folders.
          class_names: list of str, by id.

        Raises:
          DataError: no such file, or a folder without any.
        """
        self._named = set(map(os.path.abspath, paths))
        files = {}  # Each once, also where a folder is named beside one of its files.
        for path in paths:
            for file in _files_of(path):
                files.setdefault(os.path.abspath(file), file)
        self._files = list(files.values())
        self._label_of = functools.lru_cache(maxsize=None)(
            functools.partial(place_of, names=class_names)
        )
        self.left_out, self.no_photos, self.notes = [], [], []

    def __len__(self):
        """Returns the number of files, of which not all need to be photos."""
        return len(self._files)

    def __iter__(self):
        with contextlib.closing(parallel.on_all_cores(_read, self._files)) as results:
            for file, result in zip(self._files, results):
                if isinstance(result, Exception):
                    self._leave_out(file, result)
                    continue
                encoded, note = result
                if note:
                    self.notes.append((file, note))
                folder = os.path.basename(os.path.dirname(os.path.abspath(file)))
                yield Photo(file, encoded, self._label_of(folder))

    def _leave_out(self, file, error):
        is_named = os.path.abspath(file) in self._named
        is_other = companions.kind(os.path.basename(file)) is not None
        is_other |= isinstance(error, photo_kind.NotAPhotoError)
        is_no_photo = is_other and not is_named
        (self.no_photos if is_no_photo else self.left_out).append((file, str(error)))


def usable(asked):
    """Returns the photos of a list or a ``FilePhotos`` as a list.

    Raises:
      DataError: a photo that cannot be used, or none at all.
    """
    found = list(asked)
    if isinstance(asked, FilePhotos) and asked.left_out:
        raise DataError("%s: cannot be used: %s" % asked.left_out[0])
    if not found:
        raise nothing_usable(asked)
    return found


def pick(found, split_name, index=None, name=None):
    """Returns those of a split's photos that are meant: all, or a single one in a list.

    Args:
      found: a list of ``Photo``.
      split_name: str, for the message.
      index: int, the number of the only one, from 0; None: any.
      name: str, its name; None: any.

    Raises:
      UsageError: there is none like that, or both are given.
    """
    if index is not None and name is not None:
        raise UsageError("--index %d: or --name, not both" % index)
    if index is not None and index >= len(found):
        raise UsageError(
            "--index %d: the split %r has %d photos, the last is %d"
            % (index, split_name, len(found), len(found) - 1)
        )
    if name is not None:
        names = [photo.name for photo in found]
        index = place_of(name, names)
        if index is None:
            near = difflib.get_close_matches(name, names, 1, 0)
            raise UsageError(
                "--name %s: no photo of the split %r; did you mean %s?"
                % (name, split_name, near[0])
            )
    return found if index is None else found[index : index + 1]


def nothing_usable(asked):
    """Returns the ``DataError`` of a ``FilePhotos`` with no photo that can be used."""
    first = (asked.left_out + asked.no_photos)[0]
    if len(asked) == 1:
        return DataError("%s: cannot be used: %s" % first)
    return DataError("none of %d files can be used; the first: %s: %s" % (len(asked), *first))


def from_split(dataset_dir, split_name, report=print):
    """Returns a list of a split's ``Photo``, in its shards' order, and its ``{id: class name}``.

    Args:
      dataset_dir: where the shards are.
      split_name: ``"train"``, ``"validation"`` or ``"test"``.
      report: see ``dataset.get_split``.

    Raises:
      DataError: see ``dataset.get_split``; or one of the records is bad.
    """
    split = dataset.get_split(split_name, dataset_dir, report=report)
    bad = record_check.explanation(split)
    if bad:
        raise DataError(bad)
    in_order = itertools.chain.from_iterable(map(records.read_shard, split.data_sources))
    found = [
        Photo(record.filename or "%s, photo %d" % (split_name, number), *record[:2])
        for number, record in enumerate(in_order)
    ]
    return found, split.labels_to_names


def _files_of(path):
    """Returns a file, or the files of a folder."""
    if os.path.isdir(path):
        files = _visible_files_in(path)
        if not files:
            raise DataError("%s: no photos in this folder" % path)
        return files
    if os.path.exists(path):
        return [path]
    if re.match("https?://", path, re.IGNORECASE):
        raise DataError("%s: a URL; download it, and name the file" % path)
    if re.search(r"[*?\[]", path):
        raise DataError(
            "%s: no such photo; a pattern is for the shell, without quotes; or name the folder"
            % path
        )
    raise DataError("%s: no such photo" % path)


def _visible_files_in(path):
    """Returns the files of a folder and those within, sorted; none that are hidden.

    A link to a folder is one of them, and as such cannot be read: it may lead to a folder above.

    Raises:
      DataError: there are too many folders within each other.
      OSError: a folder cannot be read.
    """

    def fail(error):
        raise error

    found = []
    for above, folders, names in os.walk(path, onerror=fail):
        class_folders.check_depth(path, os.path.relpath(above, path).count(os.sep))
        folders[:] = [name for name in folders if not class_folders.is_hidden((name,))]
        names += [name for name in folders if os.path.islink(os.path.join(above, name))]
        visible = [name for name in names if not class_folders.is_hidden((name,))]
        found += [os.path.join(above, name) for name in visible]
    return sorted(found, key=os.path.split)


def _read(path):
    """Returns a photo's bytes and the note on it, or the error why it cannot be used."""
    try:
        if not os.path.isfile(path):
            what = "not a regular file" if os.path.exists(path) else "a broken link"
            if os.path.isdir(path):
                what = "a link to a folder; name that folder, too"
            raise photo_kind.BadPhotoError(what)
        class_folders.check_size(path, os.path.getsize(path))
        with open(path, "rb") as file:
            encoded = file.read()
        found = photo_check.verify(encoded)
        return found.replacement or encoded, found.note
    except photo_kind.BadPhotoError as error:
        return error
    except class_folders.TooLargeError as error:
        return photo_kind.BadPhotoError(error.reason)
    except OSError as error:
        return photo_kind.BadPhotoError(error.strerror)
    except MemoryError:
        return photo_kind.BadPhotoError("there is not enough memory to decode it")
