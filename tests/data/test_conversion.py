"""What a conversion makes, and what it makes of a folder that it has been to before."""

import collections
import hashlib
import io
import json
import os
import shutil

import photo_archives
import pytest
import shard_files
from conversions import TINY, TINY_FILES, contents, convert, filenames
from photo_archives import BAD_PHOTO, encode, official_members, write_tgz
from PIL import Image

import alexnet_flowers
from alexnet_flowers.data import manifest, records, verification
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf


def examples_by_filename(folder, split_name):
    found = {}
    for path in records.find_shards(str(folder), split_name):
        for example in shard_files.examples(path):
            features = example.features.feature
            found[features["image/filename"].bytes_list.value[0]] = features
    return found


def interrupted(*_):
    raise KeyboardInterrupt


def test_conversion_leaves_the_shards_the_labels_and_the_info(tiny_dataset):
    assert sorted(os.listdir(tiny_dataset)) == TINY_FILES


def test_info_describes_the_dataset(tiny_dataset, archive_bytes):
    with open(os.path.join(tiny_dataset, "dataset.json"), encoding="utf-8") as file:
        info = json.load(file)
    assert info["request"] == {
        "archive": "tiny_photos.tgz",
        "num_validation": 5,
        "num_test": 0,
        "num_shards": 2,
        "seed": 0,
        "split_by": "class",
        "drop_duplicates": False,
    }
    assert info["archive_sha256"] == hashlib.sha256(archive_bytes).hexdigest()
    assert info["classes"] == photo_archives.CLASS_NAMES
    assert info["left_out"] == {}
    assert info["versions"] == {
        "alexnet_flowers": alexnet_flowers.__version__,
        "pillow": Image.__version__,
        "tensorflow": tf.__version__,
    }
    assert sorted(info["splits"]) == ["train", "validation"]
    for split_name, num_photos in (("train", 25), ("validation", 5)):
        split = info["splits"][split_name]
        photos = filenames(tiny_dataset, split_name)
        assert split["num_photos"] == len(photos) == num_photos
        assert split["per_class"] == collections.Counter(p.split("/")[0] for p in photos)
        for name, shard in split["shards"].items():
            path = os.path.join(tiny_dataset, name)
            assert shard["num_records"] == records.count_records(path)
            assert shard["num_bytes"] == os.path.getsize(path)


def test_validation_photos_are_pinned(tiny_dataset):
    # One of each class: the first five that come first of their class when the 30 sorted names
    # have been shuffled by random.Random(0).
    assert filenames(tiny_dataset, "validation") == [
        "daisy/1003_n.jpg",
        "dandelion/1004_n.jpg",
        "sunflowers/1000_n.jpg",
        "roses/1005_n.jpg",
        "tulips/1002_n.jpg",
    ]


def test_test_split_is_taken_beside_the_others(tiny_archive, tmp_path):
    info = convert(tmp_path, tiny_archive, num_validation=4, num_test=7, num_shards=3)
    counts = {name: split["num_photos"] for name, split in info["splits"].items()}
    assert counts == {"train": 19, "validation": 4, "test": 7}
    found = {name: filenames(tmp_path, name) for name in counts}
    assert {name: len(photos) for name, photos in found.items()} == counts
    assert len(set(sum(found.values(), []))) == 30
    shards = records.find_shards(str(tmp_path), "test")
    assert [records.count_records(path) for path in shards] == [3, 3, 1]


def test_default_is_a_tenth_for_validation_in_five_shards(tiny_archive, tmp_path):
    info = convert(tmp_path, tiny_archive)
    assert info["request"]["num_validation"] == 3
    assert len(filenames(tmp_path, "validation")) == 3
    assert len(records.find_shards(str(tmp_path), "train")) == 5


def test_without_validation_photos_there_is_no_such_split(tiny_archive, tmp_path):
    info = convert(tmp_path, tiny_archive, num_validation=0, num_shards=1)
    assert list(info["splits"]) == ["train"]
    assert records.find_splits(str(tmp_path)) == ["train"]
    assert len(filenames(tmp_path, "train")) == 30


