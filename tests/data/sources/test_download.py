"""What is downloaded is the whole file that was asked for, after however many breaks."""

import gzip
import hashlib
import os
import socket

import pytest
from downloads import (
    BODY,
    SHA256,
    assert_folder_empty,
    assert_only_file,
    content,
    fetch,
    ranges,
    write,
)
from http_servers import ranged, serving, status, whole

from alexnet_flowers.data.sources import download, file_digest
from alexnet_flowers.errors import DataError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "photos.tgz")


def test_sha256_of_a_file_is_the_published_test_vector(path):
    write(path, b"abc")
    assert file_digest.sha256_of(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_plain_download_takes_one_request_and_leaves_one_file(path):
    with serving({"/photos.tgz": [whole(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=SHA256)
        assert ranges(server) == [None]
    assert content(path) == BODY
    assert_only_file(path)


def test_empty_file_is_downloaded(path):
    with serving({"/photos.tgz": [whole(b"")]}) as server:
        fetch([server.url + "/photos.tgz"], path)
    assert content(path) == b""


def test_redirect_is_followed(path):
    answers = {"/old": [status(302, Location="/new")], "/new": [whole(BODY)]}
    with serving(answers) as server:
        fetch([server.url + "/old"], path)
    assert content(path) == BODY


def test_transfer_that_breaks_off_is_continued_where_it_stopped(path):
    with serving({"/photos.tgz": [ranged(BODY, cut_at=70000), ranged(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path)
        assert ranges(server) == [None, "bytes=70000-"]
        assert server.requests[1][1]["If-Range"] == '"1"'
    assert content(path) == BODY
    assert_only_file(path)


def test_transfer_that_breaks_off_twice_is_continued_twice(path):
    answers = [ranged(BODY, cut_at=1000), ranged(BODY, cut_at=2000), ranged(BODY)]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path, sha256=SHA256)
        assert ranges(server) == [None, "bytes=1000-", "bytes=2000-"]
    assert content(path) == BODY


def test_file_that_changed_on_the_server_meanwhile_is_taken_from_its_beginning(path):
    new_body = BODY[::-1]
    answers = [ranged(BODY, cut_at=1000, etag='"old"'), ranged(new_body, etag='"new"')]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path)
    assert content(path) == new_body


def test_server_without_ranges_sends_all_of_it_again(path):
    answers = [whole(BODY, cut_at=1000), whole(BODY)]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path, sha256=SHA256)
        assert ranges(server) == [None, "bytes=1000-"]
    assert content(path) == BODY


def test_transfer_of_unannounced_length_is_complete_at_the_known_size(path):
    answers = [whole(BODY, cut_at=1000, announce=False), whole(BODY, announce=False)]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY))
        assert len(server.requests) == 2
    assert content(path) == BODY


def test_transfer_longer_than_the_known_size_is_refused(path):
    with serving({"/photos.tgz": [whole(BODY + b"more", announce=False)]}) as server:
        with pytest.raises(DataError, match="it is longer than the 320000 bytes announced"):
            fetch([server.url + "/photos.tgz"], path, size=len(BODY))
    assert_folder_empty(path)


def test_server_that_continues_at_another_byte_is_asked_for_all_of_it(path):
    wrong = status(206, Content_Range="bytes 5-%d/%d" % (len(BODY) - 1, len(BODY)))
    answers = [ranged(BODY, cut_at=1000), wrong, ranged(BODY)]
    with serving({"/photos.tgz": answers}) as server:
        fetch([server.url + "/photos.tgz"], path)
        assert ranges(server) == [None, "bytes=1000-", None]
    assert content(path) == BODY


def test_what_an_earlier_process_left_is_continued_where_a_digest_can_tell(path):
    write(path + ".partial", BODY[:1234])
    with serving({"/photos.tgz": [ranged(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=SHA256)
        assert ranges(server) == ["bytes=1234-"]
    assert content(path) == BODY
    assert_only_file(path)


def test_what_an_earlier_process_left_is_dropped_without_a_digest(path):
    write(path + ".partial", b"of another file")
    with serving({"/photos.tgz": [ranged(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY))
        assert ranges(server) == [None]
    assert content(path) == BODY


@pytest.mark.parametrize("sha256", [SHA256, None])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("mine", path)])
def test_nothing_is_written_through_what_has_the_temporary_name(path, make, sha256):
    mine = os.path.join(os.path.dirname(path), "mine")
    write(mine, b"mine")
    make(path + ".partial")
    with serving({"/photos.tgz": [ranged(BODY)]}) as server:
        with pytest.raises(DataError, match="photos.tgz.partial: is in the way; move it away"):
            fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=sha256)
        assert server.requests == []
    assert content(mine) == b"mine" and os.path.lexists(path + ".partial")


def test_complete_partial_is_verified_without_a_request(path):
    write(path + ".partial", BODY)
    with serving({"/photos.tgz": [status(500)]}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=SHA256)
        assert server.requests == []
    assert content(path) == BODY
    assert_only_file(path)


def test_partial_longer_than_the_file_is_downloaded_anew(path):
    write(path + ".partial", BODY + b"more")
    with serving({"/photos.tgz": [ranged(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=SHA256)
        assert ranges(server) == ["bytes=%d-" % (len(BODY) + 4), None]
    assert content(path) == BODY


def test_partial_that_does_not_belong_to_the_file_is_found_out_by_the_digest(path):
    write(path + ".partial", b"x" * 1234)
    answers = {"/photos.tgz": [ranged(BODY)], "/mirror.tgz": [ranged(BODY)]}
    with serving(answers) as server:
        fetch([server.url + "/photos.tgz", server.url + "/mirror.tgz"], path, sha256=SHA256)
        assert ranges(server) == ["bytes=1234-", None]
    assert content(path) == BODY


def test_wrong_length_is_refused_before_the_body_and_nothing_is_left(path):
    with serving({"/photos.tgz": [whole(BODY[:-1])]}) as server:
        url = server.url + "/photos.tgz"
        with pytest.raises(DataError) as caught:
            fetch([url], path, size=len(BODY), sha256=SHA256)
        assert len(server.requests) == 1
    assert "%s: it is %d bytes, not %d" % (url, len(BODY) - 1, len(BODY)) in str(caught.value)
    assert_folder_empty(path)


def test_wrong_body_is_refused_and_nothing_is_left(path):
    wrong = BODY[:-1] + b"?"
    with serving({"/photos.tgz": [whole(wrong)]}) as server:
        with pytest.raises(DataError) as caught:
            fetch([server.url + "/photos.tgz"], path, size=len(BODY), sha256=SHA256)
        assert len(server.requests) == 1
    found = hashlib.sha256(wrong).hexdigest()
    assert "its sha256 is %s, not %s" % (found, SHA256) in str(caught.value)
    assert_folder_empty(path)


def test_wrong_body_does_not_replace_the_file_that_is_there(path):
    write(path, b"the right one")
    with serving({"/photos.tgz": [whole(BODY)]}) as server:
        with pytest.raises(DataError):
            fetch([server.url + "/photos.tgz"], path, sha256="0" * 64)
    assert content(path) == b"the right one"
    assert_only_file(path)


def test_mirror_is_asked_after_404(path):
    answers = {"/photos.tgz": [status(404)], "/mirror.tgz": [whole(BODY)]}
    with serving(answers) as server:
        fetch([server.url + "/photos.tgz", server.url + "/mirror.tgz"], path, sha256=SHA256)
        assert [asked for asked, _ in server.requests] == ["/photos.tgz", "/mirror.tgz"]
    assert content(path) == BODY


def test_mirror_is_asked_after_a_wrong_body(path):
    answers = {"/photos.tgz": [whole(b"<html>")], "/mirror.tgz": [whole(BODY)]}
    with serving(answers) as server:
        fetch([server.url + "/photos.tgz", server.url + "/mirror.tgz"], path, sha256=SHA256)
    assert content(path) == BODY


def test_mirror_continues_what_the_first_url_began(path):
    answers = {"/photos.tgz": [ranged(BODY, cut_at=500)], "/mirror.tgz": [ranged(BODY)]}
    with serving(answers) as server:
        fetch(
            [server.url + "/photos.tgz", server.url + "/mirror.tgz"], path, sha256=SHA256, tries=1
        )
        assert ranges(server) == [None, "bytes=500-"]
    assert content(path) == BODY


def test_rest_from_a_mirror_is_not_joined_without_a_digest(path):
    answers = {"/photos.tgz": [ranged(b"a" * 900, cut_at=500)], "/mirror.tgz": [ranged(b"b" * 900)]}
    with serving(answers) as server:
        fetch([server.url + "/photos.tgz", server.url + "/mirror.tgz"], path, tries=1)
    assert content(path) == b"b" * 900


@pytest.mark.parametrize("code", [503, 500, 429])
def test_busy_server_is_asked_again(path, code):
    with serving({"/photos.tgz": [status(code), whole(BODY)]}) as server:
        fetch([server.url + "/photos.tgz"], path)
        assert len(server.requests) == 2
    assert content(path) == BODY


def test_pauses_double_between_the_tries(path, monkeypatch):
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with serving({"/photos.tgz": [status(503)]}) as server:
        with pytest.raises(DataError):
            download.download([server.url + "/photos.tgz"], path, tries=4, backoff_secs=0.5)
        assert len(server.requests) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_redirect_loop_ends_with_its_reason(path):
    answers = {"/a": [status(302, Location="/b")], "/b": [status(302, Location="/a")]}
    with serving(answers) as server:
        with pytest.raises(DataError, match="/a: it redirects in a circle"):
            fetch([server.url + "/a"], path)
        assert len(server.requests) < 50  # Followed once, not once more for every try.
    assert_folder_empty(path)


def test_message_names_the_reason_of_every_url_and_what_to_do(path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # Bound but not listening: connections are refused.
        nobody = "http://127.0.0.1:%d/photos.tgz" % closed.getsockname()[1]
        with serving({"/gone": [status(404)], "/short": [whole(BODY, cut_at=10)]}) as server:
            with pytest.raises(DataError) as caught:
                fetch([nobody, server.url + "/gone", server.url + "/short"], path, tries=2)
            url = server.url
    assert str(caught.value) == (
        "cannot download photos.tgz (%s: the connection failed; %s/gone: status 404; %s/short: "
        "it broke off after 10 bytes); download it by other means and give its path as --archive"
        % (nobody, url, url)
    )
    assert_folder_empty(path)


def test_failed_download_keeps_its_part_only_where_a_digest_is_known(path):
    with serving({"/photos.tgz": [ranged(BODY, cut_at=1000), status(503)]}) as server:
        with pytest.raises(DataError, match="status 503"):
            fetch([server.url + "/photos.tgz"], path, sha256=SHA256)
    assert os.listdir(os.path.dirname(path)) == ["photos.tgz.partial"]
    assert content(path + ".partial") == BODY[:1000]


@pytest.mark.parametrize("length", ["\u00b2", "-5", "9" * 30])
def test_length_that_is_none_is_passed_over(path, length):
    with serving({"/photos.tgz": [whole(BODY, announce=False, Content_Length=length)]}) as server:
        fetch([server.url + "/photos.tgz"], path)
    assert content(path) == BODY


def test_range_error_without_a_range_is_a_refusal(path):
    with serving({"/photos.tgz": [status(416)]}) as server:
        with pytest.raises(DataError, match="status 416"):
            fetch([server.url + "/photos.tgz"], path)
    assert_folder_empty(path)


def test_packed_file_that_the_server_calls_encoded_stays_packed(path):
    packed = gzip.compress(BODY)
    with serving({"/photos.tgz": [whole(packed, Content_Encoding="gzip")]}) as server:
        fetch([server.url + "/photos.tgz"], path)
    assert content(path) == packed
