import io
import os

import photo_archives
import pytest
import shard_files
from PIL import Image

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf

# Around the payload of each record: its length, a checksum of that, and one of the payload.
HEADER_BYTES, FOOTER_BYTES = 12, 4


def touch_shards(folder, split_name, num_shards):
    for name in records.shard_filenames(split_name, num_shards):
        (folder / name).write_bytes(b"")


def test_shards_have_the_names_of_the_reference():
    assert records.shard_filenames("validation", 5) == [
        "flowers_validation_00000-of-00005.tfrecord",
        "flowers_validation_00001-of-00005.tfrecord",
        "flowers_validation_00002-of-00005.tfrecord",
        "flowers_validation_00003-of-00005.tfrecord",
        "flowers_validation_00004-of-00005.tfrecord",
    ]


@pytest.mark.parametrize(
    "num_records, num_shards, expected",
    [
        (3320, 5, [664] * 5),
        (350, 5, [70] * 5),
        (25, 2, [13, 12]),
        (11, 5, [3, 3, 3, 2, 0]),
        (3, 5, [1, 1, 1, 0, 0]),
        (0, 2, [0, 0]),
        (7, 1, [7]),
    ],
)
def test_shards_hold_as_many_records_as_the_references(num_records, num_shards, expected):
    assert records.shard_sizes(num_records, num_shards) == expected


def test_example_has_the_references_features_and_the_filename():
    content = records.example(b"\xff\xd8 jpeg", 240, 320, 3, "rosés/1.jpg")
    features = tf.train.Example.FromString(content).features.feature
    assert {name: feature.WhichOneof("kind") for name, feature in features.items()} == {
        "image/encoded": "bytes_list",
        "image/format": "bytes_list",
        "image/class/label": "int64_list",
        "image/height": "int64_list",
        "image/width": "int64_list",
        "image/filename": "bytes_list",
    }
    assert list(features["image/encoded"].bytes_list.value) == [b"\xff\xd8 jpeg"]
    assert list(features["image/format"].bytes_list.value) == [b"jpg"]
    assert list(features["image/class/label"].int64_list.value) == [3]
    assert list(features["image/height"].int64_list.value) == [240]
    assert list(features["image/width"].int64_list.value) == [320]
    assert list(features["image/filename"].bytes_list.value) == ["rosés/1.jpg".encode()]


def test_filename_that_is_no_utf8_keeps_its_bytes():
    name = b"roses/\xe9.jpg"
    content = records.example(b"", 1, 1, 0, name.decode("utf-8", "surrogateescape"))
    features = tf.train.Example.FromString(content).features.feature
    assert list(features["image/filename"].bytes_list.value) == [name]


def test_example_is_the_same_bytes_every_time():
    # A protocol buffer's map has no order of its own.
    assert len({records.example(b"x", 1, 2, 3, "a/b.jpg") for _ in range(50)}) == 1


def test_every_record_of_a_dataset_is_a_photo_of_the_archive(tiny_dataset):
    photos = photo_archives.official_photos()
    counts = []
    for split_name in ("train", "validation"):
        for path in records.find_shards(tiny_dataset, split_name):
            examples = shard_files.examples(path)
            counts.append(len(examples))
            for found in examples:
                features = found.features.feature
                filename = features["image/filename"].bytes_list.value[0].decode("utf-8")
                content = photos.pop(filename)  # No photo is there twice.
                with Image.open(io.BytesIO(content)) as image:
                    width_px, height_px = image.size
                label = photo_archives.CLASS_NAMES.index(filename.split("/")[0])
                assert found == tf.train.Example.FromString(
                    records.example(content, height_px, width_px, label, filename)
                )
    assert counts == [13, 12, 3, 2]
    assert photos == {}


def test_labels_are_read_back(tmp_path):
    names = ["daisy", "12:30", "rosés", b"\xe9".decode("utf-8", "surrogateescape")]
    records.write_labels(str(tmp_path / "labels.txt"), names)
    assert (tmp_path / "labels.txt").read_bytes() == (
        b"0:daisy\n1:12:30\n2:" + "rosés".encode() + b"\n3:\xe9\n"
    )
    assert records.read_labels(str(tmp_path)) == dict(enumerate(names))


def test_labels_of_the_flowers_are_the_references(tiny_dataset):
    with open(os.path.join(tiny_dataset, "labels.txt"), "rb") as file:
        assert file.read() == b"0:daisy\n1:dandelion\n2:roses\n3:sunflowers\n4:tulips\n"


def test_windows_line_ends_are_read(tmp_path):
    (tmp_path / "labels.txt").write_bytes(b"0:daisy\r\n1:roses\r\n")
    assert records.read_labels(str(tmp_path)) == {0: "daisy", 1: "roses"}