def test_another_seed_takes_other_validation_photos(tiny_dataset, tiny_archive, tmp_path):
    convert(tmp_path, tiny_archive, seed=1, **TINY)
    assert set(filenames(tmp_path, "validation")) != set(filenames(tiny_dataset, "validation"))


def test_converting_twice_gives_the_same_bytes(tiny_dataset, tiny_archive, tmp_path):
    convert(tmp_path, tiny_archive, **TINY)
    assert contents(tmp_path) == contents(tiny_dataset)


def test_order_of_the_archives_members_does_not_matter(tiny_dataset, tmp_path):
    path = write_tgz(tmp_path / "tiny_photos.tgz", official_members()[::-1])
    convert(tmp_path / "flowers", path, **TINY)
    found, expected = contents(tmp_path / "flowers"), contents(tiny_dataset)
    info, expected_info = (
        json.loads(found.pop("dataset.json")),
        json.loads(expected.pop("dataset.json")),
    )
    assert found == expected
    assert info.pop("archive_sha256") != expected_info.pop("archive_sha256")
    assert info == expected_info


def test_finished_dataset_is_verified_and_left_alone(copy, tiny_archive):
    before = {e.name: (e.stat().st_ino, e.stat().st_mtime_ns) for e in os.scandir(copy)}
    lines = []
    info = convert(copy, tiny_archive, lines, **TINY)
    assert lines == ["%s: finished already; every record read and counted" % copy]
    assert info["splits"]["train"]["num_photos"] == 25
    assert {e.name: (e.stat().st_ino, e.stat().st_mtime_ns) for e in os.scandir(copy)} == before


def test_finished_dataset_is_recognized_under_the_default_number(tiny_archive, tmp_path):
    convert(tmp_path, tiny_archive)
    lines = []
    convert(tmp_path, tiny_archive, lines, num_validation=3)
    convert(tmp_path, tiny_archive, lines)
    assert ["finished already" in line for line in lines] == [True, True]


def test_finished_dataset_is_recognized_under_another_name_of_the_archive(
    copy, tiny_archive, tmp_path
):
    renamed = shutil.copy(tiny_archive, str(tmp_path / "renamed.tgz"))
    lines = []
    convert(copy, renamed, lines, **TINY)
    assert "finished already" in lines[0]


