"""What is left out of damaged shards, or let in, is known record by record."""

import collections
import gzip
import os
import shutil
import struct

import pytest
from bad_shards import change, flip, set_label, set_photo, shards, start_of, with_size_told
from queues import started
from shard_files import read, write

from alexnet_flowers.data import dataset, photos, record_check, record_frames, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import slim, tf


@pytest.fixture
def of_another_converter(copy):
    """The same without ``dataset.json``, so that nothing says how many photos there should be."""
    os.remove(os.path.join(copy, "dataset.json"))
    return copy


@pytest.mark.parametrize(
    "how, reason",
    [
        (set_label(5), "the label is 5, not one of 0 to 4"),
        (set_label(-1), "the label is -1, not one of 0 to 4"),
        (set_photo(b""), "the photo is of no use: an empty file"),
        (set_photo(b"<html>"), "the photo is of no use: not a JPEG"),
        (lambda f: f["image/encoded"].Clear(), "the feature image/encoded is missing"),
        (
            lambda f: f["image/class/label"].bytes_list.value.append(b"1"),
            "the feature image/class/label is not one value of a int64_list",
        ),
    ],
)
def test_the_shard_the_number_and_the_reason_are_told(of_another_converter, how, reason):
    path = shards(of_another_converter)[1]
    change(path, 3, how)
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", of_another_converter)
    assert str(caught.value) == (
        "%s: record 3: %s; convert again, or train and evaluate without: --skip_bad_records 1"
        % (path, reason)
    )


@pytest.mark.parametrize("length", [2**60, 2**63 + 5, 2**64 - 1, 2**33])
def test_a_length_for_which_there_is_no_memory_is_told_before_it_is_read(copy, length):
    path = shards(copy)[0]
    os.truncate(path, start_of(path, 12))
    header = struct.pack("<Q", length)
    with open(path, "ab") as file:
        file.write(header + struct.pack("<I", record_frames._masked_crc32c(header)) + b"x" * 50)
    with_size_told(path)
    with pytest.raises(DataError, match="%s: record 12: cut off; convert again" % path):
        dataset.get_split("train", copy)
    lines = []
    dataset.get_split("train", copy, skip_bad_records=1, report=lines.append)
    assert lines == ["skipped: %s: record 12: cut off" % path]
    with pytest.raises(DataError, match="damaged after record 12 .cut off."):
        records.count_records(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda payload: b"\xff" * 100,
        lambda payload: payload[:-3],
        lambda payload: payload.replace(b"image/class", b"image/\xff\xfeass"),
    ],
)
def test_what_is_no_example_is_told_before_tensorflow_reads_it(copy, capfd, damage):
    path = shards(copy)[0]
    payloads = read(path)
    payloads[2] = damage(payloads[2])
    write(path, payloads)
    with_size_told(path)
    with pytest.raises(DataError, match="%s: record 2: not a tf.train.Example; conv" % path):
        dataset.get_split("train", copy)
    split = dataset.get_split("train", copy, skip_bad_records=1, report=lambda line: None)
    assert split.num_samples == 24
    assert capfd.readouterr().err == ""


def test_a_photo_that_only_tensorflow_does_not_decode_is_found(copy):
    """Pillow fills its missing end with gray; training sees it whole or in part."""
    path = shards(copy)[0]
    encoded = photos_of(path)[1]
    change(path, 1, set_photo(encoded.replace(b"\xff\xdb\0\x43", b"\xff\xdb\0\2", 1)))
    split = dataset.get_split("train", copy)
    reason = "%s: record 1: the photo is of no use: cannot be decoded: " % path
    assert record_check.explanation(split).startswith(reason)
    lines = []
    dataset.get_split("train", copy, skip_bad_records=1, report=lines.append)
    assert len(lines) == 1 and lines[0].startswith("skipped: " + reason)


def photos_of(path):
    return [record.encoded for record in records.read_shard(path)]


def test_one_line_a_skipped_record_and_the_others_are_read(copy):
    first, second = shards(copy)
    payloads = read(first)
    for number in (2, 3, 7):
        flip(first, sum(len(payload) + 16 for payload in payloads[:number]) + 100)
    lines = []
    split = dataset.get_split("train", copy, skip_bad_records=3, report=lines.append)
    assert lines == [
        "skipped: %s: record %d: its checksum does not fit its bytes" % (first, number)
        for number in (2, 3, 7)
    ]
    assert split.num_samples == 22 and split.data_sources[1] == second
    left = [payload for number, payload in enumerate(payloads) if number not in (2, 3, 7)]
    assert read(split.data_sources[0]) == left
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", copy, skip_bad_records=2, report=pytest.fail)
    assert str(caught.value) == (
        "3 bad records, --skip_bad_records allows 2; the first: %s: record 2: its checksum does "
        "not fit its bytes; convert again, or train and evaluate without: --skip_bad_records 3"
        % first
    )


def test_copies_without_bad_records_are_read_epoch_after_epoch(copy):
    flip(shards(copy)[0], 100)
    with tf.Graph().as_default() as graph:
        split = dataset.get_split("train", copy, skip_bad_records=1, report=lambda line: None)
        provider = slim.dataset_data_provider.DatasetDataProvider(split, num_epochs=3)
        (filename,) = provider.get(["filename"])
    seen = collections.Counter()
    with started(graph) as (session, _):
        for _ in range(3 * 24):
            seen[session.run(filename)] += 1
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(filename)
    assert len(seen) == 24 and set(seen.values()) == {3}


def test_a_dataset_of_this_project_is_not_examined_without_need(copy, monkeypatch):
    monkeypatch.setattr(record_check, "examine", pytest.fail)
    assert dataset.get_split("train", copy).num_samples == 25


def test_photos_of_a_split_are_not_handed_out_with_a_bad_one(copy):
    change(shards(copy, "validation")[0], 1, set_label(5))
    with pytest.raises(DataError, match="record 1: the label is 5, not one of 0 to 4"):
        photos.from_split(copy, "validation")


def test_a_shard_that_is_packed_by_gzip_says_so(of_another_converter):
    path = shards(of_another_converter)[0]
    with open(path, "rb") as file:
        content = gzip.compress(file.read())
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(DataError, match="it is packed by gzip and has to be unpacked first"):
        dataset.get_split("train", of_another_converter)


def test_behind_a_damaged_length_all_are_lost_and_counted(copy):
    path = shards(copy)[1]
    flip(path, start_of(path, 4) + 2)
    lines = []
    assert (
        dataset.get_split("train", copy, skip_bad_records=8, report=lines.append).num_samples == 17
    )
    (line,) = lines
    assert ": records 4 to 11: its length is damaged" in line
    os.remove(os.path.join(copy, "dataset.json"))
    with pytest.raises(DataError, match="record 4 and all behind it: .*; convert again$"):
        dataset.get_split("train", copy, skip_bad_records=1000)


def test_a_split_that_dataset_json_does_not_know_is_refused(copy):
    for path in shards(copy, "validation"):
        shutil.copy(path, path.replace("validation", "test"))
    with pytest.raises(DataError, match="dataset.json does not name this shard"):
        dataset.get_split("test", copy)


def test_nothing_but_bad_records_is_an_error(of_another_converter):
    for path in shards(of_another_converter):
        for number in range(len(read(path))):
            change(path, number, set_label(9))
    with pytest.raises(DataError, match="the split 'train' holds no photos"):
        dataset.get_split(
            "train", of_another_converter, skip_bad_records=25, report=lambda line: None
        )
