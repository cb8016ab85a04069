"""From photos to a dataset: verified, split, written, and marked as finished last.

What it leaves in ``dataset_dir``::

    flowers_train_00000-of-00005.tfrecord ...   the shards of each split
    labels.txt                                  <id>:<class name>
    dataset.json                                counts, seed, archive, versions; written last

A conversion that was broken off leaves ``dataset.json.partial``, see ``manifest``; running it
again finishes it with the same bytes. A damaged dataset is made again beside its old shards, which
stay until all new ones are whole: the photos may be gone by then.
"""

import os

from PIL import Image

import alexnet_flowers
from alexnet_flowers import atomic, escapes, lock, new_folder
from alexnet_flowers.data import (
    conversion_report,
    conversion_settings,
    duplicates,
    manifest,
    records,
    shard_writer,
    splits,
    verification,
)
from alexnet_flowers.data.conversion_settings import Settings
from alexnet_flowers.data.sources import photo_format, photo_source
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.first_of_many import some
from alexnet_flowers.tf1 import tf


def convert(
    dataset_dir,
    source,
    settings=Settings(),  # noqa: B008 (it cannot be changed)
    strict=False,
    keep_archive=False,
    report=print,
):
    """Makes sure ``dataset_dir`` holds a source's finished dataset; returns its ``dataset.json``.

    Args:
      dataset_dir: the folder; made if need be.
      source: where the photos come from; see ``photo_source.choose``.
      settings: ``Settings``.
      strict: a photo that cannot be decoded, or a stray, is an error, also in what is finished;
        otherwise it is named and left out.
      keep_archive: leave a downloaded or drawn archive in ``dataset_dir``.
      report: called with each line for the person who waits.

    Raises:
      DataError: the archive or a folder is not as it has to be, or the photos are of fewer than
        two classes; nothing half-written stays.
      UsageError: numbers that cannot be meant.
    """
    settings.check()
    source.check()
    with new_folder.made(dataset_dir), atomic.naming(dataset_dir):
        info, damaged = _finished(dataset_dir, source, settings, strict)
        if info is None or damaged:
            with lock.held(dataset_dir, "converted"):
                # Asked again: another process may have had the lock meanwhile.
                info, damaged = _finished(dataset_dir, source, settings, strict)
                if damaged == os.path.join(dataset_dir, records.LABELS_FILENAME):
                    records.write_labels(damaged, info["classes"])
                    report("%s: missing or changed; written again" % damaged)
                elif info is None or damaged:
                    if damaged:
                        report("%s: damaged or missing; converting again" % damaged)
                    return _make(dataset_dir, source, settings, strict, keep_archive, report)
    report("%s: finished already; every record read and counted" % dataset_dir)
    return info


def _finished(dataset_dir, source, settings, strict):
    """Returns the info of a finished dataset and the path of what is damaged or missing of it.

    Either is None where there is no such thing.

    Raises:
      DataError: it was made from something else, by another converter, or less strictly.
    """
    if not os.path.exists(manifest.path(dataset_dir)):
        if not manifest.is_unfinished(dataset_dir) and records.find_splits(dataset_dir):
            raise DataError(
                "%s: holds the records of another converter (no %s); they can be trained on, or "
                "choose another --dataset_dir" % (dataset_dir, manifest.FILENAME)
            )
        return None, None
    info = manifest.read(dataset_dir)
    made = info["request"]
    differences = settings.differences(made, manifest.num_photos(info))
    of_source = source.difference(
        made["archive"], info["archive_sha256"], info.get("archive_url_sha256")
    )
    if of_source:
        differences.insert(0, of_source)
    if differences:
        raise DataError(
            "%s: holds another dataset (%s); choose another --dataset_dir or remove it"
            % (dataset_dir, "; ".join(differences))
        )
    for place, reason in sorted(info["left_out"].items() if strict else ()):
        if not duplicates.is_later(reason):
            raise DataError("%s: was made without %s: %s (--strict)" % (dataset_dir, place, reason))
    return info, _damaged(dataset_dir, info)


