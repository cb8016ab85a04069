"""Files that a command is asked to write: checked first, and never at the cost of another."""

import fcntl
import io
import os
import stat
import sys
import threading
import types

import pytest
from photo_archives import draw

from alexnet_flowers import atomic
from alexnet_flowers.commands import command_line, outputs, picture_output
from alexnet_flowers.errors import UsageError


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))


def write(path, text="[1]"):
    with outputs.written(path) as name, open(name, "w") as file:
        file.write(text)


def test_a_new_file_gets_its_folders(tmp_path):
    outputs.check(json="new/folder/a.json")
    assert os.listdir(str(tmp_path)) == []
    write("new/folder/a.json")
    assert (tmp_path / "new/folder/a.json").read_text() == "[1]"
    outputs.check(json="new/folder/a.json")  # It may be replaced.


def test_a_file_in_the_way_of_the_temporary_one_stays(tmp_path):
    (tmp_path / "a.json.partial").write_text("mine")
    with pytest.raises(UsageError, match="^a.json.partial: is in the way; move it, or name"):
        outputs.check(json="a.json")
    assert os.listdir(str(tmp_path)) == ["a.json.partial"]


def test_a_temporary_file_that_is_being_written_is_waited_for():
    with atomic.opened("a.json") as file:
        file.write("[1]")
        outputs.check(json="a.json")
    os.symlink("a.json", "a.json.partial")
    with pytest.raises(UsageError, match="a.json.partial: is in the way"):
        outputs.check(json="a.json")


def test_who_only_looks_at_a_file_in_the_way_does_not_hide_it_from_another(tmp_path):
    (tmp_path / "a.json.partial").write_text("mine")
    with open("a.json.partial") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)  # As ``atomic.in_the_way`` does for a moment.
        with pytest.raises(UsageError, match="a.json.partial: is in the way"):
            outputs.check(json="a.json")


def test_a_temporary_file_that_gets_its_name_meanwhile_is_in_nobodys_way(monkeypatch):
    lock = fcntl.flock

    def lock_late(descriptor, how):
        os.replace("a.json.partial", "a.json")
        lock(descriptor, how)

    write("a.json.partial")
    monkeypatch.setattr(fcntl, "flock", lock_late)
    outputs.check(json="a.json")


def test_a_link_stays_and_leads_to_the_new_content(tmp_path):
    (tmp_path / "there.json").write_text("{}")
    os.symlink("there.json", "link.json")
    os.symlink("not_yet.json", "dangling.json")
    for name in ("link.json", "dangling.json"):
        outputs.check(json=name)
        write(name)
        assert os.path.islink(name)
    assert (tmp_path / "there.json").read_text() == "[1]"
    assert (tmp_path / "not_yet.json").read_text() == "[1]"


