"""Two processes never work in one folder; a dead one's lock is none."""

import os
import signal
import subprocess
import sys

import pytest

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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
