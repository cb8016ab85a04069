import contextlib
import io
import os

import numpy as np
import photo_archives
import pytest
import shard_files
from PIL import Image
from queues import started

from alexnet_flowers.data import dataset, records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf

PHOTOS = photo_archives.official_photos()


def read_once(found):
    """Reads a split once through slim; returns ``{item: [value, ...]}``."""
    with tf.Graph().as_default() as graph:
        provider = slim.dataset_data_provider.DatasetDataProvider(
            found, num_readers=1, shuffle=False, num_epochs=1
        )
        items = found.decoder.list_items()
        tensors = dict(zip(items, provider.get(items)))
    values = {name: [] for name in items}
    with started(graph) as (session, _), contextlib.suppress(tf.errors.OutOfRangeError):
        while True:
            for name, value in session.run(tensors).items():
                values[name].append(value)
    return values


def reference_example(encoded, height, width, label):
    """Returns a record as slim's own converter (dataset_utils.image_to_tfexample) writes it."""

    def of_bytes(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def of_int(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "image/encoded": of_bytes(encoded),
        "image/format": of_bytes(b"jpg"),
        "image/class/label": of_int(label),
        "image/height": of_int(height),
        "image/width": of_int(width),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


@pytest.fixture
def reference_dataset(tmp_path):
    """What slim's converter leaves: two shards of 3 and 2 photos, labels.txt, no dataset.json."""
    for shard, numbers in (("00000", (0, 1, 2)), ("00001", (3, 4))):
        made = [
            reference_example(photo_archives.draw(photo_archives.CLASS_NAMES[n], n), 40, 60, n)
            for n in numbers
        ]
        shard_files.write(tmp_path / ("flowers_train_%s-of-00002.tfrecord" % shard), made)
    labels = "".join("%d:%s\n" % pair for pair in enumerate(photo_archives.CLASS_NAMES))
    (tmp_path / "labels.txt").write_text(labels)
    return str(tmp_path)


@pytest.mark.parametrize("split_name, num_samples", [("train", 25), ("validation", 5)])
def test_split_is_described_for_slim(tiny_dataset, split_name, num_samples):
    found = dataset.get_split(split_name, tiny_dataset)
    assert isinstance(found, slim.dataset.Dataset)
    assert found.num_samples == num_samples
    assert found.num_classes == 5
    assert found.labels_to_names == {
        0: "daisy",
        1: "dandelion",
        2: "roses",
        3: "sunflowers",
        4: "tulips",
    }
    assert found.data_sources == records.find_shards(tiny_dataset, split_name)
    assert found.reader is tf.TFRecordReader
    assert sorted(found.decoder.list_items()) == ["encoded", "filename", "image", "label"]
    assert sorted(found.items_to_descriptions) == sorted(found.decoder.list_items())


def test_items_have_the_documented_types_and_shapes(tiny_dataset):
    found = dataset.get_split("train", tiny_dataset)
    with tf.Graph().as_default():
        provider = slim.dataset_data_provider.DatasetDataProvider(found)
        items = {name: provider.get([name])[0] for name in found.decoder.list_items()}
    assert {name: tensor.dtype for name, tensor in items.items()} == {
        "image": tf.uint8,
        "label": tf.int64,
        "encoded": tf.string,
        "filename": tf.string,
    }
    assert items["image"].shape.as_list() == [None, None, 3]
    for name in ("label", "encoded", "filename"):
        assert items[name].shape.as_list() == []


def test_every_photo_is_read_once_with_its_own_label_pixels_and_name(tiny_dataset):
    values = read_once(dataset.get_split("train", tiny_dataset))
    names = [name.decode("utf-8") for name in values["filename"]]
    assert len(names) == len(set(names)) == 25
    for name, label, image, encoded in zip(
        names, values["label"], values["image"], values["encoded"]
    ):
        assert encoded == PHOTOS[name]
        assert photo_archives.CLASS_NAMES[label] == name.split("/")[0]
        with Image.open(io.BytesIO(PHOTOS[name])) as expected:
            expected = np.asarray(expected)
        assert image.shape == expected.shape and image.dtype == np.uint8
        # TensorFlow and Pillow may decode with different roundings.
        assert np.abs(image.astype(int) - expected).mean() < 2


def test_records_of_the_reference_are_read_and_counted(reference_dataset):
    found = dataset.get_split("train", reference_dataset)
    assert (found.num_samples, found.num_classes) == (5, 5)
    assert found.labels_to_names[3] == "sunflowers"
    values = read_once(found)
    assert values["label"] == [0, 1, 2, 3, 4]
    assert values["filename"] == [b""] * 5
    assert [image.shape for image in values["image"]] == [(40, 60, 3), (64, 48, 3)] * 2 + [
        (40, 60, 3)
    ]


def test_damaged_record_of_the_reference_is_found_when_it_is_counted(reference_dataset):
    path = os.path.join(reference_dataset, "flowers_train_00001-of-00002.tfrecord")
    with open(path, "r+b") as file:
        file.seek(500)
        file.write(b"\0\1\2\3")
    with pytest.raises(DataError, match="00001-of-00002.tfrecord: record 0: its checksum"):
        dataset.get_split("train", reference_dataset)


@pytest.mark.parametrize("num_allowed", [0, 9])
def test_labels_from_1_are_recognized_and_no_bad_records(reference_dataset, num_allowed):
    path = os.path.join(reference_dataset, "flowers_train_%05d-of-00002.tfrecord")
    for shard, labels in ((0, (1, 2)), (1, (3, 4, 5, 5))):
        photos = [photo_archives.draw("tulips", label) for label in labels]
        made = [reference_example(photo, 40, 60, label) for photo, label in zip(photos, labels)]
        shard_files.write(path % shard, made)
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", reference_dataset, skip_bad_records=num_allowed)
    assert str(caught.value) == (
        "%s: the labels run from 1 to 5, not from 0, as slim's --labels_offset=1 takes them; "
        "convert again with labels from 0" % reference_dataset
    )


def test_one_label_that_is_too_large_is_a_bad_record(reference_dataset):
    path = os.path.join(reference_dataset, "flowers_train_00001-of-00002.tfrecord")
    shard_files.write(path, [reference_example(photo_archives.draw("tulips", 1), 40, 60, 5)])
    with pytest.raises(DataError, match="the label is 5, not one of 0 to 4; .*--skip_bad_records"):
        dataset.get_split("train", reference_dataset)


def test_empty_split_is_an_error(reference_dataset):
    for name in records.shard_filenames("validation", 2):
        with open(os.path.join(reference_dataset, name), "wb"):
            pass
    with pytest.raises(DataError, match="the split 'validation' holds no photos"):
        dataset.get_split("validation", reference_dataset)


def test_missing_folder_says_what_to_run(tmp_path):
    folder = str(tmp_path / "nowhere")
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", folder)
    assert str(caught.value) == (
        "%s: no such folder; run scripts/download_and_convert.py --dataset_dir %s"
        % (folder, folder)
    )


def test_file_instead_of_a_folder_is_refused(tiny_archive):
    with pytest.raises(DataError, match="holds no converted photos; run .* --archive .*.tgz, and"):
        dataset.get_split("train", tiny_archive)


@pytest.mark.parametrize("files", [[], ["roses/1.jpg"], ["labels.txt", "roses/1.jpg"]])
def test_a_folder_of_photos_is_not_taken_for_a_dataset(tmp_path, files):
    photo_archives.write_files(tmp_path, {name: b"0:roses\n" for name in files})
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", str(tmp_path))
    assert str(caught.value) == (
        "%s: holds no converted photos; run scripts/download_and_convert.py, of photos of your own "
        "with --archive %s, and name its --dataset_dir here" % (tmp_path, tmp_path)
    )


def test_missing_shard_is_named(copy):
    os.remove(os.path.join(copy, "flowers_train_00001-of-00002.tfrecord"))
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", copy)
    assert str(caught.value) == (
        "%s: the shard flowers_train_00001-of-00002.tfrecord is missing; convert again" % copy
    )
    assert dataset.get_split("validation", copy).num_samples == 5


def test_shard_of_another_size_is_named(copy):
    path = os.path.join(copy, "flowers_train_00001-of-00002.tfrecord")
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.truncate(size - 10)
    with pytest.raises(DataError) as caught:
        dataset.get_split("train", copy)
    assert str(caught.value) == (
        "%s: record 11: cut off; convert again, or train and evaluate without: --skip_bad_records 1"
        % path
    )


def test_shards_of_another_number_than_written_are_refused(copy):
    # All shards of a conversion into five, beside the dataset.json of one into two.
    for shard in range(2):
        os.remove(os.path.join(copy, "flowers_train_%05d-of-00002.tfrecord" % shard))
    for name in records.shard_filenames("train", 5):
        with open(os.path.join(copy, name), "wb"):
            pass
    expected = "dataset.json does not name this shard; it is another conversion's; move it away"
    with pytest.raises(DataError, match="00000-of-00005.tfrecord: %s" % expected):
        dataset.get_split("train", copy)


@pytest.mark.parametrize("file_pattern", [None, "flowers_%s_*.tfrecord"])
def test_split_is_got_as_the_references_dataset_factory_does(tiny_dataset, file_pattern):
    found = dataset.get_split("train", tiny_dataset, file_pattern, None)
    assert found.data_sources == records.find_shards(tiny_dataset, "train")
    assert found.reader is tf.TFRecordReader
    assert len(read_once(found)["label"]) == found.num_samples == 25


@pytest.mark.parametrize("has_info", [True, False])
def test_shards_of_another_pattern_are_read_and_counted(copy, has_info):
    for old, new in (("00000-of-00002.tfrecord", "b"), ("00001-of-00002.tfrecord", "a")):
        os.rename(os.path.join(copy, "flowers_train_" + old), os.path.join(copy, "my-train." + new))
    if not has_info:
        os.remove(os.path.join(copy, "dataset.json"))
    found = dataset.get_split("train", copy, "my-%s.*")
    assert found.data_sources == [os.path.join(copy, "my-train." + name) for name in "ab"]
    assert found.nums_records == [12, 13]
    assert len(set(read_once(found)["filename"])) == found.num_samples == 25
    with pytest.raises(DataError) as caught:
        dataset.get_split("validation", copy, "my-%s.*")
    assert str(caught.value) == "%s: no shards that match 'my-validation.*'" % copy


def test_shards_of_another_pattern_are_compared_with_what_was_written(copy):
    path = os.path.join(copy, "flowers_train_00001-of-00002.tfrecord")
    assert dataset.get_split("train", copy, "flowers_%s_00001-*").num_samples == 12
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 10)
    with pytest.raises(DataError, match="record 11: cut off"):
        dataset.get_split("train", copy, "flowers_%s_00001-*")


@pytest.mark.parametrize("file_pattern", ["flowers.tfrecord", "%s_%s", 3])
def test_pattern_without_a_place_for_the_split_is_refused(tiny_dataset, file_pattern):
    with pytest.raises(UsageError) as caught:
        dataset.get_split("train", tiny_dataset, file_pattern)
    assert str(caught.value) == (
        "file_pattern %r: needs one %%s, for the split's name, as in 'flowers_%%s_*.tfrecord'"
        % (file_pattern,)
    )


def test_shards_are_read_by_the_given_reader(tiny_dataset):
    class Reader(tf.TFRecordReader):
        made = 0

        def __init__(self):
            super().__init__()
            Reader.made += 1

    found = dataset.get_split("validation", tiny_dataset, None, Reader)
    assert found.reader is Reader
    assert len(read_once(found)["label"]) == 5 and Reader.made


@pytest.mark.parametrize(
    "names, difference",
    [
        (("tulips", "dandelion", "roses", "sunflowers", "daisy"), "0 is 'tulips', but 'daisy'"),
        (("daisy", "dandelion", "roses", "sunflowers"), "4 is None, but 'tulips'"),
        (("daisy", "dandelion", "roses", "sunflowers", "tulips", "x"), "5 is 'x', but None"),
    ],
)
def test_other_labels_than_the_photos_were_converted_as_are_refused(copy, names, difference):
    records.write_labels(os.path.join(copy, "labels.txt"), names)
    with pytest.raises(DataError, match="labels.txt: the class %s in dataset.json" % difference):
        dataset.get_split("train", copy)


def test_each_worker_reads_other_shards(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    parts = [dataset.part(split, index, 2) for index in (0, 1)]
    sources = [source for part in parts for source in part.data_sources]
    assert sorted(sources) == sorted(split.data_sources)
    assert sum(part.num_samples for part in parts) == split.num_samples
    with pytest.raises(UsageError, match="9 workers, but only 2 shards"):
        dataset.part(split, 0, 9)
