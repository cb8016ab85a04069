"""From photos to a dataset: verified, split, written, and marked as finished last.

What it leaves in ``dataset_dir``::

    flowers_train_00000-of-00005.tfrecord ...   the shards of each split
    labels.txt                                  <id>:<class name>
    dataset.json                                counts, seed, archive, versions; written last

From the first moment to the last there is a ``dataset.json.partial``: where it lies, a
conversion was broken off, and running it again finishes it with the same bytes.
"""

import collections
import concurrent.futures
import glob
import io
import json
import os

from PIL import Image
from tqdm import tqdm

import alexnet_flowers
from alexnet_flowers import json_file, lock
from alexnet_flowers.data import photo_check, records, splits
from alexnet_flowers.data.sources import download, drawn_flowers, folder
from alexnet_flowers.data.sources import tar_archive as archive_room
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import tf

INFO_FILENAME = "dataset.json"
SAMPLE_NAME = "the built-in sample"
_OFFICIAL = (download.OFFICIAL_URL, download.OFFICIAL_MIRROR)


def convert(
    dataset_dir,
    archive=download.OFFICIAL_URL,
    use_sample=False,
    num_validation=None,
    num_test=0,
    num_shards=5,
    seed=0,
    strict=False,
    keep_archive=False,
    report=print,
):
    """Makes sure that ``dataset_dir`` holds the finished dataset of an archive or a folder.

    Args:
      dataset_dir: the folder; made if need be.
      archive: a URL, or the path of a tar archive or of a folder; see ``class_folders``.
      use_sample: take the drawn sample instead.
      num_validation: photos for validation; None: 350, but at most a tenth of all.
      num_test: photos for the test split.
      num_shards: shards of each split.
      seed: decides which photo falls into which split.
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
    _check_numbers(num_validation, num_test, num_shards)
    local_path = None if use_sample or _is_url(archive) else archive
    if local_path is not None and not (os.path.isfile(local_path) or os.path.isdir(local_path)):
        raise DataError("--archive %s: no such file or folder, and not a URL" % local_path)
    request = {
        "archive": SAMPLE_NAME if use_sample else _name(local_path or archive),
        "num_validation": num_validation,
        "num_test": num_test,
        "num_shards": num_shards,
        "seed": seed,
    }
    is_new = not os.path.isdir(dataset_dir)
    os.makedirs(dataset_dir, exist_ok=True)

    def finished():
        return _finished(dataset_dir, request, archive, local_path, report)

    info = finished()
    if info is not None:
        return info
    try:
        with lock.held(dataset_dir, "converted"):
            # Asked again: another process may have had the lock meanwhile.
            info = finished()
            if info is None:
                info = _make(
                    dataset_dir, request, archive, local_path, use_sample, strict,
                    keep_archive, report,
                )  # fmt: skip
            return info
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = dataset_dir  # A full disk is noticed where Python knows no name.
        if is_new and not os.listdir(dataset_dir):
            os.rmdir(dataset_dir)
        raise


def _make(dataset_dir, request, archive, local_path, use_sample, strict, keep_archive, report):
    """Makes the dataset anew; returns the contents of its ``dataset.json``."""
    _clear_unfinished(dataset_dir)
    path = None
    try:
        json_file.write(_partial(dataset_dir, INFO_FILENAME), request)
        path = local_path or _fetch(dataset_dir, archive, use_sample, report)
        info = _convert(dataset_dir, path, request, strict, report)
    except BaseException:
        # Ctrl-C and errors leave nothing but, perhaps, the official archive, whole or in part,
        # which the next run recognizes by its digest.
        _clear_unfinished(dataset_dir)
        if use_sample or not (local_path or archive in _OFFICIAL):
            partial = _archive_path(dataset_dir, archive, use_sample) + ".partial"
            for leftover in (path, partial):
                if leftover and os.path.exists(leftover):
                    os.remove(leftover)
        raise
    if not local_path and not keep_archive:
        os.remove(path)
    return info


def table(info):
    """Returns the photos of each class and split as lines of text."""
    names = list(info["splits"])
    width = max(len("class"), len("all"), *(len(name) for name in info["classes"]))
    rows = [["class"] + names + ["all"]]
    for class_name in info["classes"]:
        counts = [info["splits"][name]["per_class"].get(class_name, 0) for name in names]
        rows.append([class_name] + counts + [sum(counts)])
    totals = [info["splits"][name]["num_photos"] for name in names]
    rows.append(["all"] + totals + [sum(totals)])
    return "\n".join(
        "%-*s" % (width, row[0]) + "".join("%12s" % cell for cell in row[1:]) for row in rows
    )


def _check_numbers(num_validation, num_test, num_shards):
    for flag, value, least in (
        ("num_validation", num_validation, 0),
        ("num_test", num_test, 0),
        ("num_shards", num_shards, 1),
    ):
        if value is not None and value < least:
            raise UsageError("--%s=%d: must be at least %d" % (flag, value, least))


def _is_url(archive):
    return archive.startswith(("http://", "https://"))


def _name(archive):
    """Returns the last part of a URL or a path; of the folder ``.`` too."""
    return os.path.basename(archive.rstrip("/") if _is_url(archive) else os.path.abspath(archive))


def _partial(dataset_dir, name):
    return os.path.join(dataset_dir, name + ".partial")


def _finished(dataset_dir, request, archive, local_path, report):
    """Returns the info of a finished dataset, None where there is work to do.

    Raises:
      DataError: it was made from something else, or by another converter.
    """
    path = os.path.join(dataset_dir, INFO_FILENAME)
    if not os.path.exists(path):
        if not os.path.exists(path + ".partial") and records.find_splits(dataset_dir):
            raise DataError(
                "%s: holds the records of another converter (no %s); they can be trained on, or "
                "choose another --dataset_dir" % (dataset_dir, INFO_FILENAME)
            )
        return None
    info = read_info(dataset_dir)
    wanted = dict(request)
    if wanted["num_validation"] is None:
        wanted["num_validation"] = splits.default_num_validation(_num_photos(info))
    if local_path or (
        archive == download.OFFICIAL_URL and info["archive_sha256"] == download.OFFICIAL_SHA256
    ):
        wanted["archive"] = info["request"]["archive"]  # The digest tells more than the name.
    differences = [
        "%s is %s, not %s" % (key, info["request"][key], wanted[key])
        for key in sorted(wanted)
        if info["request"][key] != wanted[key]
    ]
    if local_path and not differences:
        if _sha256_of(local_path) != info["archive_sha256"]:
            differences.append("it was made from something else than %s is now" % local_path)
    if differences:
        raise DataError(
            "%s: holds another dataset (%s); choose another --dataset_dir or remove it"
            % (dataset_dir, "; ".join(differences))
        )
    for split in info["splits"].values():
        for name, shard in split["shards"].items():
            shard_path = os.path.join(dataset_dir, name)
            try:
                intact = records.count_records(shard_path) == shard["num_records"]
            except DataError:
                intact = False
            if not intact:
                report("%s: damaged or missing; converting again" % shard_path)
                os.replace(path, path + ".partial")
                return None
    if not os.path.exists(os.path.join(dataset_dir, records.LABELS_FILENAME)):
        os.replace(path, path + ".partial")
        return None
    report("%s: finished already; every record read and counted" % dataset_dir)
    return info


def _sha256_of(path, photos=None):
    """Returns the digest of an archive, or of a folder's photos where they are listed already."""
    if not os.path.isdir(path):
        return download.sha256_of(path)
    return folder.sha256_of(folder.read_photos(path).photos if photos is None else photos)


