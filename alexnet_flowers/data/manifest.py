"""``dataset.json``: what a dataset was made from, and which shards its conversion wrote.

It is written last: where it lies, all other files of the dataset are complete. From the first
moment of a conversion to the last ``dataset.json.partial`` lies there instead; where one is found,
a conversion was broken off. (A damaged dataset keeps its own until its new shards are whole.)
"""

import os

from alexnet_flowers import json_file, lock, regular_file
from alexnet_flowers.data import splits
from alexnet_flowers.errors import DataError
from alexnet_flowers.first_of_many import some

FILENAME = "dataset.json"

# What readers need of it; there is more. {str: ...} is a mapping of any names, [...] a list.
_COUNT = "a whole number from 0"
_SCHEMA = {
    "request": {
        "archive": str,
        "num_validation": _COUNT,
        "num_test": _COUNT,
        "num_shards": _COUNT,
        "seed": int,
    },
    "archive_sha256": str,
    "classes": [str],
    "left_out": {str: str},
    "splits": {
        str: {
            "num_photos": _COUNT,
            "per_class": {str: _COUNT},
            "shards": {str: {"num_records": _COUNT, "num_bytes": _COUNT}},
        }
    },
}
_NAMES = {str: "a text", int: "a whole number", list: "a list", dict: "a mapping"}


def path(dataset_dir):
    """Returns where the ``dataset.json`` of a folder is."""
    return os.path.join(dataset_dir, FILENAME)


def is_unfinished(dataset_dir):
    """Says whether a conversion into a folder is under way, or was broken off."""
    return os.path.exists(_partial(dataset_dir))


def unfinished(dataset_dir):
    """Returns what the mark of an unfinished conversion holds; nothing where it is damaged.

    Raises:
      DataError: it is no file.
    """
    regular_file.check(_partial(dataset_dir))
    try:
        content = json_file.read(_partial(dataset_dir))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def begin(dataset_dir, request):
    """Marks a folder as one that a conversion, which was asked for ``request``, writes to."""
    json_file.write(_partial(dataset_dir), request)


def finish(dataset_dir, info):
    """Makes the mark of an unfinished conversion that of a finished one."""
    json_file.write(_partial(dataset_dir), info)
    os.replace(_partial(dataset_dir), path(dataset_dir))


def reopen(dataset_dir):
    """Marks a finished dataset as unfinished, because it is damaged."""
    os.replace(path(dataset_dir), _partial(dataset_dir))


def forget(dataset_dir):
    """Removes the mark of an unfinished conversion."""
    os.remove(_partial(dataset_dir))


def read(dataset_dir):
    """Returns the contents of a folder's ``dataset.json``, None where the reference made it.

    Raises:
      DataError: the conversion was broken off, or the file is damaged.
    """
    if not os.path.exists(path(dataset_dir)):
        if is_unfinished(dataset_dir):
            if lock.is_held(dataset_dir):
                raise DataError(
                    "%s: is being converted by another process; wait for it" % dataset_dir
                )
            raise DataError(
                "%s: its conversion was broken off; run scripts/download_and_convert.py "
                "--dataset_dir %s again, with the flags it had" % (dataset_dir, dataset_dir)
            )
        return None
    regular_file.check(path(dataset_dir))
    try:
        info = json_file.read(path(dataset_dir))
    except (ValueError, RecursionError) as error:
        problem = str(error)
    else:
        problem = _problem(info, _SCHEMA, "") or _contradiction(info)
    if problem:
        raise DataError(
            "%s: damaged (%s); remove the folder and convert again" % (path(dataset_dir), problem)
        )
    return info


def num_photos(info):
    """Returns the number of photos of all splits."""
    return sum(split["num_photos"] for split in info["splits"].values())


def gaps(info, split_name):
    """Returns a list of a line on the classes that have no photos in a split; of none if all have.

    Args:
      info: the contents of ``dataset.json``.
      split_name: a split of it.
    """
    per_class = info["splits"][split_name]["per_class"]
    missing = [name for name in info["classes"] if not per_class.get(name)]
    if not missing:
        return []
    return ["warning: no photos in the %s split: %s" % (split_name, some(missing))]


def table(info):
    """Returns the photos of each class and split as lines of text."""
    names = [name for name in splits.SPLITS if name in info["splits"]]
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


def _partial(dataset_dir):
    return path(dataset_dir) + ".partial"


def _problem(value, wanted, place):
    """Returns where and how a value differs from a part of ``_SCHEMA``; None if it does not."""
    kind = int if wanted is _COUNT else wanted if isinstance(wanted, type) else type(wanted)
    # True is an int to Python, not to a person.
    if not isinstance(value, kind) or isinstance(value, bool) or wanted is _COUNT and value < 0:
        name = _COUNT if wanted is _COUNT else _NAMES[kind]
        return "%s is not %s" % (place or "its content", name)
    if kind is list:
        parts = [(item, wanted[0], "%s[%d]" % (place, i)) for i, item in enumerate(value)]
    elif kind is dict and str in wanted:
        parts = [(value[key], wanted[str], "%s[%r]" % (place, key)) for key in value]
    elif kind is dict:
        missing = [key for key in wanted if key not in value]
        if missing:
            return "%s is missing" % _key(place, missing[0])
        parts = [(value[key], wanted[key], _key(place, key)) for key in wanted]
    else:
        parts = []
    return next(filter(None, (_problem(*part) for part in parts)), None)


def _key(place, key):
    return "%s.%s" % (place, key) if place else key


def _contradiction(info):
    """Returns which numbers do not add up, or which class is unknown; None if all is well."""
    if not info["classes"]:
        return "classes is empty"
    for name, split in info["splits"].items():
        unknown = sorted(set(split["per_class"]) - set(info["classes"]))
        if unknown:
            return "splits[%r].per_class: %r is not one of classes" % (name, unknown[0])
        of_classes = sum(split["per_class"].values())
        of_shards = sum(shard["num_records"] for shard in split["shards"].values())
        if not split["num_photos"] == of_classes == of_shards:
            return "splits[%r]: %d photos, but %d by class and %d by shard" % (
                name, split["num_photos"], of_classes, of_shards,
            )  # fmt: skip
    return None
