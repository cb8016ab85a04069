"""A run that is continued: what is said and what is left where its first step fails."""

import os
import shutil
import signal
import types

import pytest
import saved_checkpoints

from alexnet_flowers import devices
from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError, WriteError
from alexnet_flowers.evaluation import best, within_training
from alexnet_flowers.events import step_table
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import (
    announcement,
    checkpoints,
    loop,
    plan,
    runs,
    saving,
    settings,
    train,
)


def planned(dataset_dir, **changes):
    options = dict(max_number_of_steps=9, compute=devices.Compute(device="cpu"))
    options.update((name, changes.pop(name)) for name in plan.Options._fields if name in changes)
    wanted = settings.Settings(batch_size=4, image_size=195)._replace(**changes)
    return plan.make(dataset_dir, wanted, plan.DEFAULT_OPTIONS._replace(**options))


@pytest.fixture
def run(random_run, tiny_dataset, tmp_path):
    """A run of its own, at step 7."""
    copied = runs.locate_run("mine", str(tmp_path / "c"), str(tmp_path / "s"))
    saved_checkpoints.copy_of_run(random_run, copied.checkpoints_dir)
    settings.write(copied.checkpoints_dir, planned(tiny_dataset).kept)
    return copied


@pytest.mark.parametrize("changed", [{"digest": "of others"}, {"classes": list("abcde")}])
def test_a_run_that_goes_on_with_other_photos_is_not_evaluated_on_them_first(
    run, tiny_dataset, monkeypatch, changed
):
    other = planned(tiny_dataset, allow_changed_settings=True)
    other.kept["dataset"].update(changed)
    evaluation = within_training.Evaluation(run, None, 7, 0)
    evaluation.evaluate = lambda *_: pytest.fail("it is evaluated")
    fail_with(AssertionError("it goes on"), monkeypatch)
    with pytest.raises(AssertionError, match="it goes on"):
        train.train(run, other, evaluation=evaluation)


def test_what_hardly_anybody_means_is_said_when_the_training_begins(run, tiny_dataset, monkeypatch):
    over_soon = planned(tiny_dataset, warmup_steps=9, allow_changed_settings=True)
    fail_with(AssertionError("it goes on"), monkeypatch)
    lines = []
    with pytest.raises(AssertionError, match="it goes on"):
        train.train(run, over_soon, report=lines.append)
    assert "the run is over in its warm-up: --warmup_steps=9, and 9 steps in all" in "\n".join(
        lines
    )


@pytest.mark.parametrize("changed", [{}, {"digest": "of others"}])
def test_the_best_one_on_other_photos_does_not_count_for_those_of_now(
    run, tiny_dataset, monkeypatch, changed
):
    os.mkdir(run.best_dir)
    other = planned(tiny_dataset, allow_changed_settings=True)
    other.kept["dataset"].update(changed)
    there, lines = [], []

    def failing(*args, **kwargs):
        there.append(os.path.isdir(run.best_dir))
        raise AssertionError("it goes on")

    monkeypatch.setattr(slim.learning, "train", failing)
    with pytest.raises(AssertionError, match="it goes on"):
        train.train(run, other, report=lines.append)
    assert there == [not changed]
    assert os.path.isdir(run.best_dir)  # Nothing newer was saved.
    moved = "%s: moved to set_aside: best (chosen by other photos" % run.checkpoints_dir
    assert (moved in "\n".join(lines)) == bool(changed)


