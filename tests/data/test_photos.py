"""Photos of files, folders and splits: the right bytes with the right class."""

import io
import os

import photo_archives
import pytest
import shard_files
from PIL import Image

from alexnet_flowers import devices
from alexnet_flowers.data import photo_files, photos, records
from alexnet_flowers.errors import DataError, UsageError

CLASS_NAMES = photo_archives.CLASS_NAMES


def from_paths(*args):
    return photos.usable(photos.FilePhotos(*args))


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
    found = from_paths([str(folder)], CLASS_NAMES)
    names = [photo.name[len(str(folder)) + 1 :] for photo in found]
    assert names == [
        "daisy/0.jpg", "daisy/1.jpg", "tulips/0.jpg", "tulips/1.jpg", "weeds/0.jpg", "weeds/1.jpg",
    ]  # fmt: skip
    assert [photo.label for photo in found] == [0, 0, 4, 4, None, None]
    assert found[3].encoded == photo_archives.draw("tulips", 1)


def test_what_systems_keep_beside_photos_is_not_looked_at(folder):
    for name in ("@eaDir", "$RECYCLE.BIN", "System Volume Information"):
        (folder / "daisy" / name / "0.jpg").mkdir(parents=True)
        (folder / "daisy" / name / "0.jpg" / "small.jpg").write_bytes(
            photo_archives.draw("daisy", 0)
        )
    (folder / "Icon\r").write_bytes(b"")
    assert len(from_paths([str(folder)])) == 6
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504)
    asked = photos.FilePhotos([str(folder)])
    assert (len(list(asked)), len(asked.no_photos), asked.left_out) == (6, 2, [])


def test_the_order_of_the_paths_is_kept(folder):
    paths = [str(folder / "tulips" / "1.jpg"), str(folder / "daisy" / "0.jpg")]
    assert [photo.name for photo in from_paths(paths)] == paths


