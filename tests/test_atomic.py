"""A file is there whole or not at all, and no other one is touched."""

import errno
import os
import stat
import threading

import pytest

from alexnet_flowers import atomic, json_file, new_folder
from alexnet_flowers.errors import DataError


@pytest.mark.parametrize(
    "make",
    [os.mkdir, os.mkfifo, lambda path: os.symlink("mine", path)],
    ids=["folder", "pipe", "link"],
)
def test_nothing_is_written_through_what_has_the_temporary_name(make, tmp_path):
    (tmp_path / "mine").write_text("mine")
    make(str(tmp_path / "a.json.partial"))
    with pytest.raises(DataError, match="a.json.partial: is in the way; move it away"):
        json_file.write(str(tmp_path / "a.json"), {})
    assert (tmp_path / "mine").read_text() == "mine"
    assert sorted(os.listdir(str(tmp_path))) == ["a.json.partial", "mine"]


def test_a_folder_in_a_files_place_is_named(tmp_path):
    (tmp_path / "labels.txt").mkdir()
    with pytest.raises(DataError, match="labels.txt: is a folder; move it away"):
        json_file.write(str(tmp_path / "labels.txt"), {})
    assert os.listdir(str(tmp_path)) == ["labels.txt"]


def test_a_folder_that_cannot_be_synced_may_be_written_to(tmp_path, monkeypatch):
    def fail_for_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    number = errno.EINVAL
    json_file.write(str(tmp_path / "a.json"), {})
    assert (tmp_path / "a.json").exists()
    number = errno.EIO
    with pytest.raises(OSError):
        json_file.write(str(tmp_path / "b.json"), {})


def test_a_folder_that_cannot_be_read_may_be_written_to(tmp_path, monkeypatch):
    def opened(path, *rest):
        if path == str(tmp_path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really_open(path, *rest)

    really_open = os.open
    monkeypatch.setattr(os, "open", opened)
    json_file.write(str(tmp_path / "a.json"), [1])
    assert json_file.read(str(tmp_path / "a.json")) == [1]


def test_a_folder_that_cannot_be_synced_costs_nobody_else_a_file(tmp_path, monkeypatch):
    def fail_for_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            partial.write_text("of the next one")
            raise OSError(errno.EIO, "Input/output error")

    partial = tmp_path / "a.json.partial"
    monkeypatch.setattr(os, "fsync", fail_for_folders)
    with pytest.raises(OSError):
        json_file.write(str(tmp_path / "a.json"), {})
    assert partial.exists()


def test_folders_that_were_made_on_a_detour_are_gone_after_an_error(tmp_path):
    with pytest.raises(DataError):
        with new_folder.made(str(tmp_path / "new/../other/within")):
            raise DataError("none")
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    "function, answer",
    [("os.path.ismount", lambda path: True), ("os.access", lambda path, mode: False)],
)
def test_an_empty_folder_that_cannot_be_replaced_is_refused_before_it_is_filled(
    function, answer, tmp_path, monkeypatch
):
    (tmp_path / "volume").mkdir()
    monkeypatch.setattr(function, answer)
    with pytest.raises(DataError, match="volume: no new folder can take its place.* within it$"):
        with new_folder.whole(str(tmp_path / "volume")):
            raise AssertionError("filled")
    with new_folder.whole(str(tmp_path / "volume" / "new")):
        pass
    assert os.listdir(str(tmp_path)) == ["volume"]
    assert os.listdir(str(tmp_path / "volume")) == ["new"]


@pytest.mark.parametrize("filled", [new_folder.whole, new_folder.added_to])
def test_a_folder_that_cannot_be_filled_is_named_and_left_as_it_was(filled, tmp_path):
    path = str(tmp_path / "new" / "within")

    def fill():
        with filled(path) as folder, open(os.path.join(folder, "a"), "w") as file:
            file.write("new")
            raise OSError(errno.ENOSPC, "No space left on device")  # Python knows no name here.

    with pytest.raises(OSError) as raised:
        fill()
    assert raised.value.filename == path and os.listdir(str(tmp_path)) == []
    if filled is new_folder.added_to:
        os.makedirs(path)
        (tmp_path / "new" / "within" / "a").write_text("before")
        with pytest.raises(OSError):
            fill()
        assert os.listdir(path) == ["a"]
        assert (tmp_path / "new" / "within" / "a").read_text() == "before"


def test_an_empty_folder_that_is_filled_keeps_its_permissions(tmp_path):
    mine = tmp_path / "private"
    mine.mkdir()
    mine.chmod(0o700)
    with new_folder.whole(str(mine)) as folder:
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700


def test_the_folder_in_which_it_was_started_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    with pytest.raises(DataError, match="no new folder can take its place.* within it$"):
        with new_folder.whole("."):
            raise AssertionError("filled")
    with new_folder.whole("new"):
        pass
    assert os.listdir(str(tmp_path)) == ["new"]


def test_of_two_who_write_a_file_at_once_one_waits_for_the_other(tmp_path):
    path = str(tmp_path / "a.json")
    with atomic.opened(path) as file:
        file.write("[1, ")
        second = threading.Thread(target=json_file.write, args=(path, [2]))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        file.write("1]")
    second.join()
    assert json_file.read(path) == [2] and os.listdir(str(tmp_path)) == ["a.json"]


def test_who_waits_in_vain_is_told_and_spoils_nothing(tmp_path, monkeypatch):
    path = str(tmp_path / "a.json")
    monkeypatch.setattr(atomic, "_WAIT_SECS", 0)
    with atomic.opened(path) as file:
        file.write("[1]")
        with pytest.raises(DataError, match="a.json: is being written by another process"):
            json_file.write(path, [2])
    assert json_file.read(path) == [1]


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[]")
    path.chmod(0o600)
    json_file.write(str(path), [1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
