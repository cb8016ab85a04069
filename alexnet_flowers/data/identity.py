"""What tells one dataset from another, wherever it lies."""

import hashlib
import json
import os

from alexnet_flowers.data import conversion_settings, manifest, records

# Of runs that were begun before there was a digest.
_BEFORE = ("archive_sha256", "split_seed")
_MARK_DIGITS = 6


def of(dataset_dir):
    """Returns what tells a dataset from others, a dict that JSON can hold.

    ``digest`` stands for its photos and how many of each class are in each split, ``division`` for
    which ones, where more than the seed says that. Of records without a ``dataset.json`` the
    digest is that of the shards' names and sizes, and the rest is None.

    Raises:
      DataError: see ``manifest.read``.
    """
    info = manifest.read(dataset_dir)
    if info is None:
        names = sorted(filter(records.is_shard, os.listdir(dataset_dir)))
        content = [[name, os.path.getsize(os.path.join(dataset_dir, name))] for name in names]
        archive_sha256 = split_seed = division = None
    else:
        archive_sha256, split_seed = info["archive_sha256"], info["request"]["seed"]
        per_class = {name: split["per_class"] for name, split in info["splits"].items()}
        content = [archive_sha256, split_seed, per_class]
        division = conversion_settings.division(info["request"])
    return {
        "digest": _digest(content),
        "archive_sha256": archive_sha256,
        "split_seed": split_seed,
        "division": division,
    }


def is_other(kept, now):
    """Says whether what ``of`` returned of two datasets differs, as far as both have it."""
    names = ("digest", "division") if "digest" in kept else _BEFORE
    return any(kept[name] != now[name] for name in names if name in kept)


def mark(found):
    """Returns six hexadecimal digits for file names that stand for what ``of`` returned."""
    division = found["division"]
    whole = _digest([found["digest"], division]) if division else found["digest"]
    return whole[:_MARK_DIGITS]


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
