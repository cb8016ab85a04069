"""Training that is killed at any moment: the same command goes on, and nothing saved is lost."""

import glob
import json
import os
import random
import re
import signal
import time

import pytest
from processes import Script, last_step, read_all_tensors, read_events, train_args

from alexnet_flowers.evaluation import best
from alexnet_flowers.training import checkpoints, runs

SAVE_INTERVAL_STEPS = 2
# What a run's folder holds beside its checkpoints.
BESIDE = {"checkpoint", "graph.pbtxt", "settings.json", "labels.txt", "best"}
MAY_BE = {"best", "set_aside"}
PART = re.compile(r"model\.ckpt-(\d+)\.(index|meta|data-00000-of-00001)$")


def start(folder, num_steps=9999):
    return Script("train", folder, *train_args("data", "--max_number_of_steps=%d" % num_steps))


def kill_at_start(script, run_dir, rng):
    time.sleep(rng.uniform(0.5, 5))


def kill_between(script, run_dir, rng):
    script.wait_until(lambda: last_step(script.lines))
    time.sleep(rng.uniform(0, 3))


def kill_in_a_save(script, run_dir, rng):
    # Later than the temporary file: the index, the list, the removal of the oldest, the graph.
    script.wait_until(lambda: is_saving(run_dir))
    time.sleep(rng.choice([rng.uniform(0, 0.15), rng.uniform(0.15, 0.6)]))


def is_saving(run_dir):
    return os.path.isdir(run_dir) and any(".tempstate" in name for name in os.listdir(run_dir))


def kept(run_dir):
    """Checks a run's folder as it lies there; returns the step it will be resumed from."""
    path = checkpoints.newest(run_dir) if os.path.isdir(run_dir) else None
    if path is None:
        return 0
    step = read_all_tensors(path)
    assert path.endswith("-%d" % step)
    with open(os.path.join(run_dir, "settings.json")) as file:
        content = json.load(file)
    assert content["settings"]["image_size"] == 195 and content["settings"]["batch_size"] == 2
    with open(os.path.join(run_dir, "labels.txt")) as file:
        assert file.read() == "0:daisy\n1:dandelion\n2:roses\n3:sunflowers\n4:tulips\n"
    return step


def check_best(run, step, trial):
    """Keeps the newest checkpoint in every third trial; what is kept stays readable."""
    if step and trial % 3 == 2:
        result = dict.fromkeys(("num_images", "recall_at_2", "cross_entropy"), 1)
        path = checkpoints.newest(run.checkpoints_dir)
        result.update(split="train", curve="train", accuracy=trial / 100)
        result.update(global_step=step, checkpoint=path)
        assert best.keep(run, result)
    there = best.result_of(run)
    if there is not None:
        path = checkpoints.newest(run.best_dir)
        assert read_all_tensors(path) == there["global_step"]


def check_events(run):
    if os.path.isdir(run.summaries_dir):
        for path in glob.glob(os.path.join(run.summaries_dir, "events.*")):
            read_events(path)


@pytest.fixture
def run(tmp_path, tiny_dataset):
    os.symlink(tiny_dataset, str(tmp_path / "data"))
    parents = [str(tmp_path / "runs" / name) for name in ("checkpoints", "summaries")]
    return runs.locate_run("run", *parents)