@pytest.mark.parametrize(
    "name, damage",
    list(zip(TINY_FILES[1:5], ["flipped", "truncated", "missing", "one_record_fewer"]))
    + [(TINY_FILES[2], "of_another_conversion")],
)
def test_damaged_shard_is_found_and_everything_converted_again(
    copy, tiny_dataset, tiny_archive, name, damage
):
    path = os.path.join(copy, name)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    os.remove(path)
    if damage == "one_record_fewer":
        shard_files.write(path, shard_files.read(os.path.join(tiny_dataset, name))[:-1])
    elif damage == "of_another_conversion":
        others = shard_files.read(os.path.join(tiny_dataset, TINY_FILES[1]))
        shard_files.write(path, others[: len(shard_files.read(os.path.join(tiny_dataset, name)))])
    elif damage != "missing":
        content[len(content) // 2] ^= 0xFF
        with open(path, "wb") as file:
            file.write(content if damage == "flipped" else content[:-100])
    lines = []
    convert(copy, tiny_archive, lines, **TINY)
    assert lines == ["%s: damaged or missing; converting again" % path, "not photos: 1 .txt"]
    assert contents(copy) == contents(tiny_dataset)


def test_what_a_damaged_dataset_has_stays_beside_a_stale_mark(copy, monkeypatch, tiny_archive):
    shutil.copy(manifest.path(copy), manifest.path(copy) + ".partial")
    os.remove(os.path.join(copy, TINY_FILES[1]))

    monkeypatch.setattr(verification, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(copy, tiny_archive, **TINY)
    assert sorted(os.listdir(copy)) == sorted(set(TINY_FILES) - {TINY_FILES[1]})


def test_a_folder_that_is_called_like_a_shard_is_named(copy, tiny_archive):
    path = os.path.join(copy, TINY_FILES[1])
    os.remove(path)
    os.mkdir(path)
    before = sorted(os.listdir(copy))
    with pytest.raises(DataError, match="is a folder; move it away"):
        convert(copy, tiny_archive, **TINY)
    assert sorted(os.listdir(copy)) == before


@pytest.mark.parametrize("text", [None, "", "no labels", "0:roses\n1:tulips\n"])
def test_missing_or_changed_labels_are_written_again(copy, tiny_dataset, tiny_archive, text):
    shard = os.path.join(copy, TINY_FILES[1])
    before = os.stat(shard).st_ino
    os.remove(os.path.join(copy, "labels.txt"))
    if text is not None:
        with open(os.path.join(copy, "labels.txt"), "w") as file:
            file.write(text)
    lines = []
    convert(copy, tiny_archive, lines, **TINY)
    assert lines[0] == "%s/labels.txt: missing or changed; written again" % copy
    assert contents(copy) == contents(tiny_dataset)
    assert os.stat(shard).st_ino == before


@pytest.mark.parametrize("module, name", [(verification, "verify"), (records, "example")])
def test_a_damaged_dataset_keeps_its_sound_shards_until_there_are_new_ones(
    copy, tiny_dataset, tiny_archive, monkeypatch, module, name
):
    with open(os.path.join(copy, TINY_FILES[1]), "r+b") as file:
        file.truncate(100)
    before = contents(copy)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            convert(copy, tiny_archive, **TINY)
    assert contents(copy) == before
    killed = os.path.join(copy, TINY_FILES[2] + ".partial")
    shutil.copy(os.path.join(copy, TINY_FILES[1]), killed)  # As one that is killed leaves it.
    convert(copy, tiny_archive, **TINY)
    assert contents(copy) == contents(tiny_dataset)


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"seed": 1}, "seed is 0, not 1"),
        ({"num_shards": 5}, "num_shards is 2, not 5"),
        ({"num_validation": None}, "num_validation is 5, not 3"),
        ({"num_test": 1, "seed": 2}, "num_test is 0, not 1; seed is 0, not 2"),
        ({"use_sample": True}, "archive is tiny_photos.tgz, not the built-in sample"),
        ({"archive": "http://127.0.0.1:9/o.tgz"}, "archive is tiny_photos.tgz, not o.tgz"),
    ],
)
def test_other_settings_than_those_of_the_finished_dataset_are_refused(
    copy, tiny_dataset, tiny_archive, changed, expected
):
    settings = dict(TINY, archive=tiny_archive)
    settings.update(changed)
    with pytest.raises(DataError) as caught:
        convert(copy, **settings)
    assert str(caught.value) == (
        "%s: holds another dataset (%s); choose another --dataset_dir or remove it"
        % (copy, expected)
    )
    assert contents(copy) == contents(tiny_dataset)


def test_another_archive_than_that_of_the_finished_dataset_is_refused(copy, tmp_path):
    other = write_tgz(tmp_path / "tiny_photos.tgz", official_members()[::-1])
    with pytest.raises(DataError, match="it was made from something else than %s" % other):
        convert(copy, other, **TINY)


def test_records_of_another_converter_are_not_overwritten(copy, tiny_archive):
    os.remove(os.path.join(copy, "dataset.json"))
    before = contents(copy)
    with pytest.raises(DataError, match="holds the records of another converter"):
        convert(copy, tiny_archive, **TINY)
    assert contents(copy) == before


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"splits": {}', "null"])
def test_damaged_info_is_named(copy, tiny_archive, damaged):
    path = os.path.join(copy, "dataset.json")
    with open(path, "w") as file:
        file.write(damaged)
    with pytest.raises(DataError, match="dataset.json: damaged .*remove the folder and convert"):
        convert(copy, tiny_archive, **TINY)