def test_a_file_named_twice_is_one_photo(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = from_paths(["./daisy/1.jpg", "daisy", str(folder / "daisy" / "1.jpg")])
    assert [photo.name for photo in found] == ["./daisy/1.jpg", "daisy/0.jpg"]
    asked = photos.FilePhotos([".", "./notes.txt"])
    assert (len(list(asked)), asked.left_out) == (6, [("./notes.txt", "text, not a photo")])


def test_what_is_no_rgb_jpeg_becomes_one(tmp_path):
    Image.new("RGBA", (30, 20), (200, 10, 10, 255)).save(str(tmp_path / "red.png"))
    (photo,) = from_paths([str(tmp_path / "red.png")])
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
        from_paths([str(path)])


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no photos in this folder"):
        from_paths([str(tmp_path)])


def test_folders_without_end_are_refused(tmp_path):
    os.makedirs(str(tmp_path.joinpath(*["d"] * 120)))
    with pytest.raises(DataError, match="more than 100 folders within each other"):
        from_paths([str(tmp_path)])


def test_what_a_file_is_its_content_decides(tmp_path):
    red = Image.new("RGB", (30, 20), (200, 10, 10))
    for name, kind in (("a.webp", "WEBP"), ("b.JFIF", "JPEG"), ("c", "PNG"), ("d.jpg", "BMP")):
        red.save(str(tmp_path / name), kind)
    red.save(str(tmp_path / "e.gif"), save_all=True, append_images=[red.rotate(9)])
    (tmp_path / "f.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "labels.txt").write_text("0:daisy\n")
    (tmp_path / "license.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "cut.jpg").write_bytes(photo_archives.draw("daisy", 0)[:300])
    (tmp_path / "head.jpg").write_bytes(b"\0\0\0\1" + photo_archives.draw("daisy", 0)[4:])
    os.symlink("gone", str(tmp_path / "link.jpg"))
    os.symlink("/dev/zero", str(tmp_path / "zero.jpg"))
    asked = photos.FilePhotos([str(tmp_path)])
    assert [os.path.basename(photo.name) for photo in asked] == [
        "a.webp", "b.JFIF", "c", "d.jpg", "e.gif",
    ]  # fmt: skip
    at = str(tmp_path) + os.sep
    assert asked.left_out == [
        (at + "cut.jpg", "cannot be decoded: it is cut off"),
        (at + "f.heic", "a HEIC photo, which cannot be decoded here; save it as a JPEG"),
        (at + "head.jpg", "not an image"),
        (at + "link.jpg", "a broken link"),
        (at + "zero.jpg", "not a regular file"),
    ]
    assert asked.no_photos == [
        (at + "labels.txt", "text, not a photo"),
        (at + "license.pdf", "a PDF document, which cannot be decoded here; save it as a JPEG"),
    ]
    assert asked.notes == [(at + "e.gif", "only the first picture of this GIF is taken")]
    assert len(asked) == 12


def test_photos_are_read_when_their_turn_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "num_cores", lambda: 2)
    (tmp_path / "1.jpg").write_bytes(photo_archives.draw("daisy", 0))
    read, original = [], photos._read
    monkeypatch.setattr(photos, "_read", lambda path: read.append(path) or original(path))
    for number in range(2, 101):
        os.link(str(tmp_path / "1.jpg"), str(tmp_path / ("%d.jpg" % number)))
    asked = photos.FilePhotos([str(tmp_path)])
    for number, _ in enumerate(asked):
        assert len(read) - number <= 12
    assert len(read) == 100


@pytest.mark.parametrize(
    "path, message",
    [
        ("https://a.org/rose.jpg", "a URL; download it, and name the file"),
        ("photos/*.jpg", "no such photo; a pattern is for the shell, without quotes"),
        ("photos/1.jpg", "photos/1.jpg: no such photo$"),
    ],
)
def test_what_is_not_there_says_what_to_do(path, message):
    with pytest.raises(DataError, match=message):
        photos.FilePhotos([path])


def test_a_file_that_is_too_large_is_named_once(tmp_path):
    path = tmp_path / "huge.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    os.truncate(str(path), 3 * 10**8)
    with pytest.raises(DataError) as caught:
        from_paths([str(path)])
    reason = "more than 200 million bytes: 300000000"
    assert str(caught.value) == "%s: cannot be used: %s" % (path, reason)


def test_nothing_but_other_files_is_an_error(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match="none of 2 files can be used; the first: .*a.txt: text"):
        from_paths([str(tmp_path)])


def test_a_reduced_photo_fits_into_a_square():
    wide = Image.new("RGB", (1000, 2), (200, 10, 10))
    photo = photos.Photo("wide.jpg", photo_archives.encode(wide), 3)
    small = photos.reduced(photo, 64)
    assert photos.open_image(small).size == (64, 1) and small.label == 3


def test_a_split_comes_with_names_and_labels(tiny_dataset):
    found, names = photos.from_split(tiny_dataset, "validation")
    assert len(found) == 5 and list(names.values()) == CLASS_NAMES
    originals = photo_archives.official_photos()
    for photo in found:
        class_name = photo.name.split("/")[0]
        assert names[photo.label] == class_name
        assert photo.encoded == originals[photo.name]


def test_photos_without_names_have_one_each_in_a_split_of_several_shards(tmp_path):
    for shard, name in enumerate(records.shard_filenames("train", 2)):
        drawn = [photo_archives.draw("roses", 2 * shard + number) for number in range(2)]
        made = [records.example(encoded, 40, 60, 0, "") for encoded in drawn]
        shard_files.write(tmp_path / name, made)
    (tmp_path / "labels.txt").write_text("0:roses\n")
    found, _ = photos.from_split(str(tmp_path), "train")
    assert [photo.name for photo in found] == ["train, photo %d" % number for number in range(4)]
    assert photos.pick(found, "train", index=2) == photos.pick(
        found, "train", name="train, photo 2"
    )


@pytest.fixture
def five():
    return [photos.Photo("daisy/%d.jpg" % number, b"%d" % number, 1) for number in range(5)]


def test_one_of_a_split_is_picked_by_number_or_by_name(five):
    assert photos.pick(five, "validation") == five
    assert photos.pick(five, "validation", index=3) == [five[3]]
    assert photos.pick(five, "validation", name="daisy/2.jpg") == [five[2]]
    with pytest.raises(UsageError, match="--index 5: .* 'train' has 5 photos, the last is 4"):
        photos.pick(five, "train", index=5)
    with pytest.raises(UsageError, match="did you mean daisy/4.jpg"):
        photos.pick(five, "train", name="daisy/44.jpg")
    with pytest.raises(UsageError, match="--index 2: or --name, not both"):
        photos.pick(five, "train", index=2, name="daisy/2.jpg")


def test_an_accent_is_the_same_however_it_is_written(tmp_path):
    apart, whole = "rose\u0301", "ros\xe9"
    (tmp_path / whole).mkdir()
    (tmp_path / whole / "1.jpg").write_bytes(photo_archives.draw("roses", 1))
    for class_names, label in (([apart, "lily"], 0), ([apart, whole], 1), (["rose"], None)):
        (photo,) = from_paths([str(tmp_path)], class_names)
        assert photo.label == label
    found = [photos.Photo("%s/%d.jpg" % (apart, number), b"", 0) for number in range(2)]
    assert photos.pick(found, "train", name=whole + "/1.jpg") == found[1:]


def test_written_photos_are_within_the_folder_and_none_replaces_another(tmp_path):
    names = ["a/1.png", "b/1.png", "../../2.JPG", "validation, photo 7", ".."]
    found = [photos.Photo(name, name.encode(), 0) for name in names]
    written = photo_files.write(found, ["x"], str(tmp_path))
    assert written == [
        "x/1.png.jpg", "x/1_000001.png.jpg", "x/2.JPG", "x/validation, photo 7.jpg", "x/...jpg"
    ]  # fmt: skip
    for photo, name in zip(found, written):
        assert (tmp_path / name).read_bytes() == photo.encoded
    long = [photos.Photo("花" * 84 + "%s.png" % end, b"", 0) for end in "ab"]
    assert photo_files.write(long, ["y"], str(tmp_path)) == [
        "y/%s.jpg" % ("花" * 80), "y/%s_000001.jpg" % ("花" * 80)
    ]  # fmt: skip
    for class_name in ("..", "a/b", ""):
        with pytest.raises(DataError, match="cannot have a folder"):
            photo_files.write(found, [class_name], str(tmp_path / "other"))