def _damaged(dataset_dir, info):
    """Returns the path of what does not hold what was written: a shard, or else the labels."""
    for split in info["splits"].values():
        for name, shard in split["shards"].items():
            path = os.path.join(dataset_dir, name)
            if os.path.isdir(path):
                raise DataError("%s: is a folder; move it away" % path)
            try:
                found = records.count_records(path), os.path.getsize(path)
            except DataError:
                return path
            if found != (shard["num_records"], shard["num_bytes"]):
                return path
    try:
        names = list(records.read_labels(dataset_dir).values())
    except DataError:  # Missing, or no labels.
        names = None
    return None if names == info["classes"] else os.path.join(dataset_dir, records.LABELS_FILENAME)


def _make(dataset_dir, source, settings, strict, keep_archive, report):
    """Makes the dataset anew; returns the contents of its ``dataset.json``."""
    is_damaged = os.path.exists(manifest.path(dataset_dir))
    before = _division_of_before(dataset_dir, is_damaged)
    _clear_unfinished(dataset_dir)
    if not is_damaged:
        _check_own_names(dataset_dir)
    request = dict(settings._asdict(), archive=source.name)
    try:
        if not is_damaged:
            manifest.begin(dataset_dir, dict(request, **before))
        with source.fetched(dataset_dir, keep_archive, report) as path:
            identity = photo_format.identity_of(path)
            found = photo_format.read_photos(path, dataset_dir)
            _report(conversion_report.of_source(found), report)
            if found.split_folders:
                settings.check_folders(found.split_folders)
            photos, left_out, digests = verification.verify(
                found, path, dataset_dir, strict, lambda line: _report([line], report)
            )
            if settings.drop_duplicates:
                photos, later = duplicates.without_later(photos)
                left_out.update(later)
            _report(conversion_report.of_left_out(left_out, len(photos)), report)
            class_names = _class_names(found.photos, photos, left_out, path)
            _report(conversion_report.of_classes(found, class_names), report)
            sha256 = photo_format.sha256_of(path, found.photos, digests)
            if photo_format.identity_of(path) != identity:
                raise DataError("%s: has changed meanwhile; convert again" % path)
            rule = _rule(found, source, sha256, settings, before)
            parts = _divide(photos, rule, settings, report)
            identical = duplicates.kinds(parts)
            _report(conversion_report.of_duplicates(identical), report)
            info = {
                "request": settings.request(source.name, rule, parts),
                "archive_sha256": sha256,
                "archive_url_sha256": source.url_sha256,
                "classes": class_names,
                "left_out": left_out,
                "duplicates": identical,
                "splits": shard_writer.write(dataset_dir, parts, settings.num_shards, class_names),
                "versions": {
                    "alexnet_flowers": alexnet_flowers.__version__,
                    "pillow": Image.__version__,
                    "tensorflow": tf.__version__,
                },
            }
            for split_name in info["splits"]:
                _report(manifest.gaps(info, split_name), report)
            if is_damaged:
                manifest.reopen(dataset_dir)
            shard_writer.put_in_place(dataset_dir, info["splits"])
            records.write_labels(os.path.join(dataset_dir, records.LABELS_FILENAME), class_names)
            manifest.finish(dataset_dir, info)
        photo_source.clear(dataset_dir, path)
    except BaseException:
        # Ctrl-C and errors leave nothing but, perhaps, an archive that the next run recognizes.
        _clear_unfinished(dataset_dir)
        raise
    return info


def _report(lines, report):
    for line in lines:
        report(escapes.printable(line))  # A name may hold line breaks, or bytes that are no UTF-8.


def _clear_unfinished(dataset_dir):
    """Removes what a conversion that did not finish has left; touches nothing else.

    Beside a ``dataset.json`` that is what was to replace its shards.
    """
    is_marked = manifest.is_unfinished(dataset_dir)
    is_finished = os.path.exists(manifest.path(dataset_dir))
    if not is_marked and not is_finished:
        return
    for name in os.listdir(dataset_dir):
        is_partial = name.endswith(".partial")
        whole = name[: -len(".partial")] if is_partial else name
        is_own = records.is_shard(whole) or whole == records.LABELS_FILENAME
        if is_own and (is_partial or not is_finished):
            os.remove(os.path.join(dataset_dir, name))
    if is_marked:
        manifest.forget(dataset_dir)


def _check_own_names(dataset_dir):
    """Raises ``DataError`` for somebody's file that the conversion would replace."""
    names = [records.LABELS_FILENAME, records.LABELS_FILENAME + ".partial"]
    names += [
        name
        for name in os.listdir(dataset_dir)
        if name.endswith(".partial") and records.is_shard(name[: -len(".partial")])
    ]
    for name in names:
        path = os.path.join(dataset_dir, name)
        if os.path.lexists(path):
            raise DataError(
                "%s: is not of a conversion, which would replace it; move it away or choose "
                "another --dataset_dir" % path
            )


