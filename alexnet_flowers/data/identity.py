"""What tells one dataset from another, wherever it lies."""

import hashlib
import json
import os

from alexnet_flowers.data import manifest, records

# Of runs that were begun before there was a digest.
_BEFORE = ("archive_sha256", "split_seed")


def of(dataset_dir):
    """Returns what tells a dataset from others, a dict that JSON can hold.

    ``digest`` stands for its photos and their division into splits. Of records without a
    ``dataset.json`` it is that of the shards' names and sizes, and the rest is None.

    Raises:
      DataError: see ``manifest.read``.
    """
    info = manifest.read(dataset_dir)
    if info is None:
        names = sorted(filter(records.is_shard, os.listdir(dataset_dir)))
        content = [[name, os.path.getsize(os.path.join(dataset_dir, name))] for name in names]
        archive_sha256 = split_seed = None
    else:
        archive_sha256, split_seed = info["archive_sha256"], info["request"]["seed"]
        per_class = {name: split["per_class"] for name, split in info["splits"].items()}
        content = [archive_sha256, split_seed, per_class]
    return {
        "digest": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        "archive_sha256": archive_sha256,
        "split_seed": split_seed,
    }


def is_other(kept, now):
    """Says whether what ``of`` returned of two datasets differs, as far as both have it."""
    names = ("digest",) if "digest" in kept else _BEFORE
    return any(kept[name] != now[name] for name in names if name in kept)
