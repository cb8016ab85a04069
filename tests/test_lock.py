"""Two processes never work in one folder; a dead one's lock is none."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from conftest import ROOT

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError

_HOLD = (
    "import sys; sys.path.insert(0, %r)\n"
    "from alexnet_flowers import lock\n"
    "with lock.held(sys.argv[1], 'trained'):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n" % ROOT
)


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_with_the_firsts_process_id(holder, tmp_path):
    message = "is being trained by another process, %d; wait" % holder.pid
    for _ in range(2):
        with pytest.raises(DataError, match=message):
            with lock.held(str(tmp_path), "trained"):
                pass
    assert (tmp_path / "lock").read_text() == "%d\n" % holder.pid


def test_others_can_look_whether_it_is_held(holder, tmp_path):
    assert lock.is_held(str(tmp_path)) and not lock.is_held(str(tmp_path / "none"))
    holder.kill()
    holder.wait()
    assert not lock.is_held(str(tmp_path))
    assert (tmp_path / "lock").exists()


def test_a_look_refuses_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_LOOK_SECS", 60)  # This process may be kept from running.
    with open(str(tmp_path / "lock"), "w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(lock.time, "sleep", lambda secs: looking.close())
        with lock.held(str(tmp_path), "trained"):
            pass


def test_a_killed_process_leaves_no_lock(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "lock").exists()
    with lock.held(str(tmp_path), "trained"):
        assert (tmp_path / "lock").read_text() == "%d\n" % os.getpid()
    assert os.listdir(str(tmp_path)) == []


def test_the_lock_ends_with_its_block_also_by_an_error(tmp_path):
    with pytest.raises(ValueError):
        with lock.held(str(tmp_path), "trained"):
            raise ValueError
    with lock.held(str(tmp_path), "trained"):
        with pytest.raises(DataError, match="%d" % os.getpid()):
            with lock.held(str(tmp_path), "trained"):
                pass


def test_one_waits_as_long_as_it_is_told_to(holder, tmp_path):
    with pytest.raises(DataError, match="is being trained"):
        with lock.held(str(tmp_path), "trained", wait_secs=0.05):
            pass
    killing = threading.Timer(0.3, holder.kill)
    killing.start()
    with lock.held(str(tmp_path), "trained", wait_secs=60):
        assert (tmp_path / "lock").read_text() == "%d\n" % os.getpid()
    killing.join()


def test_what_is_no_file_is_no_lock_and_stays(tmp_path):
    path, mine = tmp_path / "lock", tmp_path / "mine.txt"
    mine.write_text("mine")

    def refused():
        with pytest.raises(DataError, match="lock: is not the lock of a process; move it away"):
            with lock.held(str(tmp_path), "trained"):
                pass
        assert os.path.lexists(str(path))

    path.symlink_to(mine)
    refused()
    assert mine.read_text() == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "none")
    refused()
    assert not (tmp_path / "none").exists()
    path.unlink()
    os.mkfifo(str(path))
    refused()
    path.unlink()
    path.mkdir()
    refused()
    path.rmdir()
    os.link(str(mine), str(path))
    refused()
    assert mine.read_text() == "mine"
    path.unlink()
    path.write_text("my notes about locks")
    refused()
    assert path.read_text() == "my notes about locks"


def test_what_a_lock_says_is_printed_only_if_it_is_a_number(holder, tmp_path):
    (tmp_path / "lock").write_bytes(b"\x1b]0;owned\x07\xff")
    with pytest.raises(DataError, match="by another process, unknown;"):
        with lock.held(str(tmp_path), "trained"):
            pass


def test_a_folder_that_another_process_made_anew_keeps_its_lock(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with lock.held(str(folder), "trained"):
        shutil.rmtree(str(folder))
        folder.mkdir()
        of_another = lock.held(str(folder), "trained")
        of_another.__enter__()
    with pytest.raises(DataError, match="is being trained"):
        with lock.held(str(folder), "trained"):
            pass
    of_another.__exit__(None, None, None)
    assert os.listdir(str(folder)) == []


def test_a_disk_without_locks_is_named(tmp_path, monkeypatch):
    def flock(*args):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with pytest.raises(DataError) as caught:
        with lock.held(str(tmp_path), "trained"):
            pass
    assert str(caught.value) == (
        "%s: its disk has no locks (Function not implemented), as a network disk that is mounted "
        "without them; name a folder on another disk, or mount it with flock" % tmp_path
    )
    assert not os.listdir(str(tmp_path)) and not lock.is_held(str(tmp_path))
    (tmp_path / "lock").write_text("")
    assert not lock.is_held(str(tmp_path))
