"""Damaged shards: every mutant is found, and what is left out or let in is known record by record.

A mutant is a copy of a small dataset with one thing changed in one shard, drawn by a seed.
"""

import collections
import gzip
import json
import os
import random
import re
import shutil
import struct

import conversions
import photo_archives
import pytest
from PIL import Image
from processes import one_error
from queues import started
from shard_files import read, write

from alexnet_flowers.data import dataset, manifest, photos, record_check, record_frames, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import slim, tf

SMALL = ["--batch_size=2", "--image_size=195", "--common_queue_min=4", "--common_queue_capacity=8"]
SMALL += ["--max_number_of_steps=2", "--dataset_dir=data"]


@pytest.fixture
def of_another_converter(copy):
    """The same without ``dataset.json``, so that nothing says how many photos there should be."""
    os.remove(os.path.join(copy, "dataset.json"))
    return copy


def shards(folder, split_name="train"):
    return records.find_shards(folder, split_name)


def flip(path, at, mask=0xFF):
    with open(path, "r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def change(path, number, how):
    """Writes a shard anew, one record changed by ``how(feature)``; returns its number."""
    payloads = read(path)
    example = tf.train.Example.FromString(payloads[number])
    how(example.features.feature)
    payloads[number] = example.SerializeToString(deterministic=True)
    write(path, payloads)
    return number


def set_label(value):
    def how(feature):
        feature["image/class/label"].int64_list.value[0] = value

    return how


def set_photo(encoded):
    def how(feature):
        feature["image/encoded"].bytes_list.value[0] = encoded

    return how


def start_of(path, number):
    return sum(len(payload) + 16 for payload in read(path)[:number])


# The mutations. Those of one record return its number. Where no dataset.json says what there should
# be, nobody can know that whole records are gone or are others.


def flip_a_byte(path, draw, others):
    flip(path, draw.randrange(os.path.getsize(path)), draw.randrange(1, 256))


def truncate(path, draw, others):
    ends = {start_of(path, number) for number in range(len(read(path)))}
    os.truncate(path, draw.choice(sorted(set(range(os.path.getsize(path))) - ends)))


def append_garbage(path, draw, others):
    with open(path, "ab") as file:
        file.write(bytes(draw.randrange(256) for _ in range(draw.randrange(1, 40))))


def truncate_between_records(path, draw, others):
    os.truncate(path, start_of(path, draw.randrange(len(read(path)))))


def swap_in_another(path, draw, others):
    shutil.copy(draw.choice(others), path)


def remove(path, draw, others):
    os.remove(path)


def drop_a_record(path, draw, others):
    payloads = read(path)
    del payloads[draw.randrange(len(payloads))]
    write(path, payloads)


def wrong_label(path, draw, others):
    label = draw.choice([5, 6, 127, -1, draw.randrange(128, 2**63), -(2**63)])
    return change(path, draw.randrange(len(read(path))), set_label(label))


def missing_feature(path, draw, others):
    name = draw.choice(["image/encoded", "image/class/label"])

    def how(feature):
        kind = draw.randrange(3)
        if kind == 0:
            del feature[name]
        elif kind == 1:
            feature[name].Clear()
        else:
            feature[name].float_list.value.append(1.0)

    return change(path, draw.randrange(len(read(path))), how)


def useless_photo(path, draw, others):
    photo = photo_archives.draw("roses", 1)
    gif = photo_archives.encode(Image.new("P", (20, 20)), "GIF")
    png = photo_archives.encode(Image.new("RGB", (20, 20)), "PNG")
    cut = photo[: draw.randrange(1, len(photo) * 9 // 10)]
    encoded = draw.choice([b"", b"<html>Not found</html>", gif, png, cut, cut, cut])
    return change(path, draw.randrange(len(read(path))), set_photo(encoded))


SEEN_BY_THEMSELVES = [flip_a_byte] * 4 + [truncate] * 2
SEEN_BY_THEMSELVES += [append_garbage, wrong_label, missing_feature, useless_photo, remove]
SEEN_BY_WHAT_WAS_WRITTEN = [truncate_between_records, swap_in_another, drop_a_record]


class Pipeline:
    """Slim's queues over the train split, built once and run again and again."""

    def __init__(self, folder):
        self._graph = tf.Graph()
        with self._graph.as_default():
            self.split = dataset.get_split("train", folder)
            self._labels = pipeline.evaluation_batches(self.split, 5, 32).labels
            self._init = tf.local_variables_initializer()

    def read(self):
        """Returns the number of photos that come out; raises what stops it."""
        number = 0
        with tf.Session(graph=self._graph) as session, self._graph.as_default():
            session.run(self._init)
            coordinator = tf.train.Coordinator()
            threads = tf.train.start_queue_runners(session, coordinator)
            try:
                while True:
                    number += len(session.run(self._labels))
            except tf.errors.OutOfRangeError:
                pass
            coordinator.request_stop()
            coordinator.join(threads)
        return number


def why_it_stops(folder, reading):
    """Returns how reading a split ends, without a record being allowed to be bad."""
    try:
        dataset.get_split("train", folder)
    except DataError as error:
        return str(error)
    with pytest.raises(tf.errors.OpError):
        assert reading.read() is None, "nothing stopped it"
    return record_check.explanation(reading.split)


def numbers_of(lines):
    """Returns the numbers of all records that are reported."""
    numbers = set()
    for line in lines:
        first, last = re.search(r": records? (\d+)(?: to (\d+))?: ", line).groups()
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


@pytest.mark.soak
def test_every_mutant_is_found_and_what_is_left_is_as_it_was(copy, trials, tally):
    contents = conversions.contents(copy)
    paths = shards(copy)
    payloads = {path: read(path) for path in paths}
    reading = Pipeline(copy)
    assert reading.read() == 25
    for seed in range(trials(60, 2000)):
        draw = random.Random(seed)
        mutations = list(SEEN_BY_THEMSELVES)
        if draw.random() < 0.3:
            os.remove(os.path.join(copy, "dataset.json"))
        else:
            mutations += SEEN_BY_WHAT_WAS_WRITTEN
        mutate, path = draw.choice(mutations), draw.choice(paths)
        others = [p for name in ("train", "validation") for p in shards(copy, name) if p != path]
        number = mutate(path, draw, others)
        what = "seed %d, %s of %s" % (seed, mutate.__name__, path)
        named = "%s(: records? \\d+[ :]| is missing|: \\d+ (records|bytes), not the )"
        if number is not None:
            named = "%%s: record %d: " % number
        named %= os.path.basename(path)

        message = why_it_stops(copy, reading)
        assert message is not None and re.search(named, message), "%s: %s" % (what, message)

        lines = []
        try:
            split = dataset.get_split("train", copy, skip_bad_records=1000, report=lines.append)
        except DataError as error:
            assert re.search(named, str(error)), "%s: %s" % (what, error)
            tally("bad records", "%s: found, nothing to go on with" % mutate.__name__)
        else:
            assert all(os.path.basename(path) in line for line in lines), what
            bad = numbers_of(lines)
            assert bad and (number is None or bad == {number}), what
            left = [read(source) for source in split.data_sources]
            for original, is_left in zip(paths, left):
                gone = bad if original == path else ()
                expected = [one for at, one in enumerate(payloads[original]) if at not in gone]
                assert is_left == expected, what
            assert split.num_samples == sum(map(len, left)), what
            tally("bad records", "%s: found, the others as they were" % mutate.__name__)
        for name in ("dataset.json", os.path.basename(path)):
            with open(os.path.join(copy, name), "wb") as file:
                file.write(contents[name])
    assert reading.read() == 25


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


def with_size_told(path):
    """Says in ``dataset.json`` how large a shard is now."""
    folder, name = os.path.split(path)
    info = manifest.read(folder)
    info["splits"]["train"]["shards"][name]["num_bytes"] = os.path.getsize(path)
    with open(manifest.path(folder), "w") as file:
        json.dump(info, file)


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


def test_training_stops_at_a_damaged_record_or_goes_on_without_it(copy, run_script):
    path = shards(copy)[0]
    flip(path, start_of(path, 5) + 200)
    shown = os.path.join("data", os.path.basename(path))
    named = "%s: record 5: its checksum does not fit its bytes" % shown
    error = one_error(run_script("train", *SMALL[:-2], "--num_epochs=2", "--dataset_dir=data"), 1)
    assert named in error and "--skip_bad_records 1" in error
    ended = run_script("train", *SMALL, "--skip_bad_records=1", "--run_name=without")
    assert ended.returncode == 0 and ended.stderr == "", ended
    assert "skipped: %s\n" % named in ended.stdout and "finished at step 2" in ended.stdout


def test_training_stops_at_a_label_that_is_out_of_range(copy, run_script):
    path = shards(copy)[0]
    size = os.path.getsize(path)
    for number in range(len(read(path))):
        change(path, number, set_label(7))
    assert os.path.getsize(path) == size, "else it were found by its size"
    error = one_error(run_script("train", *SMALL), 1)
    assert "13 bad records, " in error
    assert "%s: record 0: the label is 7, not one of 0 to 4" % os.path.basename(path) in error


def test_evaluation_stops_at_a_damaged_record_or_goes_on_without_it(copy, run_script, random_run):
    path = shards(copy, "validation")[1]
    flip(path, start_of(path, 1) + 200)
    args = ["--dataset_dir=data", "--checkpoint_path=%s" % random_run.checkpoints_dir]
    error = one_error(run_script("evaluate", *args), 1)
    named = "%s: record 1: its checksum does not fit its bytes" % os.path.basename(path)
    assert named in error and "--skip_bad_records 1" in error
    ended = run_script("evaluate", *args, "--skip_bad_records=1")
    assert ended.returncode == 0 and named in ended.stdout, ended
    assert "validation, 4 photos, step 7" in ended.stdout
    for at in (1000, 1200):
        flip(shards(copy, "validation")[0], at)
    error = one_error(run_script("evaluate", *args, "--skip_bad_records=1"), 1)
    assert "--skip_bad_records allows 1; the first: " in error
