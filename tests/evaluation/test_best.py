"""The best checkpoint stays, whatever training removes."""

import contextlib
import errno
import json
import multiprocessing
import os
import shutil
import types

import pytest
from saved_checkpoints import copy_of_run

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError, UsageError, WriteError
from alexnet_flowers.evaluation import best, within_training
from alexnet_flowers.events import step_table
from alexnet_flowers.inference import trained_network
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, runs, upkeep


@pytest.fixture
def run(random_run, tmp_path):
    """A run of its own with three checkpoints, of the steps 7, 8 and 9."""
    copied = runs.locate_run("mine", str(tmp_path / "c"), str(tmp_path / "s"))
    copy_of_run(random_run, copied.checkpoints_dir)
    for name in os.listdir(copied.checkpoints_dir):
        for step in ("8", "9"):
            if name.startswith("model.ckpt-7."):
                os.link(
                    os.path.join(copied.checkpoints_dir, name),
                    os.path.join(copied.checkpoints_dir, name.replace("-7.", "-%s." % step)),
                )
    upkeep.write_list(copied.checkpoints_dir, ["model.ckpt-%d" % n for n in (7, 8, 9)])
    return copied


@pytest.fixture
def small(run):
    """One of another name in that folder, of one variable."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("global_step", initializer=5)
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        saver.save(session, os.path.join(run.checkpoints_dir, "small"), write_state=False)


def _result(run, step, accuracy, curve="validation"):
    return {
        "split": "validation", "curve": curve, "num_images": 5, "accuracy": accuracy,
        "recall_at_2": 1.0, "cross_entropy": 1.0, "global_step": step,
        "checkpoint": os.path.join(run.checkpoints_dir, "model.ckpt-%d" % step),
    }  # fmt: skip


def _kept(run):
    return checkpoints.newest(os.path.join(run.checkpoints_dir, "best"))


def test_the_most_accurate_one_is_kept(run):
    assert best.result_of(run) is None
    assert best.keep(run, _result(run, 7, 0.5))
    assert not best.keep(run, _result(run, 8, 0.5))  # No better.
    assert _kept(run).endswith("best/model.ckpt-7")
    assert best.keep(run, _result(run, 9, 0.6))
    assert _kept(run).endswith("best/model.ckpt-9")
    assert best.result_of(run)["accuracy"] == 0.6
    assert sorted(os.listdir(os.path.dirname(_kept(run)))) == [
        "best.json", "checkpoint", "labels.txt", "model.ckpt-9.data-00000-of-00001",
        "model.ckpt-9.index", "settings.json",
    ]  # fmt: skip


def test_it_outlives_the_runs_own_and_can_be_asked(run):
    assert best.keep(run, _result(run, 7, 0.5))
    for name in os.listdir(run.checkpoints_dir):
        if name.startswith("model.ckpt"):
            os.remove(os.path.join(run.checkpoints_dir, name))
    folder = os.path.join(run.checkpoints_dir, "best")
    chosen = runs.choose_run(None, folder, os.path.dirname(run.checkpoints_dir), "s")
    name = os.path.basename(run.checkpoints_dir)
    assert chosen == (name, folder, os.path.join("s", name))
    with trained_network.TrainedNetwork(chosen, folder, "cpu") as network:
        assert network.class_names[0] == "daisy" and network.image_size == 195


def test_one_that_training_has_removed_meanwhile_is_not_kept(run):
    assert best.keep(run, _result(run, 7, 0.5))
    os.remove(os.path.join(run.checkpoints_dir, "model.ckpt-8.data-00000-of-00001"))
    lines = []
    assert not best.keep(run, _result(run, 8, 0.9), lines.append)
    (line,) = lines
    assert "best: step 8 would be the best one, but training has removed it meanwhile; a" in line
    assert _kept(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.5


def test_one_whose_parts_are_relative_links_is_kept(run):
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.rename(path, path + ".stored")
        os.symlink(os.path.basename(path) + ".stored", path)
    assert best.keep(run, _result(run, 7, 0.5))
    assert _kept(run).endswith("model.ckpt-7")


def test_a_copy_that_finds_no_room_leaves_nothing(run, monkeypatch):
    def full(source, target):
        with open(target, "w") as file:
            file.write("half")
        raise OSError(28, "No space left on device")

    def none(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", none)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        best.keep(run, _result(run, 7, 0.5))
    assert os.listdir(run.best_dir) == []


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
    assert best.keep(run, _result(run, 8, 0.5))
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
            best.keep(run, _result(run, 8, 0.9))
    kept = best.result_of(run)
    path = os.path.join(run.best_dir, kept["checkpoint"])
    are_old = {os.path.samefile(path + suffix, name) for suffix, name in old.items()}
    assert are_old == {kept["accuracy"] == 0.5}
    if number == 12:
        assert kept["accuracy"] == 0.9 and len(checkpoints.all_begun(run.best_dir)) == 1


@pytest.mark.parametrize("number", range(8))
def test_what_a_kill_has_left_of_an_older_one_is_mixed_with_nothing(run, monkeypatch, number):
    assert best.keep(run, _result(run, 8, 0.5))
    with killed_after(5, monkeypatch), contextlib.suppress(KeyboardInterrupt):
        best.keep(run, _result(run, 9, 0.6))
    assert len(checkpoints.all_begun(run.best_dir)) == 2
    source = os.path.join(run.checkpoints_dir, "model.ckpt-8")
    for suffix in (".index", ".data-00000-of-00001"):  # The step is made again: other files.
        os.rename(source + suffix, source + suffix + ".old")
        shutil.copy(source + suffix + ".old", source + suffix)
    with killed_after(number, monkeypatch), contextlib.suppress(KeyboardInterrupt):
        best.keep(run, _result(run, 8, 0.9))
    kept = best.result_of(run)
    if kept["accuracy"] == 0.9:
        for part in checkpoints.parts(os.path.join(run.best_dir, "model.ckpt-8")):
            assert os.path.samefile(part, os.path.join(run.checkpoints_dir, os.path.basename(part)))
    else:
        assert kept["checkpoint"] == "model.ckpt-9"


@pytest.mark.parametrize("number", range(8))
def test_a_kill_at_any_moment_leaves_one_with_its_result(run, monkeypatch, number):
    assert best.keep(run, _result(run, 8, 0.5))
    with killed_after(number, monkeypatch):
        if number < 7:  # Data, settings, labels; result, index; list; removal of the old one.
            with pytest.raises(KeyboardInterrupt):
                best.keep(run, _result(run, 9, 0.9))
        else:
            assert best.keep(run, _result(run, 9, 0.9))
    step, accuracy = (9, 0.9) if number > 4 else (8, 0.5)
    assert _kept(run).endswith("model.ckpt-%d" % step)
    assert best.result_of(run)["accuracy"] == accuracy
    assert not best.keep(run, _result(run, 7, accuracy))
    assert best.keep(run, _result(run, 7, 0.95))
    assert _kept(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.95
    names = os.listdir(os.path.dirname(_kept(run)))
    assert not [name for name in names if "-8" in name or "-9" in name or "temp" in name]


DAMAGED = ["", "[", "null", "[1]", '{"split": "validation"}', "[" * 100000]
DAMAGED += [
    '{"split": "validation", "global_step": %s, "accuracy": %s}' % numbers
    for numbers in (
        ("7", '"high"'),
        ("7", "NaN"),
        ("7", "55"),
        ("7", "9" * 400),
        ('"7"', "0.5"),
        ("7.5", "0.5"),
        ("7", "null"),
    )
]
DAMAGED += ['{"split": [], "global_step": 7, "accuracy": 1}', "\udcff"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_result_is_set_aside_with_its_checkpoint(run, content):
    assert best.keep(run, _result(run, 7, 0.5))
    folder = os.path.dirname(_kept(run))
    with open(os.path.join(folder, "best.json"), "w", errors="surrogateescape") as file:
        file.write(content)
    with pytest.raises(DataError, match="best.json: damaged"):
        best.result_of(run)
    lines = []
    assert best.keep(run, _result(run, 8, 0.1), lines.append)
    (line,) = lines
    assert line.startswith("%s: moved to set_aside: best.json, model.ckpt-7.index, " % folder)
    assert best.result_of(run)["accuracy"] == 0.1 and _kept(run).endswith("-8")
    assert checkpoints.newest(os.path.join(folder, "set_aside")).endswith("-7")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_a_result_that_is_no_file_is_set_aside_and_not_waited_for(run, make):
    assert best.keep(run, _result(run, 7, 0.5))
    folder = os.path.dirname(_kept(run))
    path = os.path.join(folder, "best.json")
    os.remove(path)
    make(path)
    with pytest.raises(DataError, match="best.json: is no file"):
        best.result_of(run)
    assert best.keep(run, _result(run, 8, 0.1))
    assert os.path.lexists(os.path.join(folder, "set_aside", "best.json"))
    assert _kept(run).endswith("-8")


def test_a_training_that_evaluates_itself_goes_on_after_a_damaged_result(run):
    assert best.keep(run, _result(run, 7, 0.5))
    open(os.path.join(run.checkpoints_dir, "best", "best.json"), "w").close()
    lines = []
    evaluation = within_training.Evaluation(run, None, 2, 1, lines.append)
    assert not evaluation.is_enough(100)
    assert "best.json: damaged" in lines[0] and "; training goes on without" in lines[0]


def test_a_kill_before_the_best_one_is_kept_loses_no_evaluation(run, monkeypatch):
    os.makedirs(run.summaries_dir)
    table = os.path.join(run.summaries_dir, "validation.csv")
    row = [9, 0.9, 1.0, 1.0]
    made = types.SimpleNamespace(
        evaluate=lambda path: dict(_result(run, 9, 0.9)),
        write_result=lambda _: step_table.put(table, step_table.EVALUATION_COLUMNS, row),
    )

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(best, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            within_training.Evaluation(run, lambda: made, 3, 0).evaluate("model.ckpt-9")
    within_training.Evaluation(run, lambda: made, 3, 0).catch_up("model.ckpt-9", 9, False)
    assert best.result_of(run)["global_step"] == 9


def test_what_others_do_meanwhile_ends_no_training(run, monkeypatch):
    def write_result(result):
        raise DataError("validation: is being written by another process")

    made = types.SimpleNamespace(
        evaluate=lambda path: dict(_result(run, int(path[-1]), 0.9)), write_result=write_result
    )
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 1, 1, lines.append)
    assert best.keep(run, _result(run, 7, 0.5, "validation_mirrored"))  # By evaluate.py.
    assert not evaluation.evaluate("model.ckpt-8") and not evaluation.evaluate("model.ckpt-9")
    warnings = [line for line in lines if not line.startswith("validation, 5 photos, step ")]
    assert len(lines) == 4 and [line.split("; ")[0] for line in warnings] == [
        "warning: --eval_every_n_steps: %s was chosen by validation_mirrored, not validation"
        % run.best_dir,
        "warning: validation: is being written by another process",
    ]
    monkeypatch.setattr(best, "_WAIT_SECS", 0)
    with lock.held(run.best_dir, "written"):
        assert not evaluation.evaluate("model.ckpt-9")
    assert "best: is being written by another process" in lines[-2]
    assert best.result_of(run)["global_step"] == 7


def test_a_full_disk_ends_a_training_that_evaluates_itself(run):
    def write_result(result):
        raise WriteError("the events cannot be written")

    made = types.SimpleNamespace(
        evaluate=lambda path: _result(run, 9, 0.1), write_result=write_result
    )
    evaluation = within_training.Evaluation(run, lambda: made, 1, 0)
    with pytest.raises(WriteError):
        evaluation.evaluate("model.ckpt-9")


@pytest.mark.parametrize("number, ends", [(errno.ENOSPC, True), (errno.EACCES, False)])
def test_a_best_checkpoint_that_cannot_be_kept(run, monkeypatch, number, ends):
    def link(*args):
        raise OSError(number, os.strerror(number), "there")

    made = types.SimpleNamespace(
        evaluate=lambda path: dict(_result(run, 9, 0.9)), write_result=lambda result: None
    )
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 1, 0, lines.append)
    monkeypatch.setattr(best, "_link", link)
    if ends:
        with pytest.raises(WriteError, match="there: No space left on device"):
            evaluation.evaluate("model.ckpt-9")
    else:
        assert not evaluation.evaluate("model.ckpt-9")
        assert "warning: " in lines[0] and "Permission denied" in lines[0]


def test_evaluations_are_counted_and_not_steps(run):
    table = os.path.join(run.summaries_dir, "validation.csv")
    os.makedirs(run.summaries_dir)
    assert best.keep(run, _result(run, 7, 0.5))
    evaluation = within_training.Evaluation(run, None, 2, 2, lambda line: None)
    assert not evaluation.is_enough(10**6)  # There is no table.
    for step, is_enough in ((3, False), (7, False), (8, False), (10, True)):
        step_table.put(table, step_table.EVALUATION_COLUMNS, [9, 0.5, 0.5, 1.5])  # Of others.
        step_table.put(table, step_table.EVALUATION_COLUMNS, [step, 0.5, 0.5, 1.5])
        assert evaluation.is_enough(step) == is_enough
    assert not evaluation.is_enough(8)


def test_at_a_runs_end_nobody_asks_whether_it_is_enough(run):
    made = types.SimpleNamespace(
        evaluate=lambda path: dict(_result(run, 9, 0.1)),
        write_result=lambda result: step_table.put(
            os.path.join(run.summaries_dir, "validation.csv"), step_table.EVALUATION_COLUMNS,
            [9, 0.1, 0.5, 1.5],
        ),
    )  # fmt: skip
    os.makedirs(run.summaries_dir)
    assert best.keep(run, _result(run, 7, 0.5))
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 2, 1, lines.append)
    assert not evaluation.evaluate("model.ckpt-9", is_end=True) and len(lines) == 1
    assert evaluation.evaluate("model.ckpt-9") and "a larger --stop_when" in lines[-1]


def test_files_of_others_stay(run):
    folder = os.path.join(run.checkpoints_dir, "best")
    os.makedirs(os.path.join(folder, "notes"))
    with open(os.path.join(folder, "README.txt"), "w") as file:
        file.write("mine")
    assert best.keep(run, _result(run, 7, 0.5)) and best.keep(run, _result(run, 8, 0.6))
    assert {"notes", "README.txt"} < set(os.listdir(folder))
    shutil.rmtree(folder)
    with open(folder, "w") as file:
        file.write("mine")
    with pytest.raises(DataError, match="best: is no folder"):
        best.keep(run, _result(run, 9, 0.9))


def test_tensorflow_finds_it_also_in_a_copy(run, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    run = run._replace(checkpoints_dir=os.path.join("c", "mine"))
    assert best.keep(run, _result(run, 7, 0.5))
    shutil.copytree("c/mine/best", "elsewhere")
    for folder in ("c/mine/best", "elsewhere", str(tmp_path / "elsewhere")):
        assert tf.train.latest_checkpoint(folder) == os.path.join(folder, "model.ckpt-7")
    assert upkeep.recover("elsewhere") == ("elsewhere/model.ckpt-7", [])


def _keep_all(run, steps, failures):
    best._WAIT_SECS = 600  # A slow disk, and the other process may have every turn.
    for step in steps:
        try:
            best.keep(run, _result(run, step, step / 1000.0))
        except BaseException as error:
            failures.put("keep: %r" % error)


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
    assert _kept(run).endswith("model.ckpt-%d" % steps[-1])
    tally("best checkpoints kept by two at once", "as one", len(steps))


def test_a_reader_that_two_better_ones_overtake_finds_the_third(run, monkeypatch):
    chosen = dict(_result(run, 7, 0.5), curve="validation")
    results = [dict(chosen, checkpoint="model.ckpt-%d" % step) for step in (7, 8, 9)]
    first = (results[1], results[0])  # 7 goes while it is looked for, and in the next look 8 too.
    reads = iter([first, first, (results[2], results[1])])
    monkeypatch.setattr(best, "_read", lambda path: next(reads))
    monkeypatch.setattr(checkpoints, "is_complete", lambda path: path.endswith("model.ckpt-9"))
    assert best.result_of(run)["checkpoint"] == "model.ckpt-9"


def test_what_cannot_be_compared_replaces_nothing(run):
    assert best.keep(run, _result(run, 7, 0.5))
    with pytest.raises(UsageError, match="was chosen by validation, not validation_259px; choose"):
        best.keep(run, _result(run, 8, 0.9, "validation_259px"))
    assert _kept(run).endswith("best/model.ckpt-7")
    # A file of before there were other curves, and when the cross entropy was called loss.
    path = os.path.join(os.path.dirname(_kept(run)), "best.json")
    with open(path) as file:
        older = json.load(file)
    del older["curve"]
    older["loss"] = older.pop("cross_entropy") + 0.25
    with open(path, "w") as file:
        json.dump(older, file)
    assert best.result_of(run)["cross_entropy"] == 1.25 and "loss" not in best.result_of(run)
    assert best.keep(run, _result(run, 8, 0.9))


def test_the_evaluation_keeps_it_when_asked(run, run_script, tiny_dataset):
    flags = [
        "--dataset_dir", tiny_dataset, "--run_name", "mine", "--device", "cpu",
        "--checkpoints_dir", os.path.dirname(run.checkpoints_dir),
    ]  # fmt: skip
    done = run_script("evaluate", *flags, "--keep_best")
    assert done.returncode == 0, done.stderr
    assert "\nbest so far: %s\n" % os.path.dirname(_kept(run)) in done.stdout
    assert _kept(run).endswith("model.ckpt-9")
    refused = run_script("evaluate", *flags, "--keep_best", "--eval_image_size", "227", "--mirror")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "was chosen by validation, not validation_227px_mirrored" in refused.stderr
    refused = run_script("evaluate", *flags, "--keep_best", "--checkpoint_path", _kept(run))
    assert refused.returncode == 2 and "--keep_best: keeps a checkpoint of a run" in refused.stderr
