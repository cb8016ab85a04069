"""Photos of one's own: class folders, in a folder or an archive, become a dataset."""

import collections
import json
import os
import re
import shutil
import tarfile

import photo_archives
import pytest
from conversions import TINY, contents, convert, filenames
from photo_archives import draw, encode, official_members, write_files, write_tgz
from PIL import Image

from alexnet_flowers.data import dataset, manifest, records, splits
from alexnet_flowers.data.sources import folder
from alexnet_flowers.errors import DataError


@pytest.fixture
def mine(tmp_path):
    """The photos of ``tiny_archive`` as a folder of class folders."""
    members = {name.partition("/")[2]: content for name, content in official_members()}
    return write_files(tmp_path / "mine", members)


def without_info(dataset_dir):
    """Returns a dataset's other files, and its info."""
    found = contents(dataset_dir)
    return found, json.loads(found.pop("dataset.json").decode("utf-8"))


def test_a_folder_becomes_the_dataset_that_its_archive_becomes(mine, tiny_dataset, tmp_path):
    convert(tmp_path / "made", mine, **TINY)
    found, info = without_info(tmp_path / "made")
    expected, expected_info = without_info(tiny_dataset)
    assert found == expected
    assert info.pop("archive_sha256") == folder.sha256_of(folder.read_photos(str(mine)).photos)
    assert info["request"].pop("archive") == "mine"
    expected_info.pop("archive_sha256"), expected_info["request"].pop("archive")
    assert info == expected_info


def test_an_archive_without_a_folder_above_the_classes_becomes_the_same(
    mine, tiny_dataset, tmp_path
):
    path = str(tmp_path / "mine.tar")
    with tarfile.open(path, "w") as tar:
        tar.add(str(mine), arcname=".")
    convert(tmp_path / "made", path, **TINY)
    assert without_info(tmp_path / "made")[0] == without_info(tiny_dataset)[0]


def test_a_converted_folder_is_recognized_wherever_it_is(mine, tmp_path, monkeypatch):
    convert(tmp_path / "made", mine)
    os.utime(str(mine / "roses" / "1000_n.jpg"), (1, 1))
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    mine.rename(moved)
    monkeypatch.chdir(str(moved))
    lines = []
    for archive in (moved, moved.parent, "."):
        convert(tmp_path / "made", archive, lines)
    assert ["finished already" in line for line in lines] == [True] * 3


def test_a_folder_of_the_working_directory_has_its_name(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(str(mine))
    info = convert(tmp_path / "made", ".")
    assert info["request"]["archive"] == "mine"


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "edited"])
def test_a_changed_folder_is_another_dataset(mine, tmp_path, change):
    convert(tmp_path / "made", mine, **TINY)
    before = contents(tmp_path / "made")
    photo = mine / "roses" / "1000_n.jpg"
    if change == "added":
        shutil.copy(str(photo), str(mine / "roses" / "new.jpg"))
    elif change == "removed":
        photo.unlink()
    elif change == "renamed":
        photo.rename(mine / "tulips" / "new.jpg")
    else:
        photo.write_bytes(draw("tulips", 0))
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "made", mine, **TINY)
    assert str(caught.value) == (
        "%s: holds another dataset (it was made from something else than %s is now); choose "
        "another --dataset_dir or remove it" % (tmp_path / "made", mine)
    )
    assert contents(tmp_path / "made") == before


@pytest.mark.parametrize("change", ["removed", "edited"])
def test_a_folder_that_changes_meanwhile_is_an_error_and_leaves_nothing(
    mine, tmp_path, monkeypatch, change
):
    def split(*args, **kwargs):
        # All photos have been decoded, none is written yet.
        if change == "removed":
            (mine / "roses" / "1000_n.jpg").unlink()
        else:
            (mine / "roses" / "1000_n.jpg").write_bytes(b"not even a photo")
        return divide(*args, **kwargs)

    divide = splits.split_by_class
    monkeypatch.setattr(splits, "split_by_class", split)
    with pytest.raises(DataError, match="roses/1000_n.jpg: cannot be read any more"):
        convert(tmp_path / "made", mine)
    assert os.listdir(str(tmp_path)) == ["mine"]


def test_a_dataset_may_lie_beside_the_photos_it_is_made_of(mine):
    convert(mine, mine, **TINY)
    lines = []
    convert(mine, mine, lines, **TINY)
    assert "finished already" in lines[0]
    assert len(folder.read_photos(str(mine)).photos) == 30


def test_the_top_of_a_disk_that_windows_has_seen_is_a_folder_of_photos(mine, tmp_path):
    of_system = mine / "System Volume Information"
    of_system.mkdir()
    (of_system / "WPSettings.dat").write_bytes(b"\x0c\0\0\0\x9d\x8f\x3a\x5e")
    assert convert(tmp_path / "made", mine)["classes"] == photo_archives.CLASS_NAMES


