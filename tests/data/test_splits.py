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


@pytest.mark.parametrize(
    "num_photos, expected",
    [(3670, 350), (3500, 350), (3499, 349), (30, 3), (19, 1), (5, 1), (1, 1), (100000, 350)],
)
def test_default_is_350_but_never_more_than_a_tenth(num_photos, expected):
    assert splits.default_num_validation(num_photos) == expected
