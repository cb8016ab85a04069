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


@pytest.mark.parametrize("name", ["1.jpg", "2.jpg"])
def test_a_class_in_several_places_is_refused_with_the_list_of_them(name):
    with pytest.raises(DataError) as caught:
        sort("train/daisy/1.jpg", "more/daisy/" + name, "train/roses/1.jpg")
    assert str(caught.value) == (
        "mine: a class is the folder of its photos, but 'daisy' is in several places: more/daisy, "
        "train/daisy; put all photos of a class into one folder, or give one of the folders above "
        "as --archive"
    )


def test_folders_within_classes_are_no_classes():
    paths = ["%s/%s/1.jpg" % (a, b) for a in ("roses", "tulips") for b in ("garden", "vase")]
    with pytest.raises(DataError, match="but 'garden', 'vase' are in several places: roses/garden"):
        sort(*paths)


@pytest.mark.parametrize(
    "paths",
    [
        ["train/roses/1.jpg", "train/tulips/2.jpg", "test/roses/1.jpg", "val/tulips/2.jpg"],
        ["a/Training/roses/1.jpg", "a/TRAIN/tulips/2.jpg", "a/testing/roses/1.jpg",
         "a/dev/tulips/2.jpg"],
        ["roses/train/1.jpg", "tulips/train/2.jpg", "roses/test/1.jpg", "tulips/valid/2.jpg"],
    ],
)  # fmt: skip
def test_folders_of_splits_say_the_split_wherever_they_are(paths):
    found = sort(*paths)
    assert [photo.place for photo in found.photos] == [
        "test/roses/1.jpg", "train/roses/1.jpg", "train/tulips/2.jpg", "validation/tulips/2.jpg",
    ]  # fmt: skip
    assert sorted(set(found.split_folders.values())) == ["test", "train", "validation"]


@pytest.mark.parametrize("other", ["more", "train"])
def test_folders_beside_others_or_alone_are_no_splits(other):
    found = sort("train/roses/1.jpg", other + "/tulips/2.jpg")
    assert places(found) == ["roses/1.jpg", "tulips/2.jpg"]
    assert not found.split_folders and found.photos[0].split is None


def test_photos_of_splits_without_classes_are_refused():
    with pytest.raises(DataError, match="in folders of splits, but in no class folders; expected"):
        sort("train/1.jpg", "test/2.jpg")


def test_a_class_may_be_called_like_a_split():
    assert places(sort("train/1.jpg", "plane/2.jpg")) == ["plane/2.jpg", "train/1.jpg"]


def test_companions_are_counted_by_their_kind():
    files = [
        ("a/1.jpg", str),
        ("b/2", str),
        ("a/1.JSON", None),
        ("b/2.json", None),
        ("README", None),
    ]
    found = class_folders.sort_photos("mine", [(tuple(p.split("/")), read) for p, read in files])
    assert places(found) == ["a/1.jpg", "b/2"]
    assert found.companions == {".json": 2, "README": 1}


def test_a_folder_of_an_archive_for_each_class_says_what_to_do():
    files = [((name + ".zip",), None) for name in ("tulips", "roses", "daisy", "lily")]
    with pytest.raises(DataError) as caught:
        class_folders.sort_photos("mine", files)
    assert str(caught.value) == (
        "mine: holds archives (daisy.zip, lily.zip, roses.zip and 1 more), no photos in class "
        "folders; unpack each into a folder that is called like its class"
    )


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


def test_folders_whose_photos_all_lie_deeper_are_told_from_other_strays():
    daisies = ["f/daisy/%d.jpg" % number for number in range(9)]
    found = sort("f/roses/1.jpg", "f/roses/old/2.jpg", "f/tulips/red/1.jpg", "f/1.jpg",
                 "f/tulips/white/1.jpg", "other/x/y/1.jpg", *daisies)  # fmt: skip
    assert found.bare_folders == ["f/tulips"]
    of_train = ["train/%s/%d.jpg" % (name, number) for name in ("a", "b") for number in range(3)]
    of_splits = sort(*of_train, "val/a/3.jpg", "val/b/old/4.jpg")
    assert of_splits.bare_folders == ["val/b"]


def test_folders_without_photos_are_told():
    photos = ["train/daisy/1.jpg", "train/roses/1.jpg", "val/roses/2.jpg"]
    others = ["train/lily/lily.zip", "train/tulips/", "train/roses/", "train/roses/old/"]
    others += ["val/daisy/", "val/", "", "train/a.txt"]
    files = [(tuple(path.split("/")), str if path in photos else None) for path in photos + others]
    found = class_folders.sort_photos("mine", files)
    assert found.bare_folders == ["train/lily", "train/tulips"]
    assert found.companions == {".zip": 1, ".txt": 1}


def test_folders_without_photos_are_told_where_the_splits_lie_below_the_classes():
    photos = ["roses/train/1.jpg", "roses/test/2.jpg", "tulips/train/1.jpg", "moss/test/old/1.jpg"]
    photos += ["iris/1.jpg"]  # Which has not been divided yet.
    others = ["tulips/test/", "lily/train/", "lily/test/test.zip", "roses/notes.txt", "weeds/", ""]
    others += ["iris/"]
    files = [(tuple(path.split("/")), str if path in photos else None) for path in photos + others]
    found = class_folders.sort_photos("mine", files)
    assert found.bare_folders == ["lily", "moss", "weeds"]
    assert found.strays == ["iris/1.jpg", "moss/test/old/1.jpg"]


@pytest.mark.parametrize("paths", [[], ["1.jpg"]])
def test_without_class_folders_there_is_nothing_to_learn(paths):
    with pytest.raises(DataError) as caught:
        sort(*paths)
    assert str(caught.value) == (
        "mine: holds no photos in class folders; expected <class>/<photo>, all equally deep"
    )


def test_two_photos_of_one_name_in_a_class_are_refused():
    with pytest.raises(DataError) as caught:
        sort("train/daisy/1.jpg", "training/daisy/1.jpg", "test/daisy/1.jpg")
    assert str(caught.value) == (
        "mine: 'train/daisy/1.jpg' and 'training/daisy/1.jpg' are both daisy/1.jpg; rename one"
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
        ("daisy/1.gif", True),
        ("daisy/1.heic", True),
        ("daisy/0f3a", True),
        ("daisy/1.txt", False),
        ("daisy/Thumbs.db", False),
        ("LICENSE", False),
        ("lock", False),
        ("dataset.json.partial", False),
        ("__MACOSX/daisy/1.jpg", False),
        ("daisy/Icon\r", False),
        ("daisy/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", False),
        ("#recycle/daisy/1.jpg", False),
        ("@Recycle/1.jpg", False),
        ("#snapshot/daisy/1.jpg", False),
        ("Network Trash Folder/1.jpg", False),
        ("$Recycle.Bin/S-1-5-21/1.jpg", False),
        ("System Volume Information/IndexerVolumeGuid", False),
        ("lost+found/1.jpg", False),
        ("daisy/.1.jpg", False),
        (".daisy/1.jpg", False),
        (".f/daisy/1.jpg", False),
    ],
)
def test_what_is_a_photo(path, expected):
    assert class_folders.is_photo(path.split("/")) == expected