def test_strays_are_named_counted_and_left_out(mine, tmp_path):
    shutil.copy(str(mine / "roses" / "1000_n.jpg"), str(mine / "cover.jpg"))
    lines = []
    info = convert(tmp_path / "made", mine, lines)
    reason = "not as deep in folders as most photos, so of no class"
    assert lines == [
        "not photos: 1 .txt", "left out: cover.jpg: " + reason, "1 of 31 photos left out",
        "warning: no photos in the validation split: sunflowers, tulips",
    ]  # fmt: skip
    assert info["left_out"] == {"cover.jpg": reason}
    assert info["classes"] == photo_archives.CLASS_NAMES


def test_strays_are_an_error_when_strict(mine, tmp_path):
    shutil.copy(str(mine / "roses" / "1000_n.jpg"), str(mine / "cover.jpg"))
    with pytest.raises(DataError, match="mine: cover.jpg: not as deep .* .--strict.$"):
        convert(tmp_path / "made", mine, strict=True)
    assert os.listdir(str(tmp_path)) == ["mine"]


def test_a_class_of_which_nothing_is_left_is_an_error(tmp_path):
    members = [("%s/1.jpg" % name, draw("daisy", 0)) for name in ("daisy", "roses")]
    members += [("weeds/%d.heic" % number, b"not a photo") for number in range(2)]
    path = write_tgz(tmp_path / "photos.tgz", members)
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "made", path)
    assert re.fullmatch(
        re.escape(path) + r": nothing of the class 'weeds' can be used \(weeds/0\.heic: .+\); "
        "convert these photos to JPEG, or move the folder away",
        str(caught.value),
    )
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]


def test_one_class_is_nothing_to_learn(tmp_path):
    members = {"daisy/%d.jpg" % number: draw("daisy", number) for number in range(3)}
    path = write_tgz(tmp_path / "photos.tgz", sorted(members.items()))
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "made", path)
    assert str(caught.value) == (
        "%s: all photos that can be used are of one class, 'daisy'; a classifier needs two or "
        "more, each in a folder of its own" % path
    )
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]


def test_names_with_spaces_and_letters_of_all_languages_stay_as_they_are(tmp_path):
    class_names = ["1: no", "Gänseblümchen", "red  rose ", "ромашка", "向日葵"]
    members = [
        ("%s/ein Bild %d ü.jpg" % (class_name, number), draw("daisy", number))
        for class_name in class_names
        for number in range(2)
    ]
    info = convert(
        tmp_path / "made", write_tgz(tmp_path / "p.tgz", members), num_validation=0, num_shards=1
    )
    assert info["classes"] == class_names
    assert set(filenames(tmp_path / "made", "train")) == {name for name, _ in members}
    split = dataset.get_split("train", str(tmp_path / "made"))
    assert split.labels_to_names == dict(enumerate(class_names))
    for record in records.read_shard(split.data_sources[0]):
        assert record.filename.startswith(class_names[record.label] + "/")
    rows = manifest.table(info).split("\n")[1:-1]
    assert rows == ["%-13s           2           2" % name for name in class_names]


def test_hundreds_of_classes_are_converted(tmp_path):
    encoded = encode(Image.new("RGB", (8, 8), (200, 20, 40)))
    class_names = ["class %03d" % number for number in range(300)]
    members = [("%s/%d.jpg" % (name, n), encoded) for name in class_names for n in range(2)]
    info = convert(tmp_path / "made", write_tgz(tmp_path / "p.tgz", members))
    assert info["classes"] == class_names
    split = dataset.get_split("train", str(tmp_path / "made"))
    assert (split.num_classes, split.num_samples) == (300, 540)
    found = {
        (record.label, record.filename.partition("/")[0])
        for path in split.data_sources
        for record in records.read_shard(path)
    }
    assert all(class_names[label] == name for label, name in found)
    assert len(found) > 250


def test_a_file_that_is_too_large_is_left_out_by_name_like_a_smaller_one(mine, tmp_path):
    (mine / "roses" / "clip.mov").write_bytes(b"")
    os.truncate(str(mine / "roses" / "clip.mov"), 3 * 10**8)
    lines = []
    info = convert(tmp_path / "made", mine, lines, **TINY)
    reason = "more than 200 million bytes: 300000000"
    assert info["left_out"] == {"roses/clip.mov": reason}
    assert "left out: roses/clip.mov: " + reason in lines
    convert(tmp_path / "made", mine, lines, **TINY)
    assert "finished already" in lines[-1]
    with pytest.raises(DataError, match="roses/clip.mov: %s .--strict" % reason):
        convert(tmp_path / "strict", mine, strict=True, **TINY)


def test_each_photo_is_read_twice_to_be_checked_and_to_be_written(mine, tmp_path, monkeypatch):
    (mine / "roses" / "bad.jpg").write_text("<html>")
    times, read = collections.Counter(), folder._read

    def count(path, identity):
        times[os.path.relpath(path, str(mine))] += 1
        return read(path, identity)

    monkeypatch.setattr(folder, "_read", count)
    info = convert(tmp_path / "made", mine, **TINY)
    assert times.pop("roses/bad.jpg") == 1 and set(times.values()) == {2} and len(times) == 30
    assert info["archive_sha256"] == folder.sha256_of(folder.read_photos(str(mine)).photos)
