"""Where the archive comes from, and what is left of it."""

import hashlib
import os
import shutil
import tarfile

import pytest
from conversions import TINY, TINY_FILES, contents, convert, draw_few
from http_servers import serving, status, whole

from alexnet_flowers.data import manifest
from alexnet_flowers.data.sources import download, photo_source
from alexnet_flowers.errors import DataError, UsageError


def test_archive_of_a_url_is_downloaded_converted_and_removed(archive_bytes, tmp_path):
    with serving({"/photos/tiny_photos.tgz": [whole(archive_bytes)]}) as server:
        url = server.url + "/photos/tiny_photos.tgz"
        info = convert(tmp_path / "removed", url, **TINY)
        convert(tmp_path / "kept", url, keep_archive=True, **TINY)
        assert len(server.requests) == 2
    assert info["request"]["archive"] == "tiny_photos.tgz"
    assert sorted(os.listdir(str(tmp_path / "removed"))) == TINY_FILES
    kept = contents(tmp_path / "kept")
    assert kept.pop("tiny_photos.tgz") == archive_bytes
    assert kept == contents(tmp_path / "removed")


def test_another_archive_of_the_same_name_is_refused(archive_bytes, tmp_path):
    answers = {"/%s/main.tgz" % name: [whole(archive_bytes)] for name in ("flowers", "birds")}
    with serving(answers) as server:
        for _ in range(2):
            info = convert(tmp_path, server.url + "/flowers/main.tgz", **TINY)
        with pytest.raises(DataError, match="it was made from another main.tgz"):
            convert(tmp_path, server.url + "/birds/main.tgz", **TINY)
        assert len(server.requests) == 1
        del info["archive_url_sha256"]  # As in a dataset of before.
        manifest.finish(str(tmp_path), info)
        convert(tmp_path, server.url + "/birds/main.tgz", **TINY)


# The latter is what a download that failed calls it, and asks for.
@pytest.mark.parametrize("name", ["tiny_photos.tgz", "flowers_archive_tiny_photos.tgz"])
def test_local_archive_is_never_removed(tiny_archive, tmp_path, name):
    path = shutil.copy(tiny_archive, str(tmp_path / name))
    (tmp_path / "flowers_archive_other.tgz.partial").write_text("left by a process that was killed")
    convert(tmp_path, path, **TINY)
    assert sorted(os.listdir(str(tmp_path))) == sorted(TINY_FILES + [name])


def test_a_folder_that_is_called_like_a_download_is_never_removed(tiny_archive, tmp_path):
    (tmp_path / "flowers_archive_2019").mkdir()
    convert(tmp_path, tiny_archive, **TINY)
    assert sorted(os.listdir(str(tmp_path))) == sorted([*TINY_FILES, "flowers_archive_2019"])


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
    official = photo_source.RemoteFile((url, mirror), len(body), hashlib.sha256(body).hexdigest())
    monkeypatch.setattr(photo_source, "OFFICIAL", official)
    return url


def test_official_archive_comes_from_the_mirror_when_it_has_to(
    archive_bytes, tmp_path, monkeypatch
):
    answers = {
        "/flower_photos.tgz": [status(404)],
        "/mirror/flower_photos.tgz": [whole(archive_bytes)],
    }
    with serving(answers) as server:
        info = convert(tmp_path, pretend_official(monkeypatch, server, archive_bytes), **TINY)
    assert info["archive_sha256"] == photo_source.OFFICIAL.sha256
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES


def test_official_archive_with_another_digest_is_never_opened(archive_bytes, tmp_path, monkeypatch):
    wrong = whole(archive_bytes[:-1] + b"?")
    answers = {"/flower_photos.tgz": [wrong], "/mirror/flower_photos.tgz": [wrong]}
    monkeypatch.setattr(tarfile, "open", None)
    with serving(answers) as server:
        with pytest.raises(DataError, match="its sha256 is .*; .*its sha256 is"):
            convert(
                tmp_path / "flowers", pretend_official(monkeypatch, server, archive_bytes), **TINY
            )
    assert os.listdir(str(tmp_path)) == []


