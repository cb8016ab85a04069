"""A file is there whole or not at all, and no other one is touched."""

import os

import pytest

from alexnet_flowers import json_file
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
