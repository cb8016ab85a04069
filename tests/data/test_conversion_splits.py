"""Which photo goes where, as ``dataset.json`` keeps it, and photos that are there twice."""

import json
import os
import re
import shutil

import pytest
from conversions import contents, convert, filenames
from photo_archives import draw, write_tgz

from alexnet_flowers.data import conversion_report, dataset, duplicates, manifest, records, splits
from alexnet_flowers.data.sources import class_folders
from alexnet_flowers.errors import DataError, UsageError

CLASSES = ("roses", "tulips")


def photo(number):
    """Returns a JPEG; another one for each number."""
    return draw("roses", 0) + b"%d" % number  # What follows the picture is ignored.


def write(folder, names, first=0):
    """Writes another photo under each name."""
    for number, name in enumerate(names, first):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(number))
    return folder


def named(*sizes):
    return ["%s/%d.jpg" % (name, n) for name, size in zip("abcdef", sizes) for n in range(size)]


@pytest.fixture
def divided(tmp_path):
    names = [
        "%s/%s/%d.jpg" % (s, c, n) for s in ("Train", "val") for c in CLASSES for n in range(3)
    ]
    return write(tmp_path / "mine", names)


def test_photos_of_split_folders_stay_in_their_split(divided, tmp_path):
    lines = []
    info = convert(tmp_path / "made", divided, lines)
    assert lines == ["the folders are the splits: Train (train), val (validation)"]
    expected = ["%s/%d.jpg" % (c, n) for c in CLASSES for n in range(3)]
    for split_name, first in (("train", 0), ("validation", 6)):
        assert sorted(filenames(tmp_path / "made", split_name)) == expected
        encoded = {r.encoded for r in read_split(tmp_path / "made", split_name)}
        assert encoded == {photo(first + n) for n in range(6)}
    assert info["request"]["split_by"] == "folders"
    assert (info["request"]["num_validation"], info["request"]["num_test"]) == (6, 0)
    convert(tmp_path / "made", divided, lines)
    assert "finished already" in lines[-1]


def test_folders_without_a_validation_split_are_said_to_have_none(divided, tmp_path):
    (divided / "val").rename(divided / "test")
    lines = []
    convert(tmp_path / "made", divided, lines)
    assert lines[-1] == (
        "warning: no photos in the validation split, as no folder is called validation"
    )
    with pytest.raises(DataError, match="where folders do, one that is called validation$"):
        records.find_shards(str(tmp_path / "made"), "validation")


def read_split(dataset_dir, split_name):
    return [r for path in records.find_shards(str(dataset_dir), split_name)
            for r in records.read_shard(path)]  # fmt: skip


def test_split_folders_in_an_archive_become_the_same_dataset(divided, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "mine"), "zip", str(divided))
    packed = shutil.make_archive(str(tmp_path / "mine"), "gztar", str(divided))
    found = []
    for number, path in enumerate((divided, archive, packed)):
        convert(tmp_path / str(number), path)
        found.append(contents(tmp_path / str(number)))
        found[-1].pop("dataset.json")
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "settings", [{"num_validation": 0}, {"num_test": 2}, {"split_by": "name"}, {"fold": "1/2"}]
)
def test_where_folders_are_the_splits_nothing_else_can_be(divided, tmp_path, settings):
    with pytest.raises(UsageError, match="the folders Train, val are the splits; leave"):
        convert(tmp_path / "made", divided, **settings)
    assert not (tmp_path / "made").exists()


def test_a_photo_that_moves_to_another_split_makes_another_dataset(divided, tmp_path):
    convert(tmp_path / "made", divided)
    (divided / "Train/roses/0.jpg").rename(divided / "Train/roses/4.jpg")
    (divided / "val/roses/0.jpg").rename(divided / "Train/roses/0.jpg")
    with pytest.raises(DataError, match="it was made from something else than"):
        convert(tmp_path / "made", divided)


def test_the_lone_photo_of_a_class_is_trained_on_and_the_gap_is_said(tmp_path):
    mine = write(tmp_path / "mine", named(20, 20, 1))
    warning = "warning: no photos in the validation split: c"
    lines = []
    info = convert(tmp_path / "made", mine, lines)
    assert info["splits"]["train"]["per_class"] == {"a": 18, "b": 18, "c": 1}
    assert lines[-1] == warning
    said = []
    dataset.get_split("train", str(tmp_path / "made"), report=said.append)
    assert said == []
    dataset.get_split("validation", str(tmp_path / "made"), report=said.append)
    assert said == [warning]


