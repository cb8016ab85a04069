"""Evaluations within a training: what ends it, and what does not."""

import errno
import os
import types

import pytest
from best_checkpoints import measured, run_of_three

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError, WriteError
from alexnet_flowers.evaluation import best, within_training
from alexnet_flowers.events import step_table


@pytest.fixture
def run(random_run, tmp_path):
    return run_of_three(random_run, tmp_path)


def test_a_training_that_evaluates_itself_goes_on_after_a_damaged_result(run):
    assert best.keep(run, measured(run, 7, 0.5))
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
        evaluate=lambda path: dict(measured(run, 9, 0.9)),
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
        evaluate=lambda path: dict(measured(run, int(path[-1]), 0.9)), write_result=write_result
    )
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 1, 1, lines.append)
    assert best.keep(run, measured(run, 7, 0.5, "validation_mirrored"))  # By evaluate.py.
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
        evaluate=lambda path: measured(run, 9, 0.1), write_result=write_result
    )
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 1, 0, lines.append)
    with pytest.raises(WriteError):
        evaluation.evaluate("model.ckpt-9")
    (line,) = lines
    assert line.startswith("validation, 5 photos, step 9: ")


@pytest.mark.parametrize("number, ends", [(errno.ENOSPC, True), (errno.EACCES, False)])
def test_a_best_checkpoint_that_cannot_be_kept(run, monkeypatch, number, ends):
    def link(*args):
        raise OSError(number, os.strerror(number), "there")

    made = types.SimpleNamespace(
        evaluate=lambda path: dict(measured(run, 9, 0.9)), write_result=lambda result: None
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
    assert best.keep(run, measured(run, 7, 0.5))
    evaluation = within_training.Evaluation(run, None, 2, 2, lambda line: None)
    assert not evaluation.is_enough(10**6)  # There is no table.
    for step, is_enough in ((3, False), (7, False), (8, False), (10, True)):
        step_table.put(table, step_table.EVALUATION_COLUMNS, [9, 0.5, 0.5, 1.5])  # Of others.
        step_table.put(table, step_table.EVALUATION_COLUMNS, [step, 0.5, 0.5, 1.5])
        assert evaluation.is_enough(step) == is_enough
    assert not evaluation.is_enough(8)


def test_at_a_runs_end_nobody_asks_whether_it_is_enough(run):
    made = types.SimpleNamespace(
        evaluate=lambda path: dict(measured(run, 9, 0.1)),
        write_result=lambda result: step_table.put(
            os.path.join(run.summaries_dir, "validation.csv"), step_table.EVALUATION_COLUMNS,
            [9, 0.1, 0.5, 1.5],
        ),
    )  # fmt: skip
    os.makedirs(run.summaries_dir)
    assert best.keep(run, measured(run, 7, 0.5))
    lines = []
    evaluation = within_training.Evaluation(run, lambda: made, 2, 1, lines.append)
    assert not evaluation.evaluate("model.ckpt-9", is_end=True) and len(lines) == 1
    assert evaluation.evaluate("model.ckpt-9") and "a larger --stop_when" in lines[-1]
