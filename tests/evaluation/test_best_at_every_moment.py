"""At every moment there is one best checkpoint with its result: after a kill, beside others."""

import contextlib
import multiprocessing
import os
import shutil

import pytest
from best_checkpoints import kept_path, measured, run_of_three

from alexnet_flowers import atomic
from alexnet_flowers.evaluation import best
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, upkeep


@pytest.fixture
def run(random_run, tmp_path):
    return run_of_three(random_run, tmp_path)


@contextlib.contextmanager
def killed_after(number, monkeypatch):
    """A context in which so many files are put in their places, and the next one never is."""
    replace, calls = os.replace, []

    def killed(*args):
        calls.append(args)
        if len(calls) > number:
            raise KeyboardInterrupt
        replace(*args)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        yield


@pytest.mark.parametrize("number", range(13))
def test_a_kill_mixes_no_two_of_one_step(run, monkeypatch, number):
    assert best.keep(run, measured(run, 8, 0.5))
    source = os.path.join(run.checkpoints_dir, "model.ckpt-8")
    old = {".index": "old.index", ".data-00000-of-00001": "old.data"}
    for suffix, name in old.items():  # The step is made again: other files of the same sizes.
        old[suffix] = os.path.join(run.checkpoints_dir, name)
        os.rename(source + suffix, old[suffix])
    shutil.copy(old[".index"], source + ".index")
    with open(source + ".data-00000-of-00001", "wb") as file:
        file.truncate(os.path.getsize(old[".data-00000-of-00001"]))
    with killed_after(number, monkeypatch):
        with contextlib.suppress(KeyboardInterrupt):
            best.keep(run, measured(run, 8, 0.9))
    kept = best.result_of(run)
    path = os.path.join(run.best_dir, kept["checkpoint"])
    are_old = {os.path.samefile(path + suffix, name) for suffix, name in old.items()}
    assert are_old == {kept["accuracy"] == 0.5}
    if number == 12:
        assert kept["accuracy"] == 0.9 and len(checkpoints.all_begun(run.best_dir)) == 1


@pytest.mark.parametrize("number", range(8))
def test_what_a_kill_has_left_of_an_older_one_is_mixed_with_nothing(run, monkeypatch, number):
    assert best.keep(run, measured(run, 8, 0.5))
    with killed_after(5, monkeypatch), contextlib.suppress(KeyboardInterrupt):
        best.keep(run, measured(run, 9, 0.6))
    assert len(checkpoints.all_begun(run.best_dir)) == 2
    source = os.path.join(run.checkpoints_dir, "model.ckpt-8")
    for suffix in (".index", ".data-00000-of-00001"):  # The step is made again: other files.
        os.rename(source + suffix, source + suffix + ".old")
        shutil.copy(source + suffix + ".old", source + suffix)
    with killed_after(number, monkeypatch), contextlib.suppress(KeyboardInterrupt):
        best.keep(run, measured(run, 8, 0.9))
    kept = best.result_of(run)
    if kept["accuracy"] == 0.9:
        for part in checkpoints.parts(os.path.join(run.best_dir, "model.ckpt-8")):
            assert os.path.samefile(part, os.path.join(run.checkpoints_dir, os.path.basename(part)))
    else:
        assert kept["checkpoint"] == "model.ckpt-9"