def _num_photos(info):
    return sum(split["num_photos"] for split in info["splits"].values())


def read_info(dataset_dir):
    """Returns the contents of a folder's ``dataset.json``, None where the reference made it.

    Raises:
      DataError: the conversion was broken off, or the file is damaged.
    """
    path = os.path.join(dataset_dir, INFO_FILENAME)
    if not os.path.exists(path):
        if os.path.exists(path + ".partial"):
            raise DataError(
                "%s: its conversion was broken off; run scripts/download_and_convert.py "
                "--dataset_dir %s again" % (dataset_dir, dataset_dir)
            )
        return None
    try:
        with open(path, encoding="utf-8") as file:
            info = json.load(file)
        info["splits"], info["classes"], info["request"], info["archive_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("%s: damaged (%r); remove the folder and convert again" % (path, error))
    return info


def _clear_unfinished(dataset_dir):
    """Removes what a conversion that did not finish has left; touches nothing else."""
    marker = _partial(dataset_dir, INFO_FILENAME)
    if not os.path.exists(marker):
        return
    leftovers = ["flowers_*.tfrecord", "flowers_*.tfrecord.partial"]
    leftovers += [records.LABELS_FILENAME, records.LABELS_FILENAME + ".partial"]
    for pattern in leftovers:
        for path in glob.glob(os.path.join(glob.escape(dataset_dir), pattern)):
            os.remove(path)
    os.remove(marker)


def _archive_path(dataset_dir, archive, use_sample):
    """Returns where an archive that is not local goes."""
    name = "flower_sample.tar" if use_sample else _name(archive)
    return os.path.join(dataset_dir, name or "archive")


def _fetch(dataset_dir, archive, use_sample, report):
    """Returns the path of the downloaded or drawn archive within ``dataset_dir``."""
    path = _archive_path(dataset_dir, archive, use_sample)
    if use_sample:
        report("drawing %s" % SAMPLE_NAME)
        drawn_flowers.write_archive(path)
        return path
    if archive not in _OFFICIAL:
        download.download([archive], path)
    elif not (os.path.exists(path) and download.sha256_of(path) == download.OFFICIAL_SHA256):
        download.download(_OFFICIAL, path, download.OFFICIAL_SIZE, download.OFFICIAL_SHA256)
    return path


_Entry = collections.namedtuple("_Entry", ["class_name", "name", "height_px", "width_px", "read"])


def _convert(dataset_dir, path, request, strict, report):
    """Writes all files of the dataset; ``dataset.json``, last, makes them one."""
    if os.path.isdir(path):
        found = folder.read_photos(path)
    else:
        found = archive_room.read_photos(path, dataset_dir)
    entries, left_out = _verify_all(found, archive_room.Spool(dataset_dir), strict, path)
    for filename, reason in left_out.items():
        # A name may hold bytes that are no UTF-8.
        name = filename.encode("utf-8", "backslashreplace").decode("utf-8")
        report("left out: %s: %s" % (name, reason))
    if left_out:
        report("%d of %d photos left out" % (len(left_out), len(left_out) + len(entries)))
    if not entries:
        raise DataError("%s: none of its photos can be decoded" % path)
    class_names = sorted({entry.class_name for entry in entries})
    if len(class_names) < 2:
        raise DataError(
            "%s: all photos that can be used are of one class, %r; a classifier needs two or more, "
            "each in a folder of its own" % (path, class_names[0])
        )

    request = dict(request)
    if request["num_validation"] is None:
        request["num_validation"] = splits.default_num_validation(len(entries))
    held_out = request["num_validation"] + request["num_test"]
    if held_out >= len(entries):
        raise UsageError(
            "--num_validation and --num_test take %d of %d photos: none is left to train on"
            % (held_out, len(entries))
        )
    parts = splits.split(entries, request["num_validation"], request["num_test"], request["seed"])

    info = {
        "request": request,
        "archive_sha256": _sha256_of(path, found.photos),
        "classes": class_names,
        "left_out": left_out,
        "splits": {},
        "versions": {
            "alexnet_flowers": alexnet_flowers.__version__,
            "pillow": Image.__version__,
            "tensorflow": tf.__version__,
        },
    }
    labels = {name: label for label, name in enumerate(class_names)}
    num_written = sum(len(part) for part in parts.values())
    with tqdm(total=num_written, desc="writing", unit="photo") as bar:
        for split_name in splits.SPLITS:
            part = parts[split_name]
            if part:
                info["splits"][split_name] = _write_split(
                    dataset_dir, split_name, part, request["num_shards"], labels, bar
                )
    # The names count only once all of them are complete.
    for part in info["splits"].values():
        for name in part["shards"]:
            os.replace(_partial(dataset_dir, name), os.path.join(dataset_dir, name))
    records.write_labels(os.path.join(dataset_dir, records.LABELS_FILENAME), class_names)
    # The mark of an unfinished conversion becomes that of a finished one.
    marker = _partial(dataset_dir, INFO_FILENAME)
    json_file.write(marker, info)
    os.replace(marker, os.path.join(dataset_dir, INFO_FILENAME))
    return info


def _verify_all(found, spool, strict, path):
    """Decodes every photo once, on all cores; returns the good ones and the reasons of the rest."""
    entries, left_out = [], {}

    def leave_out(filename, reason):
        if strict:
            raise DataError("%s: %s: %s (--strict)" % (path, filename, reason))
        left_out[filename] = reason

    def check(photo):
        try:
            return photo_check.verify(photo.read())
        except photo_check.BadPhotoError as error:
            return error

    for filename in found.strays:
        leave_out(filename, "not as deep in folders as most photos, so of no class")
    # Pillow decodes without holding the interpreter's lock, so threads use all cores.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(check, found.photos)
        try:
            checked = tqdm(results, desc="checking", unit="photo", total=len(found.photos))
            for result, photo in zip(checked, found.photos):
                if isinstance(result, photo_check.BadPhotoError):
                    leave_out("%s/%s" % (photo.class_name, photo.name), str(result))
                    continue
                read = photo.read
                if result.replacement is not None:
                    read = spool.add(io.BytesIO(result.replacement), len(result.replacement))
                entries.append(
                    _Entry(photo.class_name, photo.name, result.height_px, result.width_px, read)
                )
        finally:
            results.close()  # Drops the checks that have not begun.
    return entries, left_out


def _write_split(dataset_dir, split_name, entries, num_shards, labels, bar):
    """Writes a split's shards under temporary names; returns its part of ``dataset.json``."""
    sizes = records.shard_sizes(len(entries), num_shards)
    shards = collections.OrderedDict()
    start = 0
    for name, size in zip(records.shard_filenames(split_name, num_shards), sizes):
        partial = _partial(dataset_dir, name)
        try:
            with tf.python_io.TFRecordWriter(partial) as writer:
                for entry in entries[start : start + size]:
                    writer.write(
                        records.example(
                            entry.read(),
                            entry.height_px,
                            entry.width_px,
                            labels[entry.class_name],
                            "%s/%s" % (entry.class_name, entry.name),
                        )
                    )
                    bar.update()
        except tf.errors.OpError as error:  # The disk is full, say.
            raise DataError(
                "%s: cannot be written (%s); make room or choose another --dataset_dir"
                % (partial, error.message.split("; ")[-1])
            )
        shards[name] = {"num_records": size, "num_bytes": os.path.getsize(partial)}
        start += size
    return {
        "num_photos": len(entries),
        "per_class": dict(collections.Counter(entry.class_name for entry in entries)),
        "shards": shards,
    }
