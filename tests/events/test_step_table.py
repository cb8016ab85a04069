"""Tables by step: each step once, whatever a process left behind."""

import errno
import os

import pytest

from alexnet_flowers.errors import DataError, WriteError
from alexnet_flowers.events import step_table

COLUMNS = ["step", "loss"]


def made_of(content, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    return str(path)


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize(
    "before, newest, after",
    [
        (b"", 0, b""),
        (b"step,lo", 0, b""),  # The machine was lost in its first moment.
        (b"step,loss\n1,0.5\n2,0.25\n3,0.125\n", 2, b"1,0.5\n2,0.25\n"),  # Steps made again.
        (b"step,loss\n1,0.5\n2,0.2", 2, b"1,0.5\n"),  # Torn, and no less a number.
        (b"step,loss\n1,0.5\n\0\0\0\0\n2,0.2\n2,0.3\n", 9, b"1,0.5\n2,0.3\n"),
        (b"step,loss\r\n1,0.5\r\n", 1, b"1,0.5\n"),  # Saved by a spreadsheet program.
    ],
)
def test_a_run_goes_on_with_the_lines_of_the_steps_before(before, newest, after, tmp_path):
    path = made_of(before, tmp_path)
    table = step_table.StepTable(path, COLUMNS, newest)
    assert content_of(path) == b"step,loss\n" + after
    table.add([newest + 1, 0.1])
    assert content_of(path) == b"step,loss\n" + after + b"%d,0.1\n" % (newest + 1)


def test_another_table_is_left_alone(tmp_path):
    path = made_of(b"step,accuracy\n1,0.5\n", tmp_path)
    with pytest.raises(DataError, match="t.csv: does not begin with step,loss; move it away"):
        step_table.StepTable(path, COLUMNS, 0)
    assert content_of(path) == b"step,accuracy\n1,0.5\n"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_file_is_left_alone(make, tmp_path):
    make(str(tmp_path / "t.csv"))
    with pytest.raises(DataError, match="t.csv: is no file; move it away"):
        step_table.put(str(tmp_path / "t.csv"), COLUMNS, [1, 0.5])
    assert os.listdir(str(tmp_path)) == ["t.csv"]


def test_a_line_takes_its_place_and_that_of_its_step(tmp_path):
    path = str(tmp_path / "t.csv")
    for step, loss in ((20, 1), (5, 2), (20, 3.25)):
        step_table.put(path, COLUMNS, [step, loss])
    assert content_of(path) == b"step,loss\n5,2\n20,3.25\n"


def test_lines_are_on_the_disk_once_that_is_asked_for(tmp_path, monkeypatch):
    path, synced = str(tmp_path / "t.csv"), []
    table = step_table.StepTable(path, COLUMNS, 0)
    table.add([1, 0.5])
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    table.make_lasting()
    assert synced == [os.stat(path).st_ino] and content_of(path) == b"step,loss\n1,0.5\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_an_error_of_writing(tmp_path):
    table = step_table.StepTable(str(tmp_path / "t.csv"), COLUMNS, 0)
    table._file = open("/dev/full", "ab", buffering=0)
    with pytest.raises(
        WriteError, match="t.csv: cannot be written: %s" % os.strerror(errno.ENOSPC)
    ):
        table.add([1, 0.5])