def test_progress_bars_end_at_the_last_photo(tiny_archive, tmp_path, capsys):
    convert(tmp_path / "flowers", tiny_archive, **TINY)
    bars = [line.split("\r")[-1] for line in capsys.readouterr().err.split("\n") if line]
    assert [bar.split(":")[0] for bar in bars] == ["checking", "writing"]
    assert all("100%" in bar and " 30/30 " in bar for bar in bars)


def test_bad_photo_is_named_counted_and_left_out(tiny_dataset, tmp_path):
    path = write_tgz(tmp_path / "tiny_photos.tgz", official_members() + [BAD_PHOTO])
    lines = []
    info = convert(tmp_path / "flowers", path, lines, **TINY)
    assert lines == [
        "not photos: 1 .txt",
        "left out: roses/bad.jpg: a web page, not a photo",
        "1 of 31 photos left out",
    ]
    assert info["left_out"] == {"roses/bad.jpg": "a web page, not a photo"}
    for split_name in ("train", "validation"):
        assert filenames(tmp_path / "flowers", split_name) == filenames(tiny_dataset, split_name)


def test_what_was_made_without_a_photo_is_an_error_when_strict(tmp_path):
    path = write_tgz(tmp_path / "a.tgz", official_members() + [BAD_PHOTO])
    convert(tmp_path / "flowers", path)
    with pytest.raises(DataError, match="flowers: was made without roses/bad.jpg: .*.--strict.$"):
        convert(tmp_path / "flowers", path, strict=True)


def test_bad_photo_is_an_error_when_strict(tmp_path):
    path = write_tgz(tmp_path / "photos.tgz", official_members() + [BAD_PHOTO])
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "flowers", path, strict=True)
    assert str(caught.value) == "%s: roses/bad.jpg: a web page, not a photo (--strict)" % path
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]


def test_bad_photo_whose_name_is_no_utf8_is_named_in_letters_that_can_be_printed(tmp_path):
    name = b"flower_photos/roses/\xe9.jpg".decode("utf-8", "surrogateescape")
    frame = Image.new("RGB", (30, 20))
    gif = encode(frame, "GIF", save_all=True, append_images=[Image.new("RGB", (30, 20), "red")])
    members = [(name, b"?"), (name.replace(".jpg", ".gif"), gif)]
    path = write_tgz(tmp_path / "photos.tgz", official_members() + members)
    lines = []
    convert(tmp_path / "flowers", path, lines)
    assert lines[1] == "roses/\\udce9.gif: only the first picture of this GIF is taken"
    assert lines[2] == "left out: roses/\\udce9.jpg: text, not a photo"


def test_photos_of_other_kinds_are_converted_so_that_training_can_decode_them(tmp_path):
    red = Image.new("RGB", (30, 20), (255, 0, 0))
    others = {
        "cmyk.jpg": encode(red.convert("CMYK")),
        "gray.jpg": encode(red.convert("L")),
        "really_a_png.jpg": encode(red, "PNG"),
        "really_a_gif.jpg": encode(red, "GIF", save_all=True, append_images=[red.rotate(30)]),
    }
    members = official_members()
    members += [("flower_photos/roses/" + name, content) for name, content in others.items()]
    path = write_tgz(tmp_path / "photos.tgz", members)
    lines = []
    info = convert(tmp_path / "flowers", path, lines, num_validation=0, num_shards=1)
    assert info["left_out"] == {}
    found = examples_by_filename(tmp_path / "flowers", "train")
    assert len(found) == 34
    assert "roses/really_a_gif.jpg: only the first picture of this GIF is taken" in lines
    for name in others:
        features = found[b"roses/" + name.encode()]
        assert list(features["image/height"].int64_list.value) == [20]
        assert list(features["image/width"].int64_list.value) == [30]
        assert list(features["image/format"].bytes_list.value) == [b"jpg"]
        with Image.open(io.BytesIO(features["image/encoded"].bytes_list.value[0])) as image:
            assert (image.format, image.size) == ("JPEG", (30, 20))
