"""Which source is chosen, and how it compares with what a dataset was made from."""

import hashlib
import os

import pytest
from photo_archives import official_members, official_photos, write_files, write_tgz

from alexnet_flowers.data.sources import folder, photo_format, photo_source
from alexnet_flowers.errors import DataError


def test_official_archive_is_the_one_that_tensorflow_datasets_registers():
    url, mirror = photo_source.OFFICIAL.urls
    assert url.startswith("http://download.tensorflow.org/example_images/")
    assert mirror.endswith("download.tensorflow.org/example_images/flower_photos.tgz")
    assert photo_source.OFFICIAL.size == 228813984
    assert photo_source.OFFICIAL.sha256.startswith("4c54ace7911aaffe13a365c34f650e71")


@pytest.mark.parametrize(
    "archive, use_sample, name",
    [
        ("http://127.0.0.1/photos/mine.tgz", False, "mine.tgz"),
        ("https://127.0.0.1/photos/mine/", False, "mine"),
        ("HTTP://127.0.0.1/mine.tgz", False, "mine.tgz"),
        ("http://127.0.0.1/mine.tgz?token=a/b&more=" + "x" * 700, False, "mine.tgz"),
        ("http://me:secret@127.0.0.1", False, ""),
        ("http://127.0.0.1/a\x1b[31mb.tgz", False, "a_[31mb.tgz"),
        ("photos/mine.tar", False, "mine.tar"),
        ("photos/mine/", False, "mine"),
        ("photos/mine.tar", True, "the built-in sample"),
    ],
)
def test_a_source_has_the_name_that_the_info_gives_it(archive, use_sample, name):
    assert photo_source.choose(archive, use_sample).name == name


def test_without_a_choice_it_is_the_official_archive():
    source = photo_source.choose()
    assert source.name == "flower_photos.tgz"
    assert source.difference("renamed.tgz", photo_source.OFFICIAL.sha256) is None
    assert source.difference("renamed.tgz", "0" * 64) == (
        "archive is renamed.tgz, not flower_photos.tgz"
    )
    assert source.difference("flower_photos.tgz", "0" * 64) == (
        "it was made from another flower_photos.tgz"
    )


def test_the_official_photos_are_known_by_their_names_however_they_lie(tmp_path, monkeypatch):
    names = "".join(name + "\n" for name in sorted(official_photos()))
    digest = hashlib.sha256(names.encode()).hexdigest()
    photos = folder.read_photos(str(write_files(tmp_path, dict(official_members())))).photos
    for known, expected in (("0" * 64, False), (digest, True)):
        monkeypatch.setattr(photo_source, "_OFFICIAL_NAMES_SHA256", known)
        source = photo_source.choose(str(tmp_path))
        assert source.is_published("0" * 64, photos) == expected
        assert not source.is_published("0" * 64, photos[1:])


@pytest.mark.parametrize("use_sample", [False, True])
def test_what_has_no_digest_is_compared_by_its_name(use_sample):
    source = photo_source.choose("http://127.0.0.1/mine.tgz", use_sample)
    assert source.difference(source.name, "0" * 64) is None
    # Once the query belonged to the name.
    assert source.difference(source.name + "?token=1", "0" * 64) is None
    assert source.difference("other.tgz", "0" * 64) == "archive is other.tgz, not " + source.name


def test_archives_of_one_name_are_told_apart_by_their_urls():
    source = photo_source.choose("https://127.0.0.1/flowers/main.zip")
    for url, expected in (
        ("http://me:secret@127.0.0.1/flowers/main.zip/?token=1", None),
        ("https://127.0.0.1/birds/main.zip", "it was made from another main.zip"),
        ("birds/main.zip", "it was made from another main.zip"),
    ):
        kept = photo_source.choose(url).url_sha256
        assert "secret" not in kept and source.difference("main.zip", "0" * 64, kept) == expected


def test_a_long_name_of_a_url_in_any_script_is_one_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(
        photo_source.Url, "_fetch", lambda self, path, report: open(path, "w").close()
    )
    source = photo_source.choose("http://127.0.0.1/%s.tgz" % ("花" * 150))
    with source.fetched(str(tmp_path), False, None) as path:
        assert os.listdir(str(tmp_path)) == [os.path.basename(path)]


def test_what_is_here_is_compared_by_its_digest(tmp_path):
    path = write_tgz(tmp_path / "mine.tgz", official_members())
    source = photo_source.choose(path)
    assert source.difference("other.tgz", photo_format.sha256_of(path)) is None
    assert source.difference("mine.tgz", "0" * 64) == (
        "it was made from something else than %s is now" % path
    )


def test_what_is_here_is_read_where_it_is(tmp_path):
    path = write_tgz(tmp_path / "mine.tgz", official_members())
    with pytest.raises(ZeroDivisionError):
        with photo_source.choose(path).fetched(str(tmp_path / "made"), False, None) as fetched:
            assert fetched == path
            1 / 0  # noqa: B018
    assert os.listdir(str(tmp_path)) == ["mine.tgz"]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: os.mkfifo(str(path))])
def test_neither_a_file_nor_a_folder_is_refused_by_name(tmp_path, make):
    make(tmp_path / "mine.tgz")
    with pytest.raises(DataError) as caught:
        photo_source.choose(str(tmp_path / "mine.tgz")).check()
    assert str(caught.value) == (
        "--archive %s: no such file or folder, nor a URL that begins with http:// or https://; "
        "give an existing one" % (tmp_path / "mine.tgz")
    )