def test_official_archive_is_downloaded_once_when_the_conversion_fails(
    archive_bytes, tmp_path, monkeypatch
):
    with serving({"/flower_photos.tgz": [whole(archive_bytes), status(404)]}) as server:
        url = pretend_official(monkeypatch, server, archive_bytes)
        with pytest.raises(UsageError, match="none is left to train on"):
            convert(tmp_path, url, num_validation=30)
        assert os.listdir(str(tmp_path)) == ["flowers_archive_flower_photos.tgz"]
        convert(tmp_path, url, **TINY)
        assert len(server.requests) == 1
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES


@pytest.mark.parametrize("keep_archive", [False, True])
@pytest.mark.parametrize("is_good", [False, True])
def test_a_file_of_the_urls_name_is_left_alone(archive_bytes, tmp_path, is_good, keep_archive):
    (tmp_path / "flowers.tgz").write_bytes(b"precious")
    (tmp_path / "flowers.tgz.partial").write_bytes(b"precious")
    with serving({"/flowers.tgz": [whole(archive_bytes if is_good else b"<html>")]}) as server:
        try:
            convert(tmp_path, server.url + "/flowers.tgz", keep_archive=keep_archive, **TINY)
        except DataError:
            assert not is_good
        except UsageError as error:
            assert keep_archive and not server.requests
            assert str(error).endswith("flowers.tgz is there already; move it away")
    found = contents(tmp_path)
    assert found.pop("flowers.tgz") == found.pop("flowers.tgz.partial") == b"precious"
    assert sorted(found) == (TINY_FILES if is_good and not keep_archive else [])


@pytest.mark.parametrize(
    "name", ["dataset.json", TINY_FILES[1], "labels.txt", "lock", "dataset.json.partial"]
)
@pytest.mark.parametrize("keep_archive", [False, True])
def test_a_url_may_be_called_like_a_file_of_a_dataset(archive_bytes, tmp_path, name, keep_archive):
    with serving({"/" + name: [whole(archive_bytes)]}) as server:
        url = server.url + "/" + name
        if keep_archive:
            with pytest.raises(UsageError, match="a name of the dataset's own files; leave it out"):
                convert(tmp_path / "made", url, keep_archive=True, **TINY)
            assert not (tmp_path / "made").exists()
        else:
            convert(tmp_path / "made", url, **TINY)
            assert sorted(os.listdir(str(tmp_path / "made"))) == TINY_FILES


def test_a_file_of_the_samples_name_is_left_alone(tmp_path, monkeypatch):
    draw_few(monkeypatch, 4)
    (tmp_path / "flower_sample.tar").write_bytes(b"precious")
    convert(tmp_path, "", use_sample=True)
    assert (tmp_path / "flower_sample.tar").read_bytes() == b"precious"


def test_the_official_archive_that_somebody_has_put_there_is_used_and_kept(
    tiny_archive, tmp_path, monkeypatch
):
    path = shutil.copy(tiny_archive, str(tmp_path / "flower_photos.tgz"))
    with open(path, "rb") as file:
        body = file.read()
    with serving({"/flower_photos.tgz": [status(404)]}) as server:
        info = convert(tmp_path, pretend_official(monkeypatch, server, body), **TINY)
        assert not server.requests
    assert info["request"]["split_by"] == "shuffled"
    assert sorted(os.listdir(str(tmp_path))) == sorted(TINY_FILES + ["flower_photos.tgz"])


def test_another_archive_that_is_called_like_a_download_is_never_removed(tiny_archive, tmp_path):
    names = ["flowers_archive_%d.tgz" % year for year in (2019, 2020)]
    for name in names:
        shutil.copy(tiny_archive, str(tmp_path / name))
    convert(tmp_path, tmp_path / names[1], **TINY)
    assert sorted(os.listdir(str(tmp_path))) == sorted(TINY_FILES + names)