@pytest.mark.parametrize(
    "content, expected",
    [
        ("0:daisy\nroses\n", "labels.txt, line 2: 'roses' is not <id>:<name>"),
        ("daisy:0\n", "labels.txt, line 1: 'daisy:0' is not <id>:<name>"),
        ("-1:daisy\n", "labels.txt, line 1: '-1:daisy' is not <id>:<name>"),
        ("²:daisy\n", "labels.txt, line 1: '²:daisy' is not <id>:<name>"),
        ("0:daisy\n0:roses\n", "labels.txt, line 2: the id 0 is there twice"),
        ("0:daisy\n1:daisy\n", "labels.txt, line 2: the class 'daisy' is there twice"),
        ("0:daisy\n2:roses\n", "labels.txt: the ids are not 0, 1, 2, ..."),
        ("1:daisy\n2:tulips\n", "labels.txt: the ids run from 1 to 2, not from 0"),
        ("\n", "labels.txt: the ids are not 0, 1, 2, ..."),
        pytest.param("9" * 5000 + ":daisy\n", "is not <id>:<name>", id="long_id"),
    ],
)
def test_bad_labels_are_named(tmp_path, content, expected):
    (tmp_path / "labels.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        records.read_labels(str(tmp_path))
    assert expected in str(caught.value)


def test_missing_labels_say_what_to_run(tmp_path):
    touch_shards(tmp_path, "train", 1)
    with pytest.raises(DataError) as caught:
        records.read_labels(str(tmp_path))
    assert str(caught.value) == (
        "%s: missing; the conversion did not finish: run scripts/download_and_convert.py "
        "--dataset_dir %s" % (tmp_path / "labels.txt", tmp_path)
    )


def test_shards_are_found_in_order(tmp_path):
    touch_shards(tmp_path, "train", 12)
    touch_shards(tmp_path, "validation", 2)
    (tmp_path / "flowers_train_00000-of-00012.tfrecord.partial").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert records.find_splits(str(tmp_path)) == ["train", "validation"]
    assert records.find_shards(str(tmp_path), "train") == [
        str(tmp_path / ("flowers_train_%05d-of-00012.tfrecord" % shard)) for shard in range(12)
    ]


def test_unknown_split_is_told_which_ones_there_are(tmp_path):
    touch_shards(tmp_path, "train", 2)
    touch_shards(tmp_path, "validation", 2)
    with pytest.raises(DataError, match=r"no shards of the split 'test' \(there: train, valid"):
        records.find_shards(str(tmp_path), "test")


def test_folder_without_shards_is_told_what_to_run(tmp_path):
    with pytest.raises(DataError, match="converted photos; run scripts/download_and_convert.py"):
        records.find_shards(str(tmp_path), "train")


def test_missing_shards_are_named(tmp_path):
    touch_shards(tmp_path, "train", 5)
    for shard in (1, 4):
        (tmp_path / ("flowers_train_%05d-of-00005.tfrecord" % shard)).unlink()
    with pytest.raises(DataError) as caught:
        records.find_shards(str(tmp_path), "train")
    assert str(caught.value) == (
        "%s: the shard flowers_train_00001-of-00005.tfrecord, "
        "flowers_train_00004-of-00005.tfrecord is missing; convert again" % tmp_path
    )


def test_shards_of_two_conversions_are_not_mixed(tmp_path):
    touch_shards(tmp_path, "train", 2)
    touch_shards(tmp_path, "train", 5)
    with pytest.raises(DataError, match=r"mixed \(of 2, of 5\); convert into an empty folder"):
        records.find_shards(str(tmp_path), "train")


def test_records_are_counted(tiny_dataset, tmp_path):
    paths = records.find_shards(tiny_dataset, "train")
    assert [records.count_records(path) for path in paths] == [13, 12]
    assert records.count_records(shard_files.write(tmp_path / "empty.tfrecord", [])) == 0


@pytest.mark.parametrize("part", ["header", "payload", "footer"])
def test_flipped_byte_is_found_and_its_record_named(tmp_path, part):
    path = shard_files.write(tmp_path / "shard.tfrecord", [b"a" * 100] * 5)
    record_bytes = HEADER_BYTES + 100 + FOOTER_BYTES
    at = {"header": 0, "payload": HEADER_BYTES + 50, "footer": HEADER_BYTES + 100}[part]
    with open(path, "r+b") as file:
        file.seek(3 * record_bytes + at)
        file.write(b"?")
    with pytest.raises(DataError, match="shard.tfrecord: damaged after record 3 .*convert again"):
        records.count_records(path)


@pytest.mark.parametrize("cut_at", [1, HEADER_BYTES, HEADER_BYTES + 50, HEADER_BYTES + 100])
def test_truncated_shard_is_found(tmp_path, cut_at):
    path = shard_files.write(tmp_path / "shard.tfrecord", [b"a" * 100] * 5)
    with open(path, "r+b") as file:
        file.truncate(4 * (HEADER_BYTES + 100 + FOOTER_BYTES) + cut_at)
    with pytest.raises(DataError, match="damaged after record 4"):
        records.count_records(path)


def test_a_record_that_is_not_of_a_photo_is_named(tmp_path):
    good = records.example(b"jpeg", 1, 1, 2, "a/b.jpg")
    foreign = tf.train.Example().SerializeToString()
    for content, number in (([good, b"\xff\xff"], 1), ([foreign], 0), ([good, good, foreign], 2)):
        path = shard_files.write(tmp_path / "shard", content)
        with pytest.raises(DataError, match="shard: record %d is not of a photo" % number):
            list(records.read_shard(path))
