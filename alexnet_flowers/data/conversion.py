"""From photos to a dataset: verified, split, written, and marked as finished last.

What it leaves in ``dataset_dir``::

    flowers_train_00000-of-00005.tfrecord ...   the shards of each split
    labels.txt                                  <id>:<class name>
    dataset.json                                counts, seed, archive, versions; written last

A conversion that was broken off leaves ``dataset.json.partial``, see ``manifest``; running it
again finishes it with the same bytes.
"""

import glob
import os
from typing import NamedTuple, Optional

from PIL import Image

import alexnet_flowers
from alexnet_flowers import lock
from alexnet_flowers.data import manifest, records, shard_writer, splits, verification
from alexnet_flowers.data.sources import photo_format
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import tf


class Settings(NamedTuple):
    """What decides, besides the photos, which records a dataset holds.

    Attributes:
      num_validation: photos for validation; None: 350, but at most a tenth of all.
      num_test: photos for the test split.
      num_shards: shards of each split.
      seed: decides which photo falls into which split.
    """

    num_validation: Optional[int] = None
    num_test: int = 0
    num_shards: int = 5
    seed: int = 0

    def check(self):
        """Raises ``UsageError`` for a number that cannot be meant."""
        for flag, least in (("num_validation", 0), ("num_test", 0), ("num_shards", 1)):
            value = getattr(self, flag)
            if value is not None and value < least:
                raise UsageError("--%s=%d: must be at least %d" % (flag, value, least))

    def for_photos(self, num_photos):
        """Returns the same with ``num_validation`` decided for a number of photos."""
        if self.num_validation is not None:
            return self
        return self._replace(num_validation=splits.default_num_validation(num_photos))


def convert(
    dataset_dir,
    source,
    settings=Settings(),  # noqa: B008 (it cannot be changed)
    strict=False,
    keep_archive=False,
    report=print,
):
    """Makes sure that ``dataset_dir`` holds the finished dataset of a source of photos.

    Args:
      dataset_dir: the folder; made if need be.
      source: where the photos come from; see ``photo_source.choose``.
      settings: ``Settings``.
      strict: a photo that cannot be decoded, or a stray, is an error; otherwise it is named and
        left out.
      keep_archive: leave a downloaded or drawn archive in ``dataset_dir``.
      report: called with each line for the person who waits.

    Returns:
      The contents of ``dataset.json``.

    Raises:
      DataError: the archive or a folder is not as it has to be, or the photos are of fewer than
        two classes; nothing half-written stays.
      UsageError: numbers that cannot be meant.
    """
    settings.check()
    source.check()
    is_new = not os.path.isdir(dataset_dir)
    os.makedirs(dataset_dir, exist_ok=True)
    info = _finished(dataset_dir, source, settings, report)
    if info is not None:
        return info
    try:
        with lock.held(dataset_dir, "converted"):
            # Asked again: another process may have had the lock meanwhile.
            info = _finished(dataset_dir, source, settings, report)
            if info is None:
                info = _make(dataset_dir, source, settings, strict, keep_archive, report)
            return info
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = dataset_dir  # A full disk is noticed where Python knows no name.
        if is_new and not os.listdir(dataset_dir):
            os.rmdir(dataset_dir)
        raise


def _finished(dataset_dir, source, settings, report):
    """Returns the info of a finished dataset, None where there is work to do.

    Raises:
      DataError: it was made from something else, or by another converter.
    """
    if not os.path.exists(manifest.path(dataset_dir)):
        if not manifest.is_unfinished(dataset_dir) and records.find_splits(dataset_dir):
            raise DataError(
                "%s: holds the records of another converter (no %s); they can be trained on, or "
                "choose another --dataset_dir" % (dataset_dir, manifest.FILENAME)
            )
        return None
    info = manifest.read(dataset_dir)
    differences = _differences(info, source, settings)
    if differences:
        raise DataError(
            "%s: holds another dataset (%s); choose another --dataset_dir or remove it"
            % (dataset_dir, "; ".join(differences))
        )
    damaged = _damaged_shard(dataset_dir, info)
    if damaged:
        report("%s: damaged or missing; converting again" % damaged)
    if damaged or not os.path.exists(os.path.join(dataset_dir, records.LABELS_FILENAME)):
        manifest.reopen(dataset_dir)
        return None
    report("%s: finished already; every record read and counted" % dataset_dir)
    return info


