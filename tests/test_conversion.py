import collections
import hashlib
import io
import json
import os
import resource
import shutil
import tarfile

import photo_archives
import pytest
from http_servers import serving, status, whole
from photo_archives import encode, official_members, write_tgz
from PIL import Image

import alexnet_flowers
from alexnet_flowers import conversion, dataset, download, records, sample
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import tf

TINY = {"num_validation": 5, "num_shards": 2}
BAD_PHOTO = ("flower_photos/roses/bad.jpg", b"<html>Not found</html>")

TINY_FILES = [
    "dataset.json",
    "flowers_train_00000-of-00002.tfrecord",
    "flowers_train_00001-of-00002.tfrecord",
    "flowers_validation_00000-of-00002.tfrecord",
    "flowers_validation_00001-of-00002.tfrecord",
    "labels.txt",
]


class Killed(BaseException):
    """What stands for the moment at which a process is gone."""


def convert(dataset_dir, archive, lines=None, **kwargs):
    report = (lambda line: None) if lines is None else lines.append
    return conversion.convert(str(dataset_dir), archive=str(archive), report=report, **kwargs)


def contents(folder):
    """Returns ``{file name: bytes}``."""
    found = {}
    for name in sorted(os.listdir(str(folder))):
        with open(os.path.join(str(folder), name), "rb") as file:
            found[name] = file.read()
    return found


def filenames(folder, split_name):
    return [
        tf.train.Example.FromString(record)
        .features.feature["image/filename"]
        .bytes_list.value[0]
        .decode("utf-8")
        for path in records.find_shards(str(folder), split_name)
        for record in tf.python_io.tf_record_iterator(path)
    ]


def examples_by_filename(folder, split_name):
    found = {}
    for path in records.find_shards(str(folder), split_name):
        for record in tf.python_io.tf_record_iterator(path):
            features = tf.train.Example.FromString(record).features.feature
            found[features["image/filename"].bytes_list.value[0]] = features
    return found


@pytest.fixture
def copy(tiny_dataset, tmp_path):
    """A finished dataset that a test may change."""
    return shutil.copytree(tiny_dataset, str(tmp_path / "copy"))


def test_conversion_leaves_the_shards_the_labels_and_the_info(tiny_dataset):
    assert sorted(os.listdir(tiny_dataset)) == TINY_FILES