@pytest.mark.parametrize("number", range(8))
def test_a_kill_at_any_moment_leaves_one_with_its_result(run, monkeypatch, number):
    assert best.keep(run, measured(run, 8, 0.5))
    with killed_after(number, monkeypatch):
        if number < 7:  # Data, settings, labels; result, index; list; removal of the old one.
            with pytest.raises(KeyboardInterrupt):
                best.keep(run, measured(run, 9, 0.9))
        else:
            assert best.keep(run, measured(run, 9, 0.9))
    step, accuracy = (9, 0.9) if number > 4 else (8, 0.5)
    assert kept_path(run).endswith("model.ckpt-%d" % step)
    assert best.result_of(run)["accuracy"] == accuracy
    assert not best.keep(run, measured(run, 7, accuracy))
    assert best.keep(run, measured(run, 7, 0.95))
    assert kept_path(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.95
    names = os.listdir(os.path.dirname(kept_path(run)))
    assert not [name for name in names if "-8" in name or "-9" in name or "temp" in name]


def test_it_is_on_the_disk_before_the_one_before_goes(run, monkeypatch):
    assert best.keep(run, measured(run, 7, 0.5))
    synced, gone, remove = [], [], upkeep.remove

    def remove_lasting(path):
        gone.append(os.path.basename(path))
        parts = checkpoints.parts(os.path.join(run.best_dir, "model.ckpt-8"))
        assert len(parts) == 2 and set(parts + [run.best_dir]) <= set(synced)
        remove(path)

    monkeypatch.setattr(atomic, "sync", synced.append)
    monkeypatch.setattr(upkeep, "remove", remove_lasting)
    assert best.keep(run, measured(run, 8, 0.6)) and gone == ["model.ckpt-7"]


@pytest.fixture
def small(run):
    """One of another name in that folder, of one variable."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("global_step", initializer=5)
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        saver.save(session, os.path.join(run.checkpoints_dir, "small"), write_state=False)


def _keep_all(run, steps, failures):
    best._WAIT_SECS = 600  # A slow disk, and the other process may have every turn.
    for step in steps:
        try:
            best.keep(run, measured(run, step, step / 1000.0))
        except BaseException as error:
            failures.put("keep: %r" % error)
            return  # More than a pipe holds would keep this process from its end.


def _read_always(run, ended, failures):
    seen = False
    while not ended.is_set():
        try:
            result = best.result_of(run)
            if seen:
                checkpoints.read_newest(run.best_dir, None, checkpoints.global_step_of)
            assert result or not seen, "none at this moment"
            seen = seen or bool(result)
        except BaseException as error:
            failures.put("read: %r" % error)
            return  # More than a pipe holds would keep this process from its end.


def test_several_can_keep_and_others_read_at_once(run, small, trials, tally):
    steps = range(10, trials(60, 400))
    for step in steps:
        for suffix in (".index", ".data-00000-of-00001"):
            source = os.path.join(run.checkpoints_dir, "small") + suffix
            os.link(source, os.path.join(run.checkpoints_dir, "model.ckpt-%d" % step + suffix))
    context = multiprocessing.get_context("spawn")  # Threads of TensorFlow outlive no fork.
    failures, ended = context.Queue(), context.Event()
    keeping = [context.Process(target=_keep_all, args=(run, steps, failures)) for _ in range(2)]
    reading = context.Process(target=_read_always, args=(run, ended, failures))
    for process in keeping + [reading]:
        process.start()
    for process in keeping:
        process.join()
    ended.set()
    reading.join()
    assert failures.empty(), failures.get()
    assert best.result_of(run)["global_step"] == steps[-1]
    assert kept_path(run).endswith("model.ckpt-%d" % steps[-1])
    tally("best checkpoints kept by two at once", "as one", len(steps))


def test_a_reader_that_two_better_ones_overtake_finds_the_third(run, monkeypatch):
    chosen = dict(measured(run, 7, 0.5), curve="validation")
    results = [dict(chosen, checkpoint="model.ckpt-%d" % step) for step in (7, 8, 9)]
    first = (results[1], results[0])  # 7 goes while it is looked for, and in the next look 8 too.
    reads = iter([first, first, (results[2], results[1])])
    monkeypatch.setattr(best, "_read", lambda path: next(reads))
    monkeypatch.setattr(checkpoints, "is_complete", lambda path: path.endswith("model.ckpt-9"))
    assert best.result_of(run)["checkpoint"] == "model.ckpt-9"
