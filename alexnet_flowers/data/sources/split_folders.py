"""Folders that say which split their photos are for: ``train/roses/1.jpg``, ``test/roses/1.jpg``.

They may lie above the class folders or below them (``roses/train/1.jpg``), but all at one level,
where there is nothing else. A lone ``train`` divides nothing, and is a folder like any other.
"""

_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def level(paths):
    """Returns which of the folders of a path says its split, from 0; None if none does.

    Args:
      paths: photos' paths, equally deep, as tuples of folders and file name.
    """
    for number in range(len(paths[0]) - 1):
        splits = {_SPLIT_OF.get(name.lower()) for name in {path[number] for path in paths}}
        if None not in splits and len(splits) > 1:
            return number
    return None


def split_of(folder_name):
    """Returns the split that such a folder stands for: train, validation or test."""
    return _SPLIT_OF[folder_name.lower()]
