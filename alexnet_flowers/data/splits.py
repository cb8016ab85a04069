"""Which photo is for training, which for validation, which for the test."""

import collections
import hashlib
import random

SPLITS = ("train", "validation", "test")
# What may decide where a photo goes.
SPLIT_BY = ("seed", "name")

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
    shuffled = _shuffled(photos, seed)
    held_out = num_validation + num_test
    return {
        "train": shuffled[held_out:],
        "validation": shuffled[:num_validation],
        "test": shuffled[num_validation:held_out],
    }


def split_by_class(photos, num_validation, num_test=0, seed=0):
    """Does the same in such a way that each class has its share of each split.

    Each class keeps a photo to train on; where that leaves too few, the other splits get fewer
    than asked for. The validation photos are the same with or without a test split.

    Arguments and result are those of ``split``.
    """
    sizes = collections.Counter(photo.class_name for photo in photos)
    spare = {name: size - 1 for name, size in sizes.items()}
    left = {}
    for split_name, number in (("validation", num_validation), ("test", num_test)):
        left[split_name] = _shares(sizes, spare, number)
        spare = {name: spare[name] - left[split_name][name] for name in spare}
    parts = {split_name: [] for split_name in SPLITS}
    for photo in _shuffled(photos, seed):
        taker = next((name for name in left if left[name][photo.class_name]), "train")
        parts[taker].append(photo)
        if taker != "train":
            left[taker][photo.class_name] -= 1
    return parts


def split_by_name(photos, validation_percentage, test_percentage=0, seed=0):
    """Divides photos so that each stays where it is, whichever photos are added or removed.

    A photo's class and name are hashed into a number from 0 to 100, which decides. So did the
    retraining script of TensorFlow Hub. The result is that of ``split``.

    Args:
      photos: items with ``class_name`` and ``name``.
      validation_percentage: share of the validation photos, about; 0 to 100.
      test_percentage: share of the test photos, about; 0 to 100.
      seed: int, decides the order within a split only.
    """
    parts = {split_name: [] for split_name in SPLITS}
    for photo in _shuffled(photos, seed):
        percentile = _percentile(photo)
        if percentile < validation_percentage:
            parts["validation"].append(photo)
        elif percentile < validation_percentage + test_percentage:
            parts["test"].append(photo)
        else:
            parts["train"].append(photo)
    return parts


def split_by_fold(photos, fold, num_folds, seed=0):
    """Holds out one of so many folds for validation; over all folds, each photo is in one.

    The shuffled photos of the first class are dealt to the folds in turn, then those of the next:
    folds differ by a photo at most, in each class and in all. The result is that of ``split``,
    without test photos.

    Args:
      photos: see ``split``.
      fold: int, 1 to ``num_folds``, the one for validation.
      num_folds: int, at least 2.
      seed: int.
    """
    shuffled = _shuffled(photos, seed)
    by_class = sorted(range(len(shuffled)), key=lambda index: shuffled[index].class_name)
    held_out = set(by_class[fold - 1 :: num_folds])
    parts = {split_name: [] for split_name in SPLITS}
    for index, photo in enumerate(shuffled):
        parts["validation" if index in held_out else "train"].append(photo)
    return parts


def split_by_folders(photos, seed=0):
    """Divides photos as their own ``split`` says; ``seed`` decides the order within a split."""
    parts = {split_name: [] for split_name in SPLITS}
    for photo in _shuffled(photos, seed):
        parts[photo.split].append(photo)
    return parts


def _shuffled(photos, seed):
    shuffled = sorted(photos, key=lambda photo: (photo.class_name, photo.name))
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _shares(sizes, most, number):
    """Divides a number among classes by their sizes; none gets more than ``most`` says."""
    total = sum(sizes.values())
    shares = {name: min(most[name], sizes[name] * number // total) for name in sizes}
    missing = number - sum(shares.values())
    # Those that came closest to one more are the first to get one more.
    order = sorted(sizes, key=lambda name: (-(sizes[name] * number % total), name))
    while missing:
        order = [name for name in order if shares[name] < most[name]]
        if not order:
            break
        for name in order[:missing]:
            shares[name] += 1
        missing -= min(missing, len(order))
    return shares


def _percentile(photo):
    name = "%s/%s" % (photo.class_name, photo.name)
    digest = hashlib.sha1(name.encode("utf-8", "surrogateescape")).hexdigest()
    return int(digest, 16) % 10**6 / 10.0**4