def test_the_best_one_of_a_run_that_is_gone_does_not_count_for_a_new_one(
    run, tiny_dataset, monkeypatch
):
    for name in os.listdir(run.checkpoints_dir):  # As rm does it without -r.
        os.remove(os.path.join(run.checkpoints_dir, name))
    os.mkdir(run.best_dir)
    fail_with(AssertionError("it begins"), monkeypatch)
    lines = []
    with pytest.raises(AssertionError, match="it begins"):
        train.train(run, planned(tiny_dataset), report=lines.append)
    assert "%s: moved to set_aside: best (of a run of" % run.checkpoints_dir in "\n".join(lines)
    assert os.listdir(os.path.join(run.checkpoints_dir, "set_aside")) == ["best"]


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "killed before the first"])
def test_what_is_of_checkpoints_that_are_gone_does_not_count_although_settings_stay(
    run, tiny_dataset, monkeypatch, is_gone
):
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.remove(path)
    if not is_gone:
        os.remove(os.path.join(run.checkpoints_dir, "checkpoint"))
    columns, of_training = step_table.TRAINING_COLUMNS, step_table.TRAINING_FILENAME
    os.makedirs(run.summaries_dir)
    step_table.put(os.path.join(run.summaries_dir, of_training), columns, [7] * len(columns))
    if is_gone:
        os.mkdir(run.best_dir)
        validation = step_table.path_of_curve(run.summaries_dir, "validation")
        step_table.put(validation, step_table.EVALUATION_COLUMNS, [7, 0.5, 0.5, 1.5])
    fail_with(AssertionError("it begins"), monkeypatch)
    with pytest.raises(AssertionError, match="it begins"):
        train.train(run, planned(tiny_dataset), report=lambda line: None)
    aside = os.path.join(run.summaries_dir, "set_aside")
    if is_gone:
        assert sorted(os.listdir(aside)) == [of_training, "validation.csv"]
        assert "best" in os.listdir(os.path.join(run.checkpoints_dir, "set_aside"))
    assert os.path.isdir(aside) == is_gone and not os.path.isdir(run.best_dir)
    assert within_training.Evaluation(run, None, 7, 0)._evaluated() == []


def test_want_of_memory_is_said_at_once(run, tiny_dataset, monkeypatch):
    fail_with(tf.errors.ResourceExhaustedError(None, None, "OOM"), monkeypatch)
    monkeypatch.setattr(train.record_check, "explanation", lambda _: pytest.fail("reads photos"))
    with pytest.raises(DataError, match="^mine: stopped after step 7: OOM; lower --batch_size"):
        train.train(run, planned(tiny_dataset))


def test_a_session_that_was_lost_names_the_run_and_its_step(run, tiny_dataset, monkeypatch):
    fail_with(loop.SessionLost("a server was started again"), monkeypatch)
    with pytest.raises(DataError, match="^mine: stopped after step 7: a server was started again$"):
        train.train(run, planned(tiny_dataset))


def test_a_save_that_fails_as_a_server_is_gone_asks_for_no_room(run, tiny_dataset, monkeypatch):
    fail_with(WriteError("the step cannot be saved: Socket closed"), monkeypatch)
    monkeypatch.setattr(train.places.Alone, "servers_answer", lambda self: False)
    with pytest.raises(DataError) as caught:
        train.train(run, planned(tiny_dataset))
    assert str(caught.value) == (
        "mine: stopped after step 7: a server of the cluster is gone (the step cannot be saved: "
        "Socket closed); start the servers and workers again, which continues the run"
    )


def fail_with(error, monkeypatch):
    """Has the first step of a training raise an error."""

    def failing(*args, **kwargs):
        raise error

    monkeypatch.setattr(slim.learning, "train", failing)


@pytest.mark.parametrize("step, ended", [(8, "stopped"), (9, "finished")])
def test_a_signal_after_the_last_step_is_no_early_end(run, tiny_dataset, monkeypatch, step, ended):
    def made(*_, train_step_fn, **__):
        made_by = train_step_fn.__self__
        made_by.step_number, made_by.signal = step, signal.SIGTERM

    monkeypatch.setattr(slim.learning, "train", made)
    lines = []
    assert train.train(run, planned(tiny_dataset), report=lines.append) == signal.SIGTERM
    assert lines[-1].startswith("mine: %s at step %d of 9; checkpoint " % (ended, step))


def test_settings_with_which_nothing_was_saved_are_not_kept(run, tiny_dataset, monkeypatch):
    def kept():
        return [read(run.checkpoints_dir) for read in (settings.read, records.read_labels)]

    before = kept()
    fail_with(KeyboardInterrupt, monkeypatch)
    other = planned(tiny_dataset, batch_size=8, allow_changed_settings=True)
    other.kept["dataset"]["classes"] = ["a", "b", "c", "d", "e"]
    with pytest.raises(KeyboardInterrupt):
        train.train(run, other)
    assert kept() == before