def _differences(info, source, settings):
    """Returns how a finished dataset differs from what is asked for, as a list of str."""
    made = info["request"]
    wanted = settings.for_photos(manifest.num_photos(info))._asdict()
    of_source = source.difference(made["archive"], info["archive_sha256"])
    return ([of_source] if of_source else []) + [
        "%s is %s, not %s" % (key, made[key], wanted[key])
        for key in sorted(wanted)
        if made[key] != wanted[key]
    ]


def _damaged_shard(dataset_dir, info):
    """Returns the path of a shard that does not hold what was written; None if all do."""
    for split in info["splits"].values():
        for name, shard in split["shards"].items():
            path = os.path.join(dataset_dir, name)
            try:
                if records.count_records(path) != shard["num_records"]:
                    return path
            except DataError:
                return path
    return None


def _make(dataset_dir, source, settings, strict, keep_archive, report):
    """Makes the dataset anew; returns the contents of its ``dataset.json``."""
    _clear_unfinished(dataset_dir)
    try:
        manifest.begin(dataset_dir, dict(settings._asdict(), archive=source.name))
        with source.fetched(dataset_dir, keep_archive, report) as path:
            found = photo_format.read_photos(path, dataset_dir)
            photos, left_out = verification.verify(found, path, dataset_dir, strict)
            _report_left_out(left_out, len(photos), report)
            class_names = _class_names(photos, path)
            settings = settings.for_photos(len(photos))
            parts = _split(photos, settings)
            info = {
                "request": dict(settings._asdict(), archive=source.name),
                "archive_sha256": photo_format.sha256_of(path, found.photos),
                "classes": class_names,
                "left_out": left_out,
                "splits": shard_writer.write(dataset_dir, parts, settings.num_shards, class_names),
                "versions": _versions(),
            }
            records.write_labels(os.path.join(dataset_dir, records.LABELS_FILENAME), class_names)
            manifest.finish(dataset_dir, info)
    except BaseException:
        # Ctrl-C and errors leave nothing but, perhaps, an archive that the next run recognizes.
        _clear_unfinished(dataset_dir)
        raise
    return info


def _clear_unfinished(dataset_dir):
    """Removes what a conversion that did not finish has left; touches nothing else."""
    if not manifest.is_unfinished(dataset_dir):
        return
    leftovers = ["flowers_*.tfrecord", "flowers_*.tfrecord.partial"]
    leftovers += [records.LABELS_FILENAME, records.LABELS_FILENAME + ".partial"]
    for pattern in leftovers:
        for path in glob.glob(os.path.join(glob.escape(dataset_dir), pattern)):
            os.remove(path)
    manifest.forget(dataset_dir)


def _report_left_out(left_out, num_good, report):
    for filename, reason in left_out.items():
        # A name may hold bytes that are no UTF-8.
        name = filename.encode("utf-8", "backslashreplace").decode("utf-8")
        report("left out: %s: %s" % (name, reason))
    if left_out:
        report("%d of %d photos left out" % (len(left_out), len(left_out) + num_good))


def _class_names(photos, path):
    """Returns the sorted names of the photos' classes; ``DataError`` if there are not two."""
    if not photos:
        raise DataError("%s: none of its photos can be decoded" % path)
    class_names = sorted({photo.class_name for photo in photos})
    if len(class_names) < 2:
        raise DataError(
            "%s: all photos that can be used are of one class, %r; a classifier needs two or more, "
            "each in a folder of its own" % (path, class_names[0])
        )
    return class_names


def _split(photos, settings):
    """Returns the photos of each split; ``UsageError`` if none is left to train on."""
    held_out = settings.num_validation + settings.num_test
    if held_out >= len(photos):
        raise UsageError(
            "--num_validation and --num_test take %d of %d photos: none is left to train on"
            % (held_out, len(photos))
        )
    return splits.split(photos, settings.num_validation, settings.num_test, settings.seed)


def _versions():
    return {
        "alexnet_flowers": alexnet_flowers.__version__,
        "pillow": Image.__version__,
        "tensorflow": tf.__version__,
    }
