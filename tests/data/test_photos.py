"""Photos of files, folders and splits: the right bytes with the right class."""

import io

import photo_archives
import pytest
from PIL import Image

from alexnet_flowers.data import photos, records
from alexnet_flowers.errors import DataError

CLASS_NAMES = photo_archives.CLASS_NAMES


@pytest.fixture
def folder(tmp_path):
    for class_name in ("tulips", "daisy", "weeds"):
        (tmp_path / "mine" / class_name).mkdir(parents=True)
        for number in (1, 0):
            name = "%d.jpg" % number
            (tmp_path / "mine" / class_name / name).write_bytes(
                photo_archives.draw("tulips", number)
            )
    (tmp_path / "mine" / "notes.txt").write_text("not a photo")
    (tmp_path / "mine" / ".thumbnails").mkdir()
    (tmp_path / "mine" / ".thumbnails" / "0.jpg").write_text("made by a viewer")
    return tmp_path / "mine"


def test_a_folder_is_read_through_in_order(folder):
    found = photos.from_paths([str(folder)], CLASS_NAMES)
    names = [photo.name[len(str(folder)) + 1 :] for photo in found]
    assert names == [
        "daisy/0.jpg", "daisy/1.jpg", "tulips/0.jpg", "tulips/1.jpg", "weeds/0.jpg", "weeds/1.jpg",
    ]  # fmt: skip
    assert [photo.label for photo in found] == [0, 0, 4, 4, None, None]
    assert found[3].encoded == photo_archives.draw("tulips", 1)


def test_the_order_of_the_paths_is_kept(folder):
    paths = [str(folder / "tulips" / "1.jpg"), str(folder / "daisy" / "0.jpg")]
    assert [photo.name for photo in photos.from_paths(paths)] == paths


def test_what_is_no_rgb_jpeg_becomes_one(tmp_path):
    Image.new("RGBA", (30, 20), (200, 10, 10, 255)).save(str(tmp_path / "red.png"))
    (photo,) = photos.from_paths([str(tmp_path / "red.png")])
    image = Image.open(io.BytesIO(photo.encoded))
    assert image.format == "JPEG" and image.mode == "RGB" and image.size == (30, 20)
    assert abs(image.getpixel((5, 5))[0] - 200) < 5


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("gone.jpg", None, "no such photo"),
        ("page.jpg", b"<html>", "cannot be used: a web page, not a photo"),
        ("cut.jpg", photo_archives.draw("daisy", 0)[:300], "cannot be decoded"),
        ("empty.jpg", b"", "an empty file"),
    ],
)
def test_what_is_no_photo_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="%s: .*%s" % (name, message)):
        photos.from_paths([str(path)])


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no photos in this folder"):
        photos.from_paths([str(tmp_path)])


def test_a_split_comes_with_names_and_labels(tiny_dataset):
    found, names = photos.from_split(tiny_dataset, "validation")
    assert len(found) == 5 and list(names.values()) == CLASS_NAMES
    members = dict(photo_archives.official_members())
    for photo in found:
        class_name = photo.name.split("/")[0]
        assert names[photo.label] == class_name
        assert photo.encoded == members["flower_photos/" + photo.name]


def test_a_record_that_is_not_of_a_photo_is_named(tmp_path):
    from alexnet_flowers.tf1 import tf

    good = records.example(b"jpeg", 1, 1, 2, "a/b.jpg")
    foreign = tf.train.Example().SerializeToString()
    for content, number in (([good, b"\xff\xff"], 1), ([foreign], 0), ([good, good, foreign], 2)):
        path = str(tmp_path / "shard")
        with tf.python_io.TFRecordWriter(path) as writer:
            for record in content:
                writer.write(record)
        with pytest.raises(DataError, match="shard: record %d is not of a photo" % number):
            list(records.read_shard(path))
