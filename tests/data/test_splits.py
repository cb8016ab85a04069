import collections
import hashlib
import random

import pytest

from alexnet_flowers.data import splits
from alexnet_flowers.data.sources.class_folders import PhotoFile


def photos_named(*names):
    return [PhotoFile(*(name.split("/") + [None])) for name in names]


def paths(photos):
    return ["%s/%s" % (photo.class_name, photo.name) for photo in photos]


TEN = photos_named(*("%s/%d.jpg" % (c, n) for c in ("daisy", "roses") for n in range(5)))
HUNDRED = photos_named(*("%s/%d.jpg" % (c, n) for c in "abcd" for n in range(25)))


def test_split_of_a_small_list_is_the_same_on_every_machine():
    found = splits.split(TEN, num_validation=3, num_test=2, seed=0)
    assert {name: paths(part) for name, part in found.items()} == {
        "validation": ["roses/2.jpg", "roses/3.jpg", "daisy/1.jpg"],
        "test": ["roses/0.jpg", "daisy/3.jpg"],
        "train": ["daisy/4.jpg", "daisy/2.jpg", "daisy/0.jpg", "roses/4.jpg", "roses/1.jpg"],
    }


def test_split_with_another_seed_is_another_one():
    found = splits.split(TEN, num_validation=3, num_test=2, seed=1)
    assert paths(found["validation"]) == ["roses/1.jpg", "roses/3.jpg", "roses/4.jpg"]
    assert paths(found["test"]) == ["roses/2.jpg", "roses/0.jpg"]


@pytest.mark.parametrize("order_seed", range(5))
def test_order_in_which_the_photos_were_listed_has_no_influence(order_seed):
    listed = list(HUNDRED)
    random.Random(order_seed).shuffle(listed)
    assert splits.split(listed, 10, 7, seed=3) == splits.split(HUNDRED, 10, 7, seed=3)


def test_given_list_is_left_as_it_was():
    listed = TEN[::-1]
    splits.split(listed, 3)
    assert listed == TEN[::-1]


def test_photos_are_ordered_by_code_points_not_by_the_locale():
    listed = photos_named("b/ä.jpg", "b/a.jpg", "b/B.jpg", "B/z.jpg")
    in_order = photos_named("B/z.jpg", "b/B.jpg", "b/a.jpg", "b/ä.jpg")
    random.Random(0).shuffle(in_order)
    assert splits.split(listed, 0)["train"] == in_order


@pytest.mark.parametrize("num_validation, num_test", [(0, 0), (10, 0), (0, 10), (30, 20), (99, 0)])
def test_splits_have_the_counts_and_share_no_photo(num_validation, num_test):
    found = splits.split(HUNDRED, num_validation, num_test, seed=0)
    assert sorted(found) == ["test", "train", "validation"]
    assert len(found["validation"]) == num_validation
    assert len(found["test"]) == num_test
    assert len(found["train"]) == 100 - num_validation - num_test
    together = found["train"] + found["validation"] + found["test"]
    assert sorted(paths(together)) == sorted(paths(HUNDRED))


def test_validation_photos_do_not_change_when_a_test_split_is_taken():
    without = splits.split(HUNDRED, 10, 0, seed=0)
    taken = splits.split(HUNDRED, 10, 5, seed=0)
    assert without["validation"] == taken["validation"]


def test_every_class_is_shuffled_into_the_validation_photos():
    found = splits.split(HUNDRED, 40, seed=0)
    assert {photo.class_name for photo in found["validation"]} == set("abcd")


def digest(parts):
    lines = ["%s %s" % (name, path) for name in splits.SPLITS for path in paths(parts[name])]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize(
    "args, expected",
    [
        ((350, 0, 0), "bd2bf3c80929ec543e66a4d645cc0c39f75b56110b3c58f53f09ca3855bb8ce9"),
        ((350, 100, 7), "2ae0fb5fcf1ada1374e95474fe55566a555b13be610f03de072007d123bb51df"),
    ],
)
def test_split_of_as_many_photos_as_the_official_ones_stays_as_it_was(args, expected):
    sizes = {"daisy": 633, "dandelion": 898, "roses": 641, "sunflowers": 699, "tulips": 799}
    listed = [name for c, size in sizes.items() for name in photos_named(
        *("%s/%05d.jpg" % (c, n) for n in range(size)))]  # fmt: skip
    assert len(listed) == 3670
    assert digest(splits.split(listed, *args)) == expected


UNEVEN = photos_named(
    *("%s/%d.jpg" % (name, n) for name, size in (("a", 60), ("b", 30), ("c", 9), ("d", 1))
      for n in range(size))
)  # fmt: skip


