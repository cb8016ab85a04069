"""``dataset.json`` as its readers need it: every other content is one line."""

import json
import os

import pytest
from conversions import contents

from alexnet_flowers import lock
from alexnet_flowers.data import dataset, manifest
from alexnet_flowers.errors import DataError

SHARD = "flowers_train_00000-of-00002.tfrecord"


@pytest.fixture
def write(tmp_path):
    """Writes a ``dataset.json``: bytes as they are, anything else as JSON."""

    def write(content):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode("ascii")
        (tmp_path / "dataset.json").write_bytes(content)
        return str(tmp_path)

    return write


@pytest.fixture
def info(tiny_dataset):
    """A sound content that a test may change."""
    return manifest.read(tiny_dataset)


def refusal(dataset_dir):
    """Returns why a ``dataset.json`` is refused, without the words around it."""
    with pytest.raises(DataError) as caught:
        manifest.read(dataset_dir)
    before = "%s: damaged (" % os.path.join(dataset_dir, "dataset.json")
    after = "); remove the folder and convert again"
    message = str(caught.value)
    assert message.startswith(before) and message.endswith(after) and "\n" not in message
    return message[len(before) : -len(after)]


def test_a_sound_one_is_read_as_it_was_written(write, info):
    assert manifest.read(write(info)) == info
    assert info["request"]["archive"] == "tiny_photos.tgz"
    assert manifest.num_photos(info) == 30


def test_what_no_reader_needs_may_be_anything(write, info):
    info.update(versions=None, more=[1])
    assert manifest.read(write(info)) == info


def test_without_one_there_is_no_info(tmp_path):
    assert manifest.read(str(tmp_path)) is None


def test_a_conversion_goes_from_unfinished_to_finished_and_back(tmp_path, info):
    folder = str(tmp_path)
    assert not manifest.is_unfinished(folder)
    manifest.begin(folder, info["request"])
    assert manifest.is_unfinished(folder)
    with pytest.raises(DataError, match="its conversion was broken off"):
        manifest.read(folder)
    manifest.finish(folder, info)
    assert list(contents(folder)) == ["dataset.json"] and manifest.read(folder) == info
    manifest.reopen(folder)
    assert list(contents(folder)) == ["dataset.json.partial"]
    manifest.forget(folder)
    assert contents(folder) == {}


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "Expecting value"),
        (b"\xff{}", "can't decode byte 0xff"),
        (b"[" * 100000, "recursion"),
        (b"null", "its content is not a mapping"),
        (b"[]", "its content is not a mapping"),
        (b"{}", "request is missing"),
    ],
    ids=["empty", "not_utf8", "deep", "null", "list", "nothing"],
)
def test_what_is_no_mapping_is_refused(write, content, problem):
    assert problem in refusal(write(content))


@pytest.mark.parametrize(
    "keys, value, problem",
    [
        (["request"], [], "request is not a mapping"),
        (["request", "seed"], None, "request.seed is not a whole number"),
        (["request", "seed"], 0.5, "request.seed is not a whole number"),
        (["request", "seed"], True, "request.seed is not a whole number"),
        (["request", "archive"], 3, "request.archive is not a text"),
        (
            ["request", "num_validation"],
            None,
            "request.num_validation is not a whole number from 0",
        ),
        (["archive_sha256"], None, "archive_sha256 is not a text"),
        (["classes"], {"daisy": 0}, "classes is not a list"),
        (["classes"], ["daisy", 1], "classes[1] is not a text"),
        (["classes"], [], "classes is empty"),
        (["left_out"], [], "left_out is not a mapping"),
        (
            ["left_out"],
            {"flower_photos/rose.jpg": 5},
            "left_out['flower_photos/rose.jpg'] is not a text",
        ),
        (["splits"], ["train"], "splits is not a mapping"),
        (["splits", "train"], 25, "splits['train'] is not a mapping"),
        (["splits", "train"], {}, "splits['train'].num_photos is missing"),
        (
            ["splits", "train", "num_photos"],
            -25,
            "splits['train'].num_photos is not a whole number from 0",
        ),
        (
            ["splits", "train", "num_photos"],
            float("nan"),
            "splits['train'].num_photos is not a whole number from 0",
        ),
        (
            ["splits", "train", "num_photos"],
            24,
            "splits['train']: 24 photos, but 25 by class and 25 by shard",
        ),
        (
            ["splits", "train", "per_class", "tulips"],
            100,
            "splits['train']: 25 photos, but 120 by class and 25 by shard",
        ),
        (
            ["splits", "train", "per_class", "weeds"],
            0,
            "splits['train'].per_class: 'weeds' is not one of classes",
        ),
        (
            ["splits", "train", "shards", SHARD],
            13,
            "splits['train'].shards['%s'] is not a mapping" % SHARD,
        ),
        (
            ["splits", "train", "shards", SHARD, "num_records"],
            12,
            "splits['train']: 25 photos, but 25 by class and 24 by shard",
        ),
        (
            ["splits", "train", "shards", SHARD, "num_bytes"],
            "1",
            "splits['train'].shards['%s'].num_bytes is not a whole number from 0" % SHARD,
        ),
    ],
)
def test_what_readers_cannot_use_is_named(write, info, keys, value, problem):
    part = info
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    assert refusal(write(info)) == problem


def test_a_conversion_under_way_is_not_called_broken_off(tmp_path, info):
    manifest.begin(str(tmp_path), info["request"])
    with lock.held(str(tmp_path), "converted"):
        with pytest.raises(DataError, match="is being converted by another process; wait"):
            manifest.read(str(tmp_path))
    with pytest.raises(DataError, match="its conversion was broken off"):
        manifest.read(str(tmp_path))


def test_get_split_says_the_same(write, info):
    info["splits"]["train"]["shards"] = []
    folder = write(info)
    assert refusal(folder) == "splits['train'].shards is not a mapping"
    with pytest.raises(DataError, match="splits..train...shards is not a mapping"):
        dataset.get_split("train", folder)


def test_table_counts_the_photos_of_each_class_and_split():
    info = {
        "classes": ["daisy", "sunflowers"],
        "splits": {
            "train": {"num_photos": 12, "per_class": {"daisy": 12}},
            "validation": {"num_photos": 3, "per_class": {"sunflowers": 2, "daisy": 1}},
        },
    }
    assert manifest.table(info).split("\n") == [
        "class            train  validation         all",
        "daisy               12           1          13",
        "sunflowers           0           2           2",
        "all                 12           3          15",
    ]


def test_table_has_the_splits_in_one_order_before_and_after_they_are_written(info):
    info["splits"] = dict(sorted(info["splits"].items(), reverse=True))
    assert manifest.table(info).split("\n")[0].split() == ["class", "train", "validation", "all"]
