"""Each photo's class is its folder, and all photos lie equally deep."""

import pytest

from alexnet_flowers.data.sources import class_folders
from alexnet_flowers.errors import DataError


def sort(*paths):
    """Sorts photos that read as their own paths."""
    files = [(tuple(path.split("/")), lambda path=path: path) for path in paths]
    return class_folders.sort_photos("mine", files)


def places(found):
    return ["%s/%s" % photo[:2] for photo in found.photos]


def test_photos_are_sorted_by_class_and_name_and_keep_their_contents():
    found = sort("c/2.jpg", "a b/1.jpg", "a/1.jpg", "c/10.jpg")
    assert places(found) == ["a/1.jpg", "a b/1.jpg", "c/10.jpg", "c/2.jpg"]
    assert [photo.read() for photo in found.photos] == places(found)
    assert found.strays == []


def test_a_class_may_be_in_several_places():
    found = sort("train/daisy/1.jpg", "more/daisy/2.jpg", "train/roses/1.jpg")
    assert places(found) == ["daisy/1.jpg", "daisy/2.jpg", "roses/1.jpg"]


@pytest.mark.parametrize(
    "paths, strays",
    [
        (["roses/1.jpg", "tulips/1.jpg", "roses/old/1.jpg", "cover.jpg"],
         ["cover.jpg", "roses/old/1.jpg"]),
        (["f/roses/1.jpg", "f/tulips/1.jpg", "f/cover.jpg"], ["f/cover.jpg"]),
        # As many on two depths: the deeper one.
        (["f/cover.jpg", "f/roses/1.jpg"], ["f/cover.jpg"]),
        # Those in no folder cannot be of a class, however many there are.
        (["1.jpg", "2.jpg", "3.jpg", "roses/1.jpg"], ["1.jpg", "2.jpg", "3.jpg"]),
    ],
)  # fmt: skip
def test_photos_that_lie_elsewhere_than_most_are_strays(paths, strays):
    found = sort(*paths)
    assert found.strays == strays
    assert [photo.read() for photo in found.photos] == [p for p in paths if p not in strays]


@pytest.mark.parametrize("paths", [[], ["1.jpg"]])
def test_without_class_folders_there_is_nothing_to_learn(paths):
    with pytest.raises(DataError) as caught:
        sort(*paths)
    assert str(caught.value) == (
        "mine: holds no photos in class folders; expected <class>/<name>.jpg or .jpeg or .png, "
        "all equally deep"
    )


def test_two_photos_of_one_name_in_a_class_are_refused():
    with pytest.raises(DataError) as caught:
        sort("old/daisy/1.jpg", "new/daisy/1.jpg")
    assert str(caught.value) == (
        "mine: 'old/daisy/1.jpg' and 'new/daisy/1.jpg' are both daisy/1.jpg; rename one"
    )


@pytest.mark.parametrize("path", ["da\nisy/1.jpg", "daisy/1\x7f.jpg", "a\t/daisy/1.jpg"])
def test_control_characters_are_refused(path):
    with pytest.raises(DataError) as caught:
        sort(path)
    assert str(caught.value) == "mine: refused: control characters in the name %r" % path


def test_a_class_name_that_could_not_be_printed_is_refused():
    with pytest.raises(DataError) as caught:
        sort(b"ros\xe9s/1.jpg".decode("utf-8", "surrogateescape"))
    assert str(caught.value) == (
        "mine: the folder name 'ros\\udce9s' is not UTF-8; rename it"
    )  # fmt: skip


@pytest.mark.parametrize(
    "path, expected",
    [
        ("daisy/1.jpg", True),
        ("daisy/1.JPG", True),
        ("1.jpeg", True),
        ("daisy/1.png", True),
        ("daisy/1.gif", False),
        ("daisy/jpg", False),
        ("daisy/.1.jpg", False),
        (".daisy/1.jpg", False),
        (".f/daisy/1.jpg", False),
    ],
)
def test_what_is_a_photo(path, expected):
    assert class_folders.is_photo(path.split("/")) == expected