def test_info_describes_the_dataset(tiny_dataset, tiny_archive):
    with open(os.path.join(tiny_dataset, "dataset.json"), encoding="utf-8") as file:
        info = json.load(file)
    assert info["request"] == {
        "archive": "tiny_photos.tgz",
        "num_validation": 5,
        "num_test": 0,
        "num_shards": 2,
        "seed": 0,
    }
    with open(tiny_archive, "rb") as file:
        assert info["archive_sha256"] == hashlib.sha256(file.read()).hexdigest()
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
    # The first five of the 30 sorted names after random.Random(0).shuffle.
    assert filenames(tiny_dataset, "validation") == [
        "daisy/1003_n.jpg",
        "dandelion/1004_n.jpg",
        "sunflowers/1000_n.jpg",
        "roses/1005_n.jpg",
        "daisy/1005_n.jpg",
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


def test_table_counts_the_photos_of_each_class_and_split():
    info = {
        "classes": ["daisy", "sunflowers"],
        "splits": {
            "train": {"num_photos": 12, "per_class": {"daisy": 12}},
            "validation": {"num_photos": 3, "per_class": {"sunflowers": 2, "daisy": 1}},
        },
    }
    assert conversion.table(info).split("\n") == [
        "class            train  validation         all",
        "daisy               12           1          13",
        "sunflowers           0           2           2",
        "all                 12           3          15",
    ]


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


@pytest.mark.parametrize("name", TINY_FILES[1:5])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "one_record_fewer"])
def test_damaged_shard_is_found_and_everything_converted_again(
    copy, tiny_dataset, tiny_archive, name, damage
):
    path = os.path.join(copy, name)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    os.remove(path)
    if damage == "one_record_fewer":
        intact = list(tf.python_io.tf_record_iterator(os.path.join(tiny_dataset, name)))
        with tf.python_io.TFRecordWriter(path) as writer:
            for record in intact[:-1]:
                writer.write(record)
    elif damage != "missing":
        content[len(content) // 2] ^= 0xFF
        with open(path, "wb") as file:
            file.write(content if damage == "flipped" else content[:-100])
    lines = []
    convert(copy, tiny_archive, lines, **TINY)
    assert lines == ["%s: damaged or missing; converting again" % path]
    assert contents(copy) == contents(tiny_dataset)


def test_missing_labels_are_written_again(copy, tiny_dataset, tiny_archive):
    os.remove(os.path.join(copy, "labels.txt"))
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
    with pytest.raises(DataError, match="it was made from another archive than %s" % other):
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


def kill_while_records_are_written(monkeypatch):
    calls = []

    def example(*args):
        calls.append(args)
        if len(calls) == 20:
            raise Killed
        return make_example(*args)

    make_example = records.example
    monkeypatch.setattr(records, "example", example)


def kill_while_shards_are_renamed(monkeypatch):
    def replace(source, target):
        if target.endswith("validation_00000-of-00002.tfrecord"):
            raise Killed
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", replace)


def kill_before_the_labels(monkeypatch):
    def write_labels(path, class_names):
        raise Killed

    monkeypatch.setattr(records, "write_labels", write_labels)


def kill_before_the_info_gets_its_name(monkeypatch):
    def replace(source, target):
        if target.endswith("dataset.json"):
            raise Killed
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize(
    "kill",
    [
        kill_while_records_are_written,
        kill_while_shards_are_renamed,
        kill_before_the_labels,
        kill_before_the_info_gets_its_name,
    ],
)
def test_killed_conversion_is_not_taken_for_finished_and_is_completed_by_the_next(
    tiny_dataset, tiny_archive, tmp_path, kill
):
    folder = tmp_path / "flowers"
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill(monkeypatch)
        # A process that is killed cleans nothing up.
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, **TINY)
    left = os.listdir(str(folder))
    assert "dataset.json" not in left and len(left) > 1
    for split_name in ("train", "validation"):
        with pytest.raises(DataError, match="its conversion was broken off; run scripts/download"):
            dataset.get_split(split_name, str(folder))

    convert(folder, tiny_archive, **TINY)
    assert contents(folder) == contents(tiny_dataset)


def test_killed_conversion_may_be_completed_with_other_settings(
    tiny_dataset, tiny_archive, tmp_path
):
    folder = tmp_path / "flowers"
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_before_the_labels(monkeypatch)
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, num_validation=2, num_shards=3)
    convert(folder, tiny_archive, **TINY)
    assert contents(folder) == contents(tiny_dataset)


def test_what_a_killed_conversion_left_is_gone_even_when_the_next_one_fails(tiny_archive, tmp_path):
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_before_the_info_gets_its_name(monkeypatch)
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, **TINY)
    with pytest.raises(UsageError):
        convert(folder, tiny_archive, num_validation=30)
    assert contents(folder) == {"notes.txt": b"mine"}


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
        "left out: roses/bad.jpg: not a JPEG or PNG",
        "1 of 31 photos left out",
    ]
    assert info["left_out"] == {"roses/bad.jpg": "not a JPEG or PNG"}
    for split_name in ("train", "validation"):
        assert filenames(tmp_path / "flowers", split_name) == filenames(tiny_dataset, split_name)


def test_bad_photo_is_an_error_when_strict(tmp_path):
    path = write_tgz(tmp_path / "photos.tgz", official_members() + [BAD_PHOTO])
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "flowers", path, strict=True)
    assert str(caught.value) == "%s: roses/bad.jpg: not a JPEG or PNG (--strict)" % path
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]


def test_class_of_bad_photos_only_is_no_class(tmp_path):
    members = official_members() + [("flower_photos/alien/1.jpg", b"?")]
    info = convert(tmp_path / "flowers", write_tgz(tmp_path / "photos.tgz", members))
    assert info["classes"] == photo_archives.CLASS_NAMES