def test_a_device_stays_a_device():
    outputs.check(json=os.devnull, csv=os.devnull)
    write(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_device_that_takes_nothing_is_named():
    with pytest.raises(OSError) as raised:
        write("/dev/full")
    assert raised.value.filename == "/dev/full"


@pytest.mark.parametrize("letter", ["x", "花"])
def test_a_name_of_its_own_is_one_that_a_file_can_have(letter):
    names = [
        picture_output.file_name("score", (one + letter * 255)[: 255 // len(letter.encode())], end)
        for one in "ab"
        for end in ("run_3", "run_40")
    ]
    assert len(set(names)) == 4 and names[0].endswith("_run_3.png")
    for name in names:
        open(name + ".partial", "w").close()
    assert picture_output.file_name("a", "", "b/sgd_0.1", kind="svg") == "a_b_sgd_0.1.svg"
    runs = [["sgd_cosine_seed%d" % seed for seed in seeds] * 9 for seeds in ((1, 2, 3), (1, 9, 3))]
    assert picture_output.file_name(*runs[0]) != picture_output.file_name(*runs[1])


def test_a_named_pipe_is_written_to():
    os.mkfifo("pipe")
    outputs.check(json="pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append(open("pipe").read()))
    reader.start()
    write("pipe")
    reader.join()
    assert read == ["[1]"] and stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_standard_output_gets_it_behind_what_was_printed(tmp_path, monkeypatch):
    with open("log", "wb") as log:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(log))
        for name in ("/dev/fd/%d" % log.fileno(), "log"):
            outputs.check(json=name)
            print("line")
            write(name)
        sys.stdout.flush()
        assert (tmp_path / "log").read_text() == "line\n[1]line\n[1]"


@pytest.mark.parametrize(
    "asked, message",
    [
        (dict(json="photos"), "photos: is a folder; name a file"),
        (dict(json="new/"), "new/: is a folder; name a file"),
        (dict(json="x" * 248), "x: is too long a name for a file; name a shorter one"),
        (
            dict(csv="photos/rose.jpg"),
            "photos/rose.jpg: is there, in a folder that is read .photos.;",
        ),
        (dict(csv="tulip.jpg"), "tulip.jpg: is there and holds no CSV; remove it"),
        (dict(json="link.json"), "link.json: is there and holds no JSON"),
        (dict(picture="notes.png"), "notes.png: is there and holds no PNG"),
        (
            dict(json="photos/dataset.json"),
            "photos/dataset.json: is there, in a folder that is read",
        ),
        (dict(json="a.json", csv="./a.json"), "./a.json: is named for two outputs"),
        (dict(json="tulip.jpg/a.json"), "tulip.jpg/a.json: .*tulip.jpg is no folder"),
    ],
)
def test_what_would_be_lost_or_fail_is_said_first(tmp_path, asked, message):
    (tmp_path / "photos").mkdir()
    for name in ("photos/rose.jpg", "tulip.jpg"):
        (tmp_path / name).write_bytes(draw("roses", 1))
    (tmp_path / "notes.png").write_text("what I thought")
    (tmp_path / "photos/dataset.json").write_text("{}")
    os.symlink("tulip.jpg", "link.json")
    with pytest.raises(UsageError, match=message):
        outputs.check(inputs=["photos", "nowhere"], **asked)


def test_a_table_among_photos_may_be_replaced_and_a_picture_may_not(tmp_path):
    (tmp_path / "photos").mkdir()
    for _ in range(2):
        outputs.check(csv="photos/answers.csv", picture="sheet.png", photos=["photos"])
        write("photos/answers.csv", "photo,label\n")
    (tmp_path / "photos/rose.png").write_bytes(b"\x89PNG\r\n")
    there = "photos/rose.png: is there, in a folder that is read .photos.;"
    with pytest.raises(UsageError, match=there):
        outputs.check(picture="photos/rose.png", photos=["photos"])


def test_the_command_refuses_before_its_work(run_script, random_run, tmp_path):
    (tmp_path / "rose.jpg").write_bytes(draw("roses", 1))
    before = (tmp_path / "rose.jpg").read_bytes()
    done = run_script(
        "predict", "rose.jpg", "--csv=rose.jpg", "--run_name=random", "--device=cpu",
        "--checkpoints_dir=" + os.path.dirname(random_run.checkpoints_dir),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "predict.py: error: rose.jpg: is read; name another file\n"
    assert (tmp_path / "rose.jpg").read_bytes() == before


def test_runs_whose_names_differ_in_a_sign_have_pictures_of_their_own():
    names = [
        picture_output.file_name(
            "kernels",
            network=types.SimpleNamespace(run=types.SimpleNamespace(name=name), global_step=7),
        )
        for name in ("a_b", "a b", "a+b")
    ]
    assert names[0] == "kernels_a_b_7.png" and len(set(names)) == 3


def test_a_note_is_one_line_whatever_names_are_in_it(capsys):
    command_line.note("left out: a\nb\r.jpg")
    assert capsys.readouterr().err == "left out: a\\nb\\r.jpg\n"
