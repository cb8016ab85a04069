"""Where the archive comes from, and what is left of it."""

import hashlib
import os
import shutil
import tarfile

import pytest
from conversions import TINY, TINY_FILES, contents, convert
from http_servers import serving, status, whole

from alexnet_flowers.data.sources import download, photo_source
from alexnet_flowers.errors import DataError, UsageError


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
    official = photo_source.RemoteFile((url, mirror), len(body), hashlib.sha256(body).hexdigest())
    monkeypatch.setattr(photo_source, "OFFICIAL", official)
    return url


def test_official_archive_comes_from_the_mirror_when_it_has_to(tiny_archive, tmp_path, monkeypatch):
    with open(tiny_archive, "rb") as file:
        body = file.read()
    answers = {"/flower_photos.tgz": [status(404)], "/mirror/flower_photos.tgz": [whole(body)]}
    with serving(answers) as server:
        info = convert(tmp_path, pretend_official(monkeypatch, server, body), **TINY)
    assert info["archive_sha256"] == photo_source.OFFICIAL.sha256
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
        assert os.listdir(str(tmp_path)) == ["flowers_archive_flower_photos.tgz"]
        convert(tmp_path, url, **TINY)
        assert len(server.requests) == 1
    assert sorted(os.listdir(str(tmp_path))) == TINY_FILES