def test_bad_photo_whose_name_is_no_utf8_is_named_in_letters_that_can_be_printed(tmp_path):
    name = b"flower_photos/roses/\xe9.jpg".decode("utf-8", "surrogateescape")
    path = write_tgz(tmp_path / "photos.tgz", official_members() + [(name, b"?")])
    lines = []
    convert(tmp_path / "flowers", path, lines)
    assert lines[0] == "left out: roses/\\udce9.jpg: not a JPEG or PNG"


def test_photos_of_other_kinds_are_converted_so_that_training_can_decode_them(tmp_path):
    red = Image.new("RGB", (30, 20), (255, 0, 0))
    others = {
        "cmyk.jpg": encode(red.convert("CMYK")),
        "gray.jpg": encode(red.convert("L")),
        "really_a_png.jpg": encode(red, "PNG"),
    }
    members = official_members()
    members += [("flower_photos/roses/" + name, content) for name, content in others.items()]
    path = write_tgz(tmp_path / "photos.tgz", members)
    info = convert(tmp_path / "flowers", path, num_validation=0, num_shards=1)
    assert info["left_out"] == {}
    found = examples_by_filename(tmp_path / "flowers", "train")
    assert len(found) == 33
    for name in others:
        features = found[b"roses/" + name.encode()]
        assert list(features["image/height"].int64_list.value) == [20]
        assert list(features["image/width"].int64_list.value) == [30]
        assert list(features["image/format"].bytes_list.value) == [b"jpg"]
        with Image.open(io.BytesIO(features["image/encoded"].bytes_list.value[0])) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (30, 20))


def unreadable_photos():
    return [(name, b"?") for name, _ in official_members()]


@pytest.mark.parametrize(
    "members, settings, error, expected",
    [
        (official_members() + [BAD_PHOTO], {"strict": True}, DataError, "roses/bad.jpg"),
        (official_members() + [("../up.jpg", b"")], {}, DataError, "lies outside the archive"),
        (official_members()[:1], {}, DataError, "holds no photos"),
        (unreadable_photos(), {}, DataError, "none of its photos can be decoded"),
        (
            official_members(),
            {"num_validation": 20, "num_test": 10},
            UsageError,
            "--num_validation and --num_test take 30 of 30 photos: none is left to train on",
        ),
    ],
    ids=["strict", "evil", "no_photos", "no_good_photos", "none_to_train_on"],
)
def test_nothing_is_left_behind_after_an_error(tmp_path, members, settings, error, expected):
    path = write_tgz(tmp_path / "photos.tgz", members)
    with pytest.raises(error, match=expected):
        convert(tmp_path / "new", path, **settings)
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]

    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "notes.txt").write_text("mine")
    with pytest.raises(error, match=expected):
        convert(tmp_path / "old", path, **settings)
    assert contents(tmp_path / "old") == {"notes.txt": b"mine"}


def test_truncated_archive_leaves_nothing_behind(tiny_archive, tmp_path):
    with open(tiny_archive, "rb") as file:
        (tmp_path / "cut.tgz").write_bytes(file.read()[:-5000])
    with pytest.raises(DataError, match="cut.tgz: not a complete tar archive"):
        convert(tmp_path / "flowers", tmp_path / "cut.tgz")
    assert os.listdir(str(tmp_path)) == ["cut.tgz"]


def test_ctrl_c_leaves_nothing_behind(tiny_archive, tmp_path, monkeypatch):
    def write_labels(path, class_names):
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "write_labels", write_labels)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "flowers", tiny_archive, **TINY)
    assert os.listdir(str(tmp_path)) == []