def test_settings_that_were_not_there_are_not_kept_either(run, tiny_dataset, monkeypatch):
    """As beside a checkpoint of research/slim: the next start may name other flags."""
    names = {settings.FILENAME, records.LABELS_FILENAME}
    for name in names:
        os.remove(os.path.join(run.checkpoints_dir, name))
    fail_with(KeyboardInterrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train.train(run, planned(tiny_dataset), report=lambda line: None)
    assert not names & set(os.listdir(run.checkpoints_dir))


def test_labels_and_best_one_of_an_older_run_stay_where_nothing_was_saved(
    run, tiny_dataset, monkeypatch
):
    kept = settings.read(run.checkpoints_dir)
    del kept["dataset"]["classes"]  # Older versions did not keep them.
    settings.write(run.checkpoints_dir, kept)
    os.mkdir(run.best_dir)
    other = planned(tiny_dataset, allow_changed_settings=True)
    other.kept["dataset"].update(digest="of others", classes=list("abcde"))
    fail_with(KeyboardInterrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train.train(run, other, report=lambda line: None)
    assert records.read_labels(run.checkpoints_dir)[0] == "daisy"
    assert settings.read(run.checkpoints_dir) == kept and os.path.isdir(run.best_dir)


def test_what_was_set_aside_before_is_not_brought_back(run, tiny_dataset, monkeypatch):
    earlier = os.path.join(run.checkpoints_dir, "set_aside", "best")
    os.makedirs(earlier)
    fail_with(KeyboardInterrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train.train(run, planned(tiny_dataset))
    assert os.path.isdir(earlier) and not os.path.exists(run.best_dir)


def test_the_best_one_of_a_run_that_is_gone_stays_where_a_new_one_starts_from_it(
    run, tiny_dataset, monkeypatch
):
    os.mkdir(run.best_dir)
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.rename(path, os.path.join(run.best_dir, os.path.basename(path)))
    fail_with(AssertionError("it begins"), monkeypatch)
    started = planned(tiny_dataset, checkpoint_path=run.best_dir)
    with pytest.raises(AssertionError, match="it begins"):
        train.train(run, started, report=lambda line: None)
    assert checkpoints.newest(run.best_dir) and not os.path.exists(
        os.path.join(run.checkpoints_dir, "set_aside", "best")
    )


def test_a_folder_of_summaries_may_have_any_name(run, tiny_dataset, tmp_path, monkeypatch):
    run = run._replace(summaries_dir=str(tmp_path / "s [v2]*" / "mine"))
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.remove(path)
    os.makedirs(os.path.join(run.summaries_dir, "validation"))
    for name in ("validation.csv", "validation/events.out.tfevents.1"):
        open(os.path.join(run.summaries_dir, name), "w").close()
    fail_with(AssertionError("it begins"), monkeypatch)
    with pytest.raises(AssertionError, match="it begins"):
        train.train(run, planned(tiny_dataset), report=lambda line: None)
    aside = os.path.join(run.summaries_dir, "set_aside")
    assert sorted(os.listdir(aside)) == ["validation", "validation.csv"]


def test_a_run_that_may_not_write_a_checkpoint_does_not_begin(run, tiny_dataset, monkeypatch):
    monkeypatch.setattr(saving.resource, "getrlimit", lambda _: (10**6, 0))
    monkeypatch.setattr(slim.learning, "train", lambda *_, **__: pytest.fail("it begins"))
    with pytest.raises(WriteError, match="a checkpoint takes .* ulimit -f allows files of 1 MB"):
        train.train(run, planned(tiny_dataset))


def test_a_disk_that_is_nearly_full_is_told_of_before_the_first_step(
    run, tiny_dataset, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=10**6))
    fail_with(AssertionError("it goes on"), monkeypatch)
    lines = []
    with pytest.raises(AssertionError, match="it goes on"):
        train.train(run, planned(tiny_dataset), report=lines.append)
    (line,) = [line for line in lines if line.startswith("warning: ")]
    assert "%s: 1 MB are free, and two checkpoints take " % run.checkpoints_dir in line


def test_other_settings_are_refused_before_anything_is_announced(run, tiny_dataset):
    def lines(**changes):
        other = planned(tiny_dataset, **changes)
        return announcement.lines(run, tiny_dataset, other.settings, other.options)

    assert "run mine: continued from step 7" in lines()
    with pytest.raises(UsageError, match=r"other settings \(batch_size was 4, is 8\)"):
        lines(batch_size=8)
    assert lines(batch_size=8, allow_changed_settings=True)


def test_a_run_that_is_enough_keeps_its_settings(run, tiny_dataset):
    evaluation = types.SimpleNamespace(catch_up=lambda *_: True)
    other = planned(tiny_dataset, batch_size=8, allow_changed_settings=True)
    lines = []
    assert train.train(run, other, evaluation=evaluation, report=lines.append) is None
    assert not lines  # Nothing is changed or continued.
    assert settings.read(run.checkpoints_dir) == dict(planned(tiny_dataset).kept, ended_at_step=7)


def test_a_run_that_is_asked_for_fewer_steps_than_it_has_is_at_its_end(run, tiny_dataset):
    assert train.train(run, planned(tiny_dataset, max_number_of_steps=5)) is None
    kept = settings.read(run.checkpoints_dir)
    assert kept == dict(planned(tiny_dataset).kept, ended_at_step=7)
    assert train.train(run, planned(tiny_dataset, max_number_of_steps=7)) is None
    assert settings.read(run.checkpoints_dir) == kept


def test_an_evaluation_of_the_last_step_that_was_killed_is_made_later(run, tiny_dataset):
    table = step_table.path_of_curve(run.summaries_dir, "validation")
    evaluated = []

    def evaluate(path):
        evaluated.append(path)
        names = ("num_images", "accuracy", "recall_at_2", "cross_entropy")
        return dict(
            dict.fromkeys(names, 1), split="validation", curve="validation", global_step=7,
            checkpoint=path,
        )  # fmt: skip

    def write_result(result):
        step_table.put(table, step_table.EVALUATION_COLUMNS, [7, 0.5, 0.5, 1.5])

    made = types.SimpleNamespace(evaluate=evaluate, write_result=write_result)
    evaluation = within_training.Evaluation(run, lambda: made, 2, 0)
    for _ in range(2):
        train.train(run, planned(tiny_dataset, max_number_of_steps=7), evaluation=evaluation)
    assert evaluated == [os.path.join(run.checkpoints_dir, "model.ckpt-7")]
    assert best.result_of(run)["global_step"] == 7


@pytest.mark.parametrize("every, expected", [(7, ["model.ckpt-7"]), (5, [])])
def test_an_evaluation_that_was_killed_within_a_run_is_made_before_it_goes_on(
    run, tiny_dataset, monkeypatch, every, expected
):
    evaluated = []
    evaluation = within_training.Evaluation(run, None, every, 0)
    evaluation.evaluate = lambda path, is_end: evaluated.append(os.path.basename(path))
    fail_with(AssertionError("it goes on"), monkeypatch)
    with pytest.raises(AssertionError, match="it goes on"):
        train.train(run, planned(tiny_dataset), evaluation=evaluation)
    assert evaluated == expected


def test_without_its_settings_a_run_goes_on_with_its_own_classes_only(
    run, tiny_dataset, monkeypatch
):
    os.remove(os.path.join(run.checkpoints_dir, settings.FILENAME))
    other = planned(tiny_dataset)
    other.kept["dataset"]["classes"] = ["a", "b", "c", "d", "e"]
    fail_with(AssertionError("it goes on"), monkeypatch)
    with pytest.raises(DataError, match="was trained on the classes daisy, .* the dataset has a"):
        train.train(run, other)
    assert records.read_labels(run.checkpoints_dir)[0] == "daisy"


def test_the_table_of_a_run_whose_checkpoints_were_removed_is_kept(run, tiny_dataset, monkeypatch):
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.remove(path)
    assert os.path.exists(os.path.join(run.checkpoints_dir, "checkpoint"))
    columns, name = step_table.TRAINING_COLUMNS, step_table.TRAINING_FILENAME
    os.makedirs(run.summaries_dir)
    step_table.put(os.path.join(run.summaries_dir, name), columns, [7] * len(columns))
    fail_with(AssertionError("it begins"), monkeypatch)
    with pytest.raises(AssertionError, match="it begins"):
        train.train(run, planned(tiny_dataset), report=lambda line: None)
    aside = os.path.join(run.summaries_dir, "set_aside", name)
    assert step_table.steps_of(aside, columns) == [7]


def test_the_rate_of_the_step_whose_loss_is_nan_is_told(run, tiny_dataset, monkeypatch):
    not_a_number = "LossTensor is inf or nan : Tensor had NaN values"
    fail_with(tf.errors.InvalidArgumentError(None, None, not_a_number), monkeypatch)
    warming_up = planned(tiny_dataset, warmup_steps=16, allow_changed_settings=True)
    with pytest.raises(DataError, match="^mine: step 8, learning rate 0.005: the loss is NaN or"):
        train.train(run, warming_up, report=lambda line: None)