def per_class(photos):
    return dict(collections.Counter(photo.class_name for photo in photos))


@pytest.mark.parametrize("seed", range(5))
def test_each_class_has_its_share_of_each_split(seed):
    found = splits.split_by_class(UNEVEN, 20, 10, seed)
    assert per_class(found["validation"]) == {"a": 12, "b": 6, "c": 2}
    assert per_class(found["test"]) == {"a": 6, "b": 3, "c": 1}
    assert per_class(found["train"]) == {"a": 42, "b": 21, "c": 6, "d": 1}
    assert sorted(sum(map(paths, found.values()), [])) == sorted(paths(UNEVEN))


def test_shares_are_within_a_photo_of_the_exact_ones():
    for number in range(1, 90):
        counts = per_class(splits.split_by_class(HUNDRED, number)["validation"])
        assert sum(counts.values()) == number
        assert all(abs(counts.get(name, 0) - number / 4) < 1 for name in "abcd")


def test_each_class_keeps_a_photo_to_train_on_whatever_is_asked_for():
    found = splits.split_by_class(UNEVEN, 97, 2)
    assert per_class(found["train"]) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert (len(found["validation"]), len(found["test"])) == (96, 0)


def test_validation_photos_of_a_split_by_class_do_not_change_with_a_test_split():
    without = splits.split_by_class(UNEVEN, 20, 0, seed=3)
    assert (
        splits.split_by_class(UNEVEN[::-1], 20, 30, seed=3)["validation"] == without["validation"]
    )


def test_photos_divided_by_name_stay_where_they_are_when_others_come_and_go():
    before = splits.split_by_name(HUNDRED, 20, 10)
    more = photos_named(*("%s/%d.jpg" % (c, n) for c in "acde" for n in range(10, 200)))
    after = splits.split_by_name(more, 20, 10)
    for name in splits.SPLITS:
        still_there = set(paths(before[name])) & set(paths(more))
        assert still_there and still_there <= set(paths(after[name]))
    counts = [len(after[name]) / len(more) for name in ("validation", "test")]
    assert counts == pytest.approx([0.2, 0.1], abs=0.05)


def test_division_by_name_is_pinned():
    # int(hashlib.sha1(b"roses/4.jpg").hexdigest(), 16) % 10**6 is 142814, so 14.3%; 22.8% and
    # 28.5% are the next.
    found = splits.split_by_name(TEN, 15, 10)
    assert paths(found["validation"]) == ["roses/4.jpg"]
    assert paths(found["test"]) == ["daisy/4.jpg"]
    assert paths(splits.split_by_name(TEN, 15, seed=1)["train"]) != paths(found["train"])


def test_validation_photos_by_name_do_not_change_with_a_test_share():
    without = splits.split_by_name(HUNDRED, 20)
    assert splits.split_by_name(HUNDRED, 20, 30)["validation"] == without["validation"]


@pytest.mark.parametrize("num_folds", [2, 3, 7, 100])
def test_over_all_folds_each_photo_is_held_out_once_and_each_class_evenly(num_folds):
    held_out = []
    for fold in range(1, num_folds + 1):
        parts = splits.split_by_fold(UNEVEN, fold, num_folds)
        assert sorted(sum(map(paths, parts.values()), [])) == sorted(paths(UNEVEN))
        assert parts["test"] == []
        counts = per_class(parts["validation"])
        assert abs(sum(counts.values()) - 100 / num_folds) < 1
        for name, size in per_class(UNEVEN).items():
            assert abs(counts.get(name, 0) - size / num_folds) < 1
        held_out += paths(parts["validation"])
    assert sorted(held_out) == sorted(paths(UNEVEN))


def test_folds_are_pinned_and_the_seed_decides_them():
    found = splits.split_by_fold(TEN[::-1], 2, 4)
    # The photos of the first test above; each class's are dealt to the folds 1, 2, 3, 4, 1, ...
    assert paths(found["validation"]) == ["roses/2.jpg", "daisy/3.jpg", "roses/1.jpg"]
    assert paths(found["train"])[:3] == ["roses/3.jpg", "daisy/1.jpg", "roses/0.jpg"]
    for split_name in ("train", "validation"):
        other = splits.split_by_fold(TEN, 2, 4, seed=1)[split_name]
        assert set(paths(other)) != set(paths(found[split_name]))


@pytest.mark.parametrize(
    "num_photos, expected",
    [(3670, 350), (3500, 350), (3499, 349), (30, 3), (19, 1), (5, 1), (1, 1), (100000, 350)],
)
def test_default_is_350_but_never_more_than_a_tenth(num_photos, expected):
    assert splits.default_num_validation(num_photos) == expected