def test_fewer_validation_photos_than_asked_for_is_said(tmp_path):
    mine = write(tmp_path / "mine", named(2, 2, 2))
    lines = []
    info = convert(tmp_path / "made", mine, lines, num_validation=4)
    assert info["splits"]["validation"]["per_class"] == {"a": 1, "b": 1, "c": 1}
    assert "validation: 3 photos, not 4; each class keeps one to train on" in lines
    convert(tmp_path / "made", mine, lines, num_validation=4)
    assert "finished already" in lines[-1]


def as_made_before(dataset_dir):
    """Takes from a dataset's info what it did not hold before."""
    info = manifest.read(str(dataset_dir))
    del info["request"]["split_by"], info["request"]["drop_duplicates"], info["duplicates"]
    with open(manifest.path(str(dataset_dir)), "w") as file:
        json.dump(info, file)


def test_a_dataset_of_before_is_recognized_and_made_again_as_it_was(
    tiny_archive, tmp_path, monkeypatch
):
    made, lines = tmp_path / "made", []
    with monkeypatch.context() as before:
        before.setattr(splits, "split_by_class", splits.split)
        convert(made, tiny_archive)
    as_made_before(made)
    in_validation = filenames(made, "validation")
    convert(made, tiny_archive, lines)
    assert "finished already" in lines[-1]
    os.remove(str(made / "flowers_train_00000-of-00005.tfrecord"))
    convert(made, tiny_archive)
    assert filenames(made, "validation") == in_validation
    convert(tmp_path / "anew", tiny_archive)
    assert filenames(tmp_path / "anew", "validation") != in_validation


def test_names_divide_the_photos_for_ever(tmp_path):
    mine = write(tmp_path / "mine", named(40, 40))
    settings = {"split_by": "name", "validation_percentage": 20, "test_percentage": 10}
    info = convert(tmp_path / "before", mine, **settings)
    write(mine, named(60, 10, 30))
    convert(tmp_path / "after", mine, **settings)
    for split_name in splits.SPLITS:
        before = set(filenames(tmp_path / "before", split_name))
        assert before and before <= set(filenames(tmp_path / "after", split_name))
    request = info["request"]
    assert request["split_by"] == "name"
    assert (request["validation_percentage"], request["test_percentage"]) == (20, 10)
    assert request["num_validation"] == info["splits"]["validation"]["num_photos"]


def test_a_split_that_no_name_falls_into_is_said(tmp_path):
    mine, lines = write(tmp_path / "mine", named(2, 2)), []
    settings = {"split_by": "name", "validation_percentage": 1}
    info = convert(tmp_path / "made", mine, lines, **settings)
    assert "validation" not in info["splits"]
    assert lines == ["warning: no photos in the validation split"]


def test_a_dataset_divided_by_names_is_another_one(tmp_path):
    mine = write(tmp_path / "mine", named(40, 40))
    lines = []
    convert(tmp_path / "made", mine, split_by="name")
    convert(tmp_path / "made", mine, lines, split_by="name", validation_percentage=10)
    assert "finished already" in lines[-1]
    for other in ({}, {"split_by": "name", "test_percentage": 5}):
        with pytest.raises(DataError, match="holds another dataset"):
            convert(tmp_path / "made", mine, **other)


