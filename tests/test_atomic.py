"""A file is there whole or not at all, and no other one is touched."""

import errno
import os
import stat

import pytest

from alexnet_flowers import json_file, new_folder
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
