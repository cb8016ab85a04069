"""The learning-rate range test: what it suggests, and that it leaves no trace of a run."""

import csv
import os
import types

import numpy as np
import pytest

from alexnet_flowers.commands import find_learning_rate
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import rate_range
from alexnet_flowers.training.settings import Settings


def test_it_suggests_a_tenth_of_the_rate_of_the_lowest_loss():
    rates = np.geomspace(1e-6, 10, 300)
    losses = 1.6 - 0.8 * np.exp(-((np.log10(rates) + 1) ** 2)) + 3 * np.maximum(rates - 0.3, 0)
    measured = rate_range.result_of(rates, losses)
    assert 0.005 <= measured.suggestion <= 0.02 and measured.smoothed.min() < 1


def test_it_suggests_nothing_where_the_loss_only_rose():
    losses = 1.6 + np.linspace(0, 2, 300) ** 4
    losses[::2] += 0.01
    assert rate_range.result_of(np.geomspace(1e-6, 10, 300), losses).suggestion is None


def test_all_rates_that_were_tried_together_are_advised():
    measured = rate_range.Measured([], [], [], 0.005)
    muon = Settings(optimizer="muon", learning_rate=0.02, momentum_learning_rate=0.08)
    assert find_learning_rate.advice(measured, muon) == (
        "try --learning_rate 0.005 --momentum_learning_rate 0.02, a tenth of where the loss was "
        "lowest"
    )
    of_one = find_learning_rate.advice(measured, Settings(learning_rate=0.02))
    assert of_one == "try --learning_rate 0.005, a tenth of where the loss was lowest"


def test_want_of_memory_is_said_at_once(monkeypatch):
    def failing(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(rate_range.training_graph, "build", lambda *_: None)
    monkeypatch.setattr(rate_range.saving, "warm_start", lambda *_: None)
    monkeypatch.setattr(rate_range, "_losses", failing)
    monkeypatch.setattr(rate_range.record_check, "explanation", lambda _: pytest.fail("reads"))
    options = types.SimpleNamespace(max_number_of_steps=3)
    split = types.SimpleNamespace(labels_to_names={})
    plan = types.SimpleNamespace(members=None, options=options, settings=None, split=split)
    with pytest.raises(DataError, match="^OOM; lower --batch_size$"):
        rate_range.measure(plan)


def test_by_the_script(run_script, tiny_dataset, tmp_path):
    os.makedirs(str(tmp_path / "data"))
    os.symlink(tiny_dataset, str(tmp_path / "data" / "flowers"))  # The default; there is no run.
    os.symlink("numbers.csv", str(tmp_path / "range.csv"))  # It stays one.
    done = run_script(
        "train", "--find_learning_rate", "--batch_size=2", "--seed=1",
        "--image_size=195", "--common_queue_min=8", "--log_every_n_steps=1", "--momentum=0.99",
        "--optimizer=momentum", "--learning_rate_picture=range.png", "--max_number_of_steps=12",
        "--device=cpu",
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("step  1/12  learning rate 1.0e-06  cross entropy 1.")
    assert lines[-2] == "momentum: curve range.png, numbers range.csv"
    assert lines[-1].startswith("momentum: ")
    with open(str(tmp_path / "range.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    rates = [float(row["learning_rate"]) for row in rows]
    assert len(rows) == len(lines) - 2 and np.allclose(np.diff(np.log(rates)), np.log(1e7) / 11)
    # The rates were trained with. The first change nothing; after the last ones the logits are so
    # far apart that a batch of two is very wrong, or by chance all right. Guessing gives 1.6.
    losses = np.array([float(row["cross_entropy"]) for row in rows])
    assert np.abs(losses[:4] - np.log(5)).max() < 0.2 and np.abs(losses - np.log(5)).max() > 1
    assert sorted(os.listdir(str(tmp_path))) == ["data", "numbers.csv", "range.csv", "range.png"]