def test_a_dataset_that_does_not_say_by_which_share_is_another_one(tmp_path):
    made, mine = tmp_path / "made", write(tmp_path / "mine", named(40, 40))
    info = convert(made, mine, split_by="name")
    del info["request"]["test_percentage"]
    with open(manifest.path(str(made)), "w") as file:
        json.dump(info, file)
    with pytest.raises(DataError, match=r"another dataset \(test_percentage is None, not 0\)"):
        convert(made, mine, split_by="name")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"split_by": "date"}, "--split_by=date: must be one of"),
        ({"split_by": "name", "num_validation": 5}, "--num_test: --split_by=name divides by"),
        ({"split_by": "name", "num_test": 5}, "--num_test: --split_by=name divides by"),
        (
            {"split_by": "name", "validation_percentage": 60, "test_percentage": 40},
            "--validation_percentage=60 --test_percentage=40: must be 0 or more and leave",
        ),
        ({"split_by": "name", "test_percentage": -1}, "--test_percentage=-1: must be 0 or more"),
        ({"validation_percentage": 20}, "are for --split_by=name"),
        ({"num_shards": 100000}, "--num_shards=100000: must be at most"),
        ({"fold": "2/5", "num_validation": 0}, "--num_test: --fold=2/5 is the validation split"),
        ({"fold": "2/5", "num_test": 1}, "--num_test: --fold=2/5 is the validation split"),
        ({"fold": "2/5", "split_by": "name"}, "--split_by=name: --fold=2/5 is the validation"),
        ({"fold": "2/5", "validation_percentage": 20}, "are for --split_by=name"),
        ({"fold": "1/5"}, "--fold=1/5: there are only 4 photos"),
        *(
            ({"fold": fold}, "--fold=%s: must be K/N" % fold)
            for fold in ("", "1", "0/5", "6/5", "1/1", "-1/5", "1/5/5", "1.0/5")
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_made(
    tmp_path, settings, message
):
    mine = write(tmp_path / "mine", named(2, 2))
    with pytest.raises(UsageError, match=re.escape(message)):
        convert(tmp_path / "made", mine, **settings)
    assert not (tmp_path / "made").exists()


def test_a_fold_is_kept_and_another_one_is_another_dataset(tiny_archive, tmp_path):
    made, lines = tmp_path / "made", []
    info = convert(made, tiny_archive, fold="2/4")
    request = info["request"]
    assert (request["fold"], request["split_by"]) == ("2/4", "fold")
    assert (request["num_validation"], info["splits"]["train"]["num_photos"]) == (8, 22)
    convert(made, tiny_archive, lines, fold="2/4")
    assert "finished already" in lines[-1]
    for other, difference in (
        ({"fold": "1/4"}, "fold is 2/4, not 1/4"),
        ({}, "fold is 2/4, not None"),
        ({"fold": "2/4", "seed": 1}, "seed is 0, not 1"),
    ):
        with pytest.raises(DataError, match=r"holds another dataset \(%s\)" % difference):
            convert(made, tiny_archive, **other)
    whole = contents(made)
    manifest.reopen(str(made))  # As a conversion that was killed leaves it.
    os.remove(str(made / "flowers_train_00000-of-00005.tfrecord"))
    convert(made, tiny_archive, fold="2/4")
    assert contents(made) == whole


def test_what_is_no_fold_does_not_become_one(tiny_archive, tmp_path):
    made = tmp_path / "made"
    assert "fold" not in convert(made, tiny_archive)["request"]
    with pytest.raises(DataError, match=r"holds another dataset \(fold is None, not 1/5\)"):
        convert(made, tiny_archive, fold="1/5")
    manifest.reopen(str(made))  # How it was divided is kept, but not where a fold is asked for.
    assert convert(made, tiny_archive, fold="1/5")["request"]["fold"] == "1/5"


@pytest.fixture
def twice(tmp_path):
    """Eight photos, of which one is there four times: b/0, b/5 and a/7, a/9."""
    mine = write(tmp_path / "mine", ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"], 1)
    for name in ("a/7.jpg", "a/9.jpg", "b/0.jpg", "b/5.jpg"):
        (mine / name).write_bytes(draw("tulips", 0))
    return mine


def test_identical_photos_are_counted_and_named(twice, tmp_path):
    lines = []
    info = convert(tmp_path / "made", twice, lines, num_validation=0)
    group = ["a/7.jpg", "a/9.jpg", "b/0.jpg", "b/5.jpg"]
    assert info["duplicates"] == {
        "within_classes": [group], "across_classes": [group], "across_splits": [],
    }  # fmt: skip
    assert lines == [
        "identical photos within a class: 1, a/7.jpg = a/9.jpg = b/0.jpg and 1 more like it",
        "identical photos in several classes: 1, a/7.jpg = a/9.jpg = b/0.jpg and 1 more like it",
        "--drop_duplicates leaves out all but the first of identical photos",
    ]


def test_later_ones_of_identical_photos_are_left_out_where_that_is_asked_for(twice, tmp_path):
    lines = []
    info = convert(tmp_path / "made", twice, lines, num_validation=0, drop_duplicates=True)
    assert info["left_out"] == {
        name: "identical to a/7.jpg" for name in ("a/9.jpg", "b/0.jpg", "b/5.jpg")
    }
    assert not any(info["duplicates"].values())
    assert info["splits"]["train"]["per_class"] == {"a": 3, "b": 2}
    with pytest.raises(DataError, match="drop_duplicates is True, not False"):
        convert(tmp_path / "made", twice, num_validation=0)


def test_a_class_of_later_ones_only_is_not_to_be_converted_to_jpeg(tmp_path):
    mine = write(tmp_path / "mine", ["a/1.jpg", "b/1.jpg"])
    (mine / "c").mkdir()
    shutil.copy(str(mine / "a/1.jpg"), str(mine / "c/1.jpg"))
    advice = "identical to a/1.jpg.; leave out --drop_duplicates, or move the folder away"
    with pytest.raises(DataError, match="nothing of the class 'c' can be used .c/1.jpg: " + advice):
        convert(tmp_path / "made", mine, drop_duplicates=True)


def test_identical_photos_in_several_splits_are_named_with_their_splits(divided, tmp_path):
    shutil.copy(str(divided / "Train/roses/0.jpg"), str(divided / "val/roses/0.jpg"))
    info = convert(tmp_path / "made", divided)
    group = [["train/roses/0.jpg", "validation/roses/0.jpg"]]
    assert info["duplicates"][duplicates.ACROSS_SPLITS] == group


def test_classes_that_nobody_may_have_meant_are_warned_of(tmp_path):
    paths = ["rosé/1.jpg", "rose\u0301/1.jpg", "daisy/1.jpg", "Daisy /1.jpg", "tulips/1/2.jpg"]
    lines = []
    convert(tmp_path / "made", write(tmp_path / "mine", paths), lines)
    assert [line for line in lines if line.startswith("warning: class")] == [
        "warning: classes whose names look alike: 'Daisy ', 'daisy'",
        "warning: classes whose names look alike: 'rose\\u0301', 'ros\\xe9'",
    ]
    assert "warning: no classes, as they hold no photos themselves: tulips" in lines


def test_many_bad_photos_take_a_line_for_each_kind(tmp_path):
    members = [(name, photo(n)) for n, name in enumerate(named(3, 3))]
    members += [("a/no%04d.heic" % n, b"?") for n in range(1000)]
    lines = []
    info = convert(tmp_path / "made", write_tgz(tmp_path / "p.tgz", members), lines)
    assert len(info["left_out"]) == 1000
    assert lines[0].startswith("left out: 1000 photos: ")
    assert lines[0].endswith(": a/no0000.heic, a/no0001.heic, a/no0002.heic and 997 more")
    assert lines[1] == "1000 of 1006 photos left out"


def test_many_identical_photos_are_one_kind():
    left_out = {"b/%d.jpg" % n: "identical to a/%d.jpg" % n for n in range(100)}
    assert conversion_report.of_left_out(left_out, 100) == [
        "left out: 100 photos: identical to others: b/0.jpg, b/1.jpg, b/2.jpg and 97 more",
        "100 of 200 photos left out",
    ]


def test_many_photos_that_are_too_large_are_one_kind_and_hide_no_other():
    left_out = {
        "a/%d.mov" % n: class_folders.TooLargeError("a", 10**9 + n).reason for n in range(30)
    }
    left_out.update(("b/%d" % n, "more than 2 million pixels: %d x 9" % n) for n in range(4))
    left_out["c/1.heic"] = "a HEIC photo, which cannot be decoded here; save it as a JPEG"
    assert conversion_report.of_left_out(left_out, 9) == [
        "left out: 30 photos: more than 200 million bytes: a/0.mov, a/1.mov, a/2.mov and 27 more",
        "left out: 4 photos: more than 2 million pixels: b/0, b/1, b/2 and 1 more",
        "left out: c/1.heic: a HEIC photo, which cannot be decoded here; save it as a JPEG",
        "35 of 44 photos left out",
    ]


def test_nobodys_file_is_replaced(tmp_path):
    mine = write(tmp_path / "mine", named(2, 2))
    for name in ("labels.txt", "flowers_train_00000-of-00002.tfrecord.partial"):
        made = tmp_path / ("with " + name)
        made.mkdir()
        (made / name).write_text("precious")
        (made / "flowers_mine.tfrecord").write_text("precious")
        with pytest.raises(DataError, match="is not of a conversion, which would replace it"):
            convert(made, mine)
        assert (made / name).read_text() == "precious"
        (made / name).unlink()
        with pytest.raises(UsageError):
            convert(made, mine, num_validation=4)
        assert os.listdir(str(made)) == ["flowers_mine.tfrecord"]