@pytest.mark.soak
def test_a_killed_run_goes_on_from_what_it_saved(run, tmp_path, trials, tally):
    rng = random.Random(8)
    run_dir = run.checkpoints_dir
    ways = [kill_in_a_save, kill_between, kill_in_a_save, kill_at_start]
    saved = 0
    for trial in range(trials(3, 50)):
        kill = ways[trial % len(ways)]
        names = os.listdir(run_dir) if os.path.isdir(run_dir) else []
        stay = BESIDE | MAY_BE | {"lock"}
        torn = [name for name in names if not PART.match(name) and name not in stay]
        script = start(tmp_path)
        kill(script, run_dir, rng)
        was_saving = is_saving(run_dir)
        ended = script.kill()
        assert ended.status == -signal.SIGKILL and "error" not in ended.error, ended

        if last_step(ended.lines):
            said = re.search(r"continued from .*model\.ckpt-(\d+)$", "\n".join(ended.lines), re.M)
            assert (int(said.group(1)) if said else 0) >= saved
            assert not set(torn) & set(os.listdir(run_dir))
        step = kept(run_dir)
        assert step >= saved and step >= last_step(ended.lines) - SAVE_INTERVAL_STEPS
        saved = step
        check_best(run, step, trial)
        check_events(run)
        tally("training killed", "in the middle of a save" if was_saving else kill.__name__)

    ended = start(tmp_path, saved + 3).finish()
    assert (ended.status, ended.error) == (0, ""), ended
    steps = {saved + 2 + saved % 2, saved + 3} if saved % 2 == 0 else {saved + 1, saved + 3}
    names = os.listdir(run_dir)
    assert {int(PART.match(name).group(1)) for name in names if PART.match(name)} == steps
    assert {name for name in names if not PART.match(name)} - MAY_BE == BESIDE - MAY_BE
    assert kept(run_dir) == saved + 3
    check_events(run)
    with open(os.path.join(run.summaries_dir, "training.csv")) as file:
        steps = [line.split(",")[0] for line in file]
    assert steps == ["step"] + [str(step) for step in range(1, saved + 4)]


@pytest.mark.soak
def test_a_kill_as_a_checkpoint_becomes_complete(run, tmp_path, trials, tally):
    """Its list, whose folder is a relative one here, then does not name it yet, or just so."""
    saved = 0
    for _ in range(trials(1, 20)):
        script = start(tmp_path)
        index = os.path.join(run.checkpoints_dir, "model.ckpt-%d.index" % (saved + 2))
        assert script.wait_until(lambda path=index: os.path.exists(path))
        ended = script.kill()
        assert (ended.status, ended.error) == (-signal.SIGKILL, ""), ended
        saved += 2
        assert kept(run.checkpoints_dir) == saved
        with open(os.path.join(run.checkpoints_dir, "checkpoint"), "a+") as file:
            file.seek(0)
            is_listed = "model.ckpt-%d" % saved in file.read()
        tally("training killed as a checkpoint is complete", "listed: %s" % is_listed)
    ended = start(tmp_path, saved + 1).finish()
    assert (ended.status, ended.error) == (0, ""), ended
    assert "run: continued from runs/checkpoints/run/model.ckpt-%d" % saved in ended.lines
    assert kept(run.checkpoints_dir) == saved + 1


@pytest.mark.soak
@pytest.mark.parametrize(
    "number, status",
    [(signal.SIGTERM, 0), pytest.param(signal.SIGINT, 130, marks=pytest.mark.soak(only=True))],
)
def test_a_signal_in_the_middle_of_a_save(run, tmp_path, number, status, trials, tally):
    for _ in range(trials(1, 5)):
        script = start(tmp_path)
        assert script.wait_until(lambda: is_saving(run.checkpoints_dir))
        script.send(number)
        ended = script.finish()
        assert (ended.status, ended.error) == (status, ""), ended
        assert kept(run.checkpoints_dir) == last_step(ended.lines) > 0
        left = {name for name in os.listdir(run.checkpoints_dir) if not PART.match(name)}
        assert left == BESIDE - {"best"}
        tally("training stopped in a save", "signal %d" % number)


@pytest.mark.soak
def test_a_signal_before_the_first_step_leaves_nothing_or_that_step(run, tmp_path, trials, tally):
    rng = random.Random(9)
    lock = os.path.join(run.checkpoints_dir, "lock")
    for trial in range(trials(1, 10)):
        number = (signal.SIGTERM, signal.SIGINT)[trial % 2]
        script = start(tmp_path)
        assert script.wait_until(lambda: os.path.exists(lock))
        time.sleep(0.2 if trial == 0 else rng.uniform(0, 2))
        script.send(number)
        ended = script.finish()
        stopped = (0, 130)[trial % 2]
        if last_step(ended.lines):
            assert (ended.status, ended.error) == (stopped, ""), ended
            assert kept(run.checkpoints_dir) == last_step(ended.lines)
        else:
            assert ended.status == (143, 130)[trial % 2] and "Traceback" not in ended.error, ended
            assert kept(run.checkpoints_dir) == 0 or trial
        assert not os.path.exists(lock)
        tally("training stopped in its start", "status %d" % ended.status)