def _class_names(files, photos, left_out, path):
    """Returns the sorted names of the photos' classes.

    Args:
      files: all that were found, ``class_folders.PhotoFile``.
      photos: those that can be used.
      left_out: why the others cannot.
      path: where they lie, for messages.

    Raises:
      DataError: a class has none left, or there are not two classes.
    """
    if not photos:
        raise DataError("%s: none of its photos can be decoded" % path)
    class_names = sorted({photo.class_name for photo in photos})
    lost = sorted({photo.class_name for photo in files} - set(class_names))
    if lost:
        place = next(photo.place for photo in files if photo.class_name == lost[0])
        reason = left_out[place]
        advice = "convert these photos to JPEG"
        if duplicates.is_later(reason):
            advice = "leave out --drop_duplicates"
        raise DataError(
            "%s: nothing of the class %s can be used (%s: %s); %s, or move the folder away"
            % (path, some(map(repr, lost)), place, reason, advice)
        )
    if len(class_names) < 2:
        raise DataError(
            "%s: all photos that can be used are of one class, %r; a classifier needs two or more, "
            "each in a folder of its own" % (path, class_names[0])
        )
    return class_names


def _division_of_before(dataset_dir, is_damaged):
    """Returns how a dataset was divided that is to be made again, as it was.

    It is damaged, or making it again was broken off. What flags or folders decided they decide
    again, so that nothing is returned of it.

    Returns:
      ``split_by``, ``SHUFFLED`` or ``BY_CLASS``, and ``archive_sha256``, the digest of the photos
      for which that holds; otherwise an empty dict.
    """
    mark = manifest.read(dataset_dir) if is_damaged else manifest.unfinished(dataset_dir)
    sha256 = mark.get("archive_sha256")
    if isinstance(mark.get("request"), dict):
        mark = dict({"split_by": conversion_settings.SHUFFLED}, **mark["request"])
    rule = mark.get("split_by")
    if rule not in (conversion_settings.SHUFFLED, conversion_settings.BY_CLASS):
        return {}
    return {"split_by": rule, "archive_sha256": sha256}


def _rule(found, source, sha256, settings, before):
    """Returns how photos are to be divided, one of the rules of ``conversion_settings``."""
    if found.split_folders:
        return conversion_settings.BY_FOLDERS
    rule = settings.rule
    if rule is None and before.get("archive_sha256") == sha256:
        rule = before["split_by"]
    if rule is None:
        is_published = source.is_published(sha256, found.photos)
        rule = conversion_settings.SHUFFLED if is_published else conversion_settings.BY_CLASS
    return rule


def _divide(photos, rule, settings, report):
    """Returns the photos of each split.

    Raises:
      DataError: none of the photos is to train on.
      UsageError: the numbers leave none to train on, or there are fewer photos than folds.
    """
    if rule == conversion_settings.BY_FOLDERS:
        parts = splits.split_by_folders(photos, settings.seed)
        if not parts["validation"]:
            report("warning: no photos in the validation split, as no folder is called validation")
    elif rule == conversion_settings.BY_NAME:
        parts = splits.split_by_name(photos, *settings.percentages, seed=settings.seed)
        for name, share in zip(("validation", "test"), settings.percentages):
            if share and not parts[name]:
                report("warning: no photos in the %s split" % name)
    elif rule == conversion_settings.BY_FOLD:
        parts = splits.split_by_fold(photos, *settings.fold_numbers(len(photos)), settings.seed)
    else:
        held_out = settings.num_validation_of(len(photos)), settings.num_test
        if sum(held_out) >= len(photos):
            raise UsageError(
                "--num_validation and --num_test take %d of %d photos: none is left to train on"
                % (sum(held_out), len(photos))
            )
        divide = splits.split_by_class if rule == conversion_settings.BY_CLASS else splits.split
        parts = divide(photos, *held_out, seed=settings.seed)
        for name, asked in zip(("validation", "test"), held_out):
            if len(parts[name]) < asked:
                report(
                    "%s: %d photos, not %d; each class keeps one to train on"
                    % (name, len(parts[name]), asked)
                )
    if not parts["train"]:
        raise DataError("none of the %d photos is to train on" % len(photos))
    return parts
