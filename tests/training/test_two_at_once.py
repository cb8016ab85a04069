"""The second training of a run is refused, by the script too."""

import contextlib
import os

import pytest

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError
from alexnet_flowers.training import plan, runs, train
from alexnet_flowers.training.settings import Settings


def test_a_second_training_of_a_run(run_script, tiny_dataset, tmp_path):
    folder = tmp_path / "runs" / "checkpoints" / "mine"
    folder.mkdir(parents=True)
    with lock.held(str(folder), "trained"):
        done = run_script(
            "train", "--run_name", "mine", "--dataset_dir", tiny_dataset, "--batch_size", "2"
        )
        assert os.listdir(str(folder)) == ["lock"]
    assert done.returncode == 1 and done.stderr == (
        "train.py: error: runs/checkpoints/mine: is being trained by another process, %d; "
        "wait for it, or stop it\n" % os.getpid()
    )
    assert not (tmp_path / "runs" / "summaries" / "mine").exists()


def test_a_second_training_that_starts_at_the_same_moment(tiny_dataset, tmp_path, monkeypatch):
    run = runs.locate_run("mine", str(tmp_path / "checkpoints"), str(tmp_path / "summaries"))

    @contextlib.contextmanager
    def taken(folder, doing):
        # The first process made the folder and took the lock just after this one looked for it.
        (tmp_path / "checkpoints" / "mine" / lock.FILENAME).write_text("1\n")
        raise DataError("taken")
        yield

    monkeypatch.setattr(lock, "held", taken)
    with pytest.raises(DataError, match="taken"):
        train.train(run, plan.make(tiny_dataset, Settings(batch_size=2)))
    assert os.listdir(run.checkpoints_dir) == [lock.FILENAME]