def test_full_disk_is_an_error_with_the_file_and_leaves_nothing_behind(
    tiny_archive, tmp_path, monkeypatch
):
    def write_split_without_room(*args):
        # What TensorFlow's writer meets first is the limit, as it would be the end of the disk.
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        try:
            return write_split(*args)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    write_split = conversion._write_split
    monkeypatch.setattr(conversion, "_write_split", write_split_without_room)
    folder = tmp_path / "flowers"
    with pytest.raises(DataError) as caught:
        convert(folder, tiny_archive, **TINY)
    assert str(caught.value) == (
        "%s: cannot be written (File too large); make room or choose another --dataset_dir"
        % (folder / "flowers_train_00000-of-00002.tfrecord.partial")
    )
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"num_validation": -1}, "--num_validation=-1: must be at least 0"),
        ({"num_test": -3}, "--num_test=-3: must be at least 0"),
        ({"num_shards": 0}, "--num_shards=0: must be at least 1"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_first(tmp_path, settings, expected):
    with pytest.raises(UsageError) as caught:
        convert(tmp_path / "flowers", tmp_path / "nowhere.tgz", **settings)
    assert str(caught.value) == expected
    assert os.listdir(str(tmp_path)) == []


def test_missing_archive_is_an_error_before_anything_is_made(tmp_path):
    path = str(tmp_path / "nowhere.tgz")
    with pytest.raises(DataError) as caught:
        convert(tmp_path / "flowers", path)
    assert str(caught.value) == "--archive %s: no such file, and not a URL" % path
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_to_is_named(tiny_archive, tmp_path):
    folder = tmp_path / "flowers"
    folder.mkdir()
    folder.chmod(0o555)
    with pytest.raises(PermissionError) as caught:
        convert(folder, tiny_archive, **TINY)
    assert caught.value.filename == str(folder / "dataset.json.partial")
    assert os.listdir(str(folder)) == []


def test_folder_below_a_file_is_named(tiny_archive, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError) as caught:
        convert(tmp_path / "file" / "flowers", tiny_archive, **TINY)
    assert caught.value.filename == str(tmp_path / "file" / "flowers")


def test_archive_of_a_url_is_downloaded_converted_and_removed(tiny_archive, tmp_path):
    with open(tiny_archive, "rb") as file:
        body = file.read()
    with serving({"/photos/tiny_photos.tgz": [whole(body)]}) as server:
        url = server.url + "/photos/tiny_photos.tgz"
        info = convert(tmp_path / "removed", url, **TINY)
        convert(tmp_path / "kept", url, keep_archive=True, **TINY)
        assert len(server.requests) == 2
    assert info["request"]["archive"] == "tiny_photos.tgz"
    assert sorted(os.listdir(str(tmp_path / "removed"))) == TINY_FILES
    kept = contents(tmp_path / "kept")
    assert kept.pop("tiny_photos.tgz") == body
    assert kept == contents(tmp_path / "removed")


def test_local_archive_is_never_removed(tiny_archive, tmp_path):
    path = shutil.copy(tiny_archive, str(tmp_path))
    convert(tmp_path, path, **TINY)
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES + ["tiny_photos.tgz"]


def test_url_that_delivers_no_archive_leaves_nothing_behind(tmp_path):
    with serving({"/photos.tgz": [whole(b"<html>Hello</html>")]}) as server:
        with pytest.raises(DataError, match="photos.tgz: not a complete tar archive"):
            convert(tmp_path / "flowers", server.url + "/photos.tgz")
    assert os.listdir(str(tmp_path)) == []


def test_interrupted_download_without_a_digest_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(partial, size, sha256):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_verify", interrupted)
    with serving({"/photos.tgz": [whole(b"half of it")]}) as server:
        with pytest.raises(KeyboardInterrupt):
            convert(tmp_path / "flowers", server.url + "/photos.tgz")
    assert os.listdir(str(tmp_path)) == []


def pretend_official(monkeypatch, server, body):
    """Makes two URLs of a server the official ones, and ``body`` the official archive."""
    url, mirror = server.url + "/flower_photos.tgz", server.url + "/mirror/flower_photos.tgz"
    monkeypatch.setattr(conversion, "_OFFICIAL", (url, mirror))
    monkeypatch.setattr(download, "OFFICIAL_URL", url)
    monkeypatch.setattr(download, "OFFICIAL_SIZE", len(body))
    monkeypatch.setattr(download, "OFFICIAL_SHA256", hashlib.sha256(body).hexdigest())
    return url


def test_official_archive_comes_from_the_mirror_when_it_has_to(tiny_archive, tmp_path, monkeypatch):
    with open(tiny_archive, "rb") as file:
        body = file.read()
    answers = {"/flower_photos.tgz": [status(404)], "/mirror/flower_photos.tgz": [whole(body)]}
    with serving(answers) as server:
        info = convert(tmp_path, pretend_official(monkeypatch, server, body), **TINY)
    assert info["archive_sha256"] == download.OFFICIAL_SHA256
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES


def test_official_archive_with_another_digest_is_never_opened(tiny_archive, tmp_path, monkeypatch):
    with open(tiny_archive, "rb") as file:
        body = file.read()
    wrong = whole(body[:-1] + b"?")
    answers = {"/flower_photos.tgz": [wrong], "/mirror/flower_photos.tgz": [wrong]}
    monkeypatch.setattr(tarfile, "open", None)
    with serving(answers) as server:
        with pytest.raises(DataError, match="its sha256 is .*; .*its sha256 is"):
            convert(tmp_path / "flowers", pretend_official(monkeypatch, server, body), **TINY)
    assert os.listdir(str(tmp_path)) == []


def test_official_archive_is_downloaded_once_when_the_conversion_fails(
    tiny_archive, tmp_path, monkeypatch
):
    with open(tiny_archive, "rb") as file:
        body = file.read()
    with serving({"/flower_photos.tgz": [whole(body), status(404)]}) as server:
        url = pretend_official(monkeypatch, server, body)
        with pytest.raises(UsageError, match="none is left to train on"):
            convert(tmp_path, url, num_validation=30)
        assert os.listdir(str(tmp_path)) == ["flower_photos.tgz"]
        convert(tmp_path, url, **TINY)
        assert len(server.requests) == 1
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES


def test_sample_is_the_same_bytes_for_the_same_seed(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        sample.write_archive(str(tmp_path / name), photos_per_class=2, seed=seed)
    found = contents(tmp_path)
    assert sorted(found) == ["a", "b", "c"]
    assert found["a"] == found["b"] != found["c"]


def test_sample_is_in_the_official_layout(tmp_path):
    sample.write_archive(str(tmp_path / "sample.tar"), photos_per_class=2)
    with tarfile.open(str(tmp_path / "sample.tar")) as tar:
        drawn = {member.name: tar.extractfile(member).read() for member in tar}
    assert sorted(drawn) == [
        "flower_photos/%s/drawn_%04d.jpg" % (class_name, number)
        for class_name in photo_archives.CLASS_NAMES
        for number in range(2)
    ]
    assert len(set(drawn.values())) == 10
    for content in drawn.values():
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (320, 240))


def test_sample_is_converted_like_any_archive(tmp_path, monkeypatch):
    def write_few(path):
        write_archive(path, photos_per_class=4)

    write_archive = sample.write_archive
    monkeypatch.setattr(sample, "write_archive", write_few)
    folder, lines = str(tmp_path / "sample"), []
    info = conversion.convert(folder, use_sample=True, report=lines.append)
    assert lines == ["drawing the built-in sample"]
    assert info["request"]["archive"] == "the built-in sample"
    assert info["classes"] == photo_archives.CLASS_NAMES
    assert {name: s["num_photos"] for name, s in info["splits"].items()} == {
        "train": 18,
        "validation": 2,
    }
    assert not [name for name in os.listdir(folder) if name.endswith((".tar", ".partial"))]
    conversion.convert(folder, use_sample=True, report=lines.append)
    assert "finished already" in lines[1]


def test_sample_that_cannot_be_split_leaves_nothing_behind(tmp_path, monkeypatch):
    def write_few(path):
        write_archive(path, photos_per_class=1)

    write_archive = sample.write_archive
    monkeypatch.setattr(sample, "write_archive", write_few)
    with pytest.raises(UsageError, match="take 5 of 5 photos"):
        convert(tmp_path / "sample", "", use_sample=True, num_validation=5)
    assert os.listdir(str(tmp_path)) == []


def test_interrupted_drawing_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(class_name, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "sample", "", use_sample=True)
    assert os.listdir(str(tmp_path)) == []
