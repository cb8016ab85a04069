"""Members of a cluster that are killed, refused or gone: what becomes of the others."""

import os
import signal

import clusters
import pytest
from clusters import errors_of, newest_step
from processes import last_step

from alexnet_flowers.distributed import local_cluster
from alexnet_flowers.training import checkpoints

# Each takes most of a minute. What a killed synchronous chief leaves is in test_sync_replicas.py.
LONG = pytest.mark.soak(only=True)


@pytest.fixture
def members(tmp_path, tiny_dataset):
    with clusters.starting(tmp_path, tiny_dataset) as start:
        yield start


@LONG
@pytest.mark.parametrize("how", ["asynchronous", "synchronous"])
def test_a_worker_that_was_killed_joins_again(tmp_path, members, how):
    # A synchronous chief waits; the other one must not be at its end before the worker is back.
    flags, steps = (["--sync_replicas"], 20) if how == "synchronous" else ([], 60)
    started = members("--max_number_of_steps=%d" % steps, "--save_summaries_secs=0", *flags)
    chief, other = started.workers
    assert other.wait_until(lambda: last_step(other.lines) >= 2)
    other.kill()
    if how == "asynchronous":
        here = last_step(chief.lines)
        assert chief.wait_until(lambda: last_step(chief.lines) > here)  # It goes on.
    again = started.workers[1] = started.start("worker", 1)
    ends = started.finish()
    assert newest_step(tmp_path) == steps and last_step(again.lines) > 0
    assert any("finished at step %d of %d" % (steps, steps) in line for line in ends[0].lines)


@LONG
@pytest.mark.parametrize("how", ["asynchronous", "synchronous"])
def test_a_chief_that_was_killed_goes_on_from_its_checkpoint(tmp_path, members, how):
    flags = ["--sync_replicas"] if how == "synchronous" else []
    started = members(
        "--max_number_of_steps=16", "--save_interval_steps=4", "--save_summaries_secs=0", *flags
    )
    chief = started.workers[0]
    run_dir = str(tmp_path / "runs" / "checkpoints" / "run")
    assert chief.wait_until(lambda: os.path.isdir(run_dir) and checkpoints.newest(run_dir))
    chief.kill()
    saved = checkpoints.global_step_of(checkpoints.newest(run_dir))
    started.workers[0] = started.start("worker", 0)
    ends = started.finish()
    assert ends[0].lines[0] == "run run: continued from step %d" % saved
    assert newest_step(tmp_path) == 16


def test_a_server_that_goes_away_is_an_error(members):
    started = members("--max_number_of_steps=9999", "--save_summaries_secs=0", num_workers=1)
    (chief,) = started.workers
    assert chief.wait_until(lambda: last_step(chief.lines) >= 2)
    started.server.kill()
    ended = chief.finish()
    assert ended.status == 1
    # TensorFlow's own log may tell of the lost connection, before and after.
    (line,) = [one for one in ended.error.splitlines() if one.startswith("train.py: error: ")]
    assert "server" in line and " is gone" in line
    assert "Traceback" not in ended.error


def test_whoever_ends_all_members_at_once_loses_no_step(tmp_path, members):
    """As a scheduler of jobs does, or what stops containers."""
    started = members("--max_number_of_steps=9999", "--save_summaries_secs=0", num_workers=1)
    (chief,) = started.workers
    assert chief.wait_until(lambda: last_step(chief.lines) >= 2)
    for member in (started.server, chief):
        member.send(signal.SIGTERM)
    ended = chief.finish()
    assert ended.status == 143 and newest_step(tmp_path) == last_step(ended.lines), ended
    assert started.server.finish().status == 143


def test_whoever_is_refused_harms_nobody(tmp_path, members, tiny_dataset):
    started = members("--max_number_of_steps=40", "--save_summaries_secs=0")
    chief, other = started.workers
    other.kill()  # Before it has joined: it still imports TensorFlow.
    assert chief.wait_until(lambda: last_step(chief.lines) >= 2)
    chief.send(signal.SIGSTOP)  # It might be at its end before the others have even started.
    one, two = ("--worker_hosts=127.0.0.1:%d" % port for port in local_cluster.free_ports(2))
    intruders = [
        (started.start("worker", 0, one), 1, "is being trained by another process"),
        (started.start("worker", 0, two, "--run_name=new"), 2, "is of another cluster"),
        (started.start("worker", 1, "--optimizer=adam"), 2, "optimizer is sgd there and adam here"),
    ]
    for intruder, status, message in intruders:
        ended = intruder.finish()
        (line,) = errors_of(ended)
        assert ended.status == status and message in line
        assert not last_step(ended.lines)
    assert not os.path.exists(str(tmp_path / "runs" / "checkpoints" / "new"))
    chief.send(signal.SIGCONT)
    started.workers[1] = started.start("worker", 1)
    ends = started.finish()
    assert newest_step(tmp_path) == 40 and any("step 40 of 40" in line for line in ends[0].lines)


@LONG
def test_a_synchronous_chief_that_was_killed_at_its_end_finds_its_worker(tmp_path, members):
    started = members(
        "--sync_replicas", "--max_number_of_steps=6", "--save_interval_steps=4",
        "--save_summaries_secs=0",
    )  # fmt: skip
    chief, other = started.workers
    # The last step is made; the chief checks and saves it.
    assert other.wait_until(lambda: last_step(other.lines) == 6)
    chief.kill()
    if newest_step(tmp_path) == 6:
        pytest.skip("this time it was saved before the chief was killed")
    started.workers[0] = started.start("worker", 0)
    started.finish()
    assert newest_step(tmp_path) == 6


@LONG
def test_a_worker_that_never_comes_back_keeps_nobody(tmp_path, members):
    started = members("--max_number_of_steps=20", "--save_summaries_secs=0")
    chief, other = started.workers
    assert other.wait_until(lambda: last_step(other.lines) >= 2)
    other.kill()
    started.workers.remove(other)
    chief, server = started.finish()
    assert newest_step(tmp_path) == 20
    assert server.lines[-1] == "server 0: the chief has left; never came, or are gone: worker 1"
