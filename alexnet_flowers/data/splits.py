"""Which photo is for training, which for validation, which for the test."""

import random

SPLITS = ("train", "validation", "test")

# The reference's number of validation photos, and the largest share of a small collection.
DEFAULT_NUM_VALIDATION = 350
_LARGEST_DEFAULT_SHARE = 0.1


def default_num_validation(num_photos):
    """Returns 350, or a tenth of the photos (at least one) where that is less."""
    return min(DEFAULT_NUM_VALIDATION, max(1, int(num_photos * _LARGEST_DEFAULT_SHARE)))


def split(photos, num_validation, num_test=0, seed=0):
    """Divides photos into the splits, the same way on every machine.

    The reference shuffles a directory listing in whatever order the file system returns it. Here
    the photos are sorted by class and file name first, so that their order on disk or in the
    archive has no influence; ``random.Random(seed).shuffle`` is the same in every Python 3.

    Args:
      photos: items with ``class_name`` and ``name``, in any order.
      num_validation: int >= 0.
      num_test: int >= 0.
      seed: int.

    Returns:
      ``{"train": [...], "validation": [...], "test": [...]}``, each list in shuffled order.
    """
    shuffled = sorted(photos, key=lambda photo: (photo.class_name, photo.name))
    random.Random(seed).shuffle(shuffled)
    held_out = num_validation + num_test
    return {
        "train": shuffled[held_out:],
        "validation": shuffled[:num_validation],
        "test": shuffled[num_validation:held_out],
    }
