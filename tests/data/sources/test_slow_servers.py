"""Servers that stall, never end or do whatever else they should not: given up, or verified."""

import contextlib
import os
import random

import pytest
from downloads import BODY, SHA256, assert_folder_empty, assert_only_file, content, fetch
from http_servers import (
    never_coming_to_the_point,
    ranged,
    serving,
    stalling,
    status,
    trickling,
    whole,
)

from alexnet_flowers.data.sources import download
from alexnet_flowers.errors import DataError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "photos.tgz")


def test_body_without_end_is_given_up_before_the_disk_is_full(path, monkeypatch):
    monkeypatch.setattr(download, "_MAX_UNANNOUNCED_BYTES", 3 * len(BODY) // 2)

    def endless(request):
        whole(BODY, announce=False)(request)
        with contextlib.suppress(OSError):
            while True:
                request.wfile.write(BODY)

    with serving({"/photos.tgz": [endless]}) as server:
        with pytest.raises(DataError, match="it goes on after 480000 bytes, too many for the disk"):
            fetch([server.url + "/photos.tgz"], path)
    assert_folder_empty(path)


def test_body_that_the_disk_has_no_room_for_is_not_begun(path):
    answer = whole(BODY, announce=False, Content_Length="9" * 17)
    with serving({"/photos.tgz": [answer]}) as server:
        with pytest.raises(DataError, match="it is 9{17} bytes, and the disk has room for"):
            fetch([server.url + "/photos.tgz"], path)
    assert_folder_empty(path)


@pytest.mark.parametrize("cut_at", [0, 1000])
def test_server_that_stalls_is_asked_again(path, monkeypatch, cut_at):
    monkeypatch.setattr(download, "_TIMEOUT_SECS", (1, 0.2))
    answers = [stalling(BODY, cut_at, secs=0.6, ETag='"1"'), ranged(BODY)]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path)
        assert len(server.requests) >= 2
    assert content(path) == BODY


def test_server_that_always_stalls_is_given_up(path, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT_SECS", (1, 0.1))
    with serving({"/photos.tgz": [stalling(BODY, 10, secs=0.3)]}) as server:
        with pytest.raises(DataError, match="no answer in time"):
            fetch([server.url + "/photos.tgz"], path, tries=2)
    assert_folder_empty(path)


@pytest.mark.parametrize("chunked", [False, True])
def test_server_that_sends_a_byte_now_and_then_is_given_up(path, monkeypatch, chunked):
    monkeypatch.setattr(download, "_SPEED_SECS", 0.3)
    with serving({"/photos.tgz": [trickling(BODY, 0.02, chunked)]}) as server:
        with pytest.raises(DataError, match="less than 122880 bytes in 0 s"):
            fetch([server.url + "/photos.tgz"], path, tries=2)
    assert_folder_empty(path)


def test_server_whose_headers_never_end_is_given_up(path, monkeypatch):
    monkeypatch.setattr(download, "_HEAD_SECS", 0.3)
    with serving({"/photos.tgz": [never_coming_to_the_point(0.02)]}) as server:
        with pytest.raises(DataError, match="no answer in time"):
            fetch([server.url + "/photos.tgz"], path, tries=2)
    assert_folder_empty(path)


def _fault(rng):
    """Returns a random answer of a server that does not do as it should."""
    cut_at = rng.randrange(len(BODY))
    wrong = BODY[:cut_at] + b"?" + BODY[cut_at + 1 :]
    loop = status(302, Location="/photos.tgz")
    return rng.choice(
        [
            ("stall", stalling(BODY, cut_at, secs=0.3, ETag='"1"')),
            ("trickle", trickling(BODY, 0.02, rng.random() < 0.5)),
            ("no head", never_coming_to_the_point(0.02)),
            ("break", ranged(BODY, cut_at)),
            ("break", whole(BODY, cut_at, announce=False)),
            ("short", whole(BODY[:cut_at])),
            ("long", whole(BODY + b"more", announce=rng.random() < 0.5)),
            ("wrong", whole(wrong)),
            ("loop", loop),
            ("status", status(rng.choice((404, 403, 500, 503, 429, 204, 416)))),
            ("elsewhere", status(206, Content_Range="bytes 5-9/10")),
            ("right", whole(BODY)),
            ("right", ranged(BODY, etag=rng.choice(('"1"', '"2"')))),
        ]
    )


@pytest.mark.soak
def test_faults_in_any_order_end_verified_or_refused(tmp_path, monkeypatch, trials, tally):
    monkeypatch.setattr(download, "_TIMEOUT_SECS", (1, 0.1))
    monkeypatch.setattr(download, "_SPEED_SECS", 0.2)
    monkeypatch.setattr(download, "_HEAD_SECS", 0.2)
    for seed in range(trials(10, 200)):
        rng = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = str(folder / "photos.tgz")
        faults = [_fault(rng) for _ in range(rng.randrange(1, 6))]
        print(seed, [name for name, _ in faults])
        with serving({"/photos.tgz": [answer for _, answer in faults]}) as server:
            urls = [server.url + "/photos.tgz"] * rng.randrange(1, 3)
            try:
                fetch(urls, path, size=rng.choice((None, len(BODY))), sha256=SHA256)
            except DataError as error:
                tally("downloads", "refused")
                assert len(str(error).splitlines()) == 1
                assert set(os.listdir(str(folder))) <= {"photos.tgz.partial"}
            else:
                tally("downloads", "verified")
                assert content(path) == BODY
                assert_only_file(path)
