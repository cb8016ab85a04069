"""The second training of a run is refused, by the script too."""

import contextlib
import os

import pytest

from alexnet_flowers import lock
from alexnet_flowers.errors import DataError
from alexnet_flowers.training import plan, run_folders, runs, train
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


def test_a_training_with_the_summaries_of_another(run_script, tiny_dataset, tmp_path):
    summaries = tmp_path / "runs" / "summaries" / "mine"
    summaries.mkdir(parents=True)
    (summaries / "training.csv").write_text("the other's")
    flags = ["--run_name", "mine", "--checkpoints_dir", "elsewhere", "--batch_size", "2"]
    with lock.held(str(summaries), "written"):
        done = run_script("train", *flags, "--dataset_dir", tiny_dataset)
    assert done.returncode == 1 and done.stderr == (
        "train.py: error: runs/summaries/mine: is being written by another process, %d; "
        "wait for it, or stop it\n" % os.getpid()
    )
    assert os.listdir(str(summaries)) == ["training.csv"]
    assert (summaries / "training.csv").read_text() == "the other's"
    assert os.listdir(str(tmp_path / "elsewhere")) == []


def test_one_folder_for_checkpoints_and_summaries(tmp_path):
    run = runs.locate_run("mine", str(tmp_path / "runs"), str(tmp_path / "x" / ".." / "runs"))
    (tmp_path / "x").mkdir()
    with run_folders.owned(run) as folders:
        assert lock.is_held(run.summaries_dir)
        folders.are_used = True
    assert os.listdir(run.checkpoints_dir) == []
    with pytest.raises(DataError, match="wrong"):
        with run_folders.owned(run._replace(summaries_dir=str(tmp_path / "new"))):
            raise DataError("wrong")
    assert os.path.isdir(run.checkpoints_dir) and not (tmp_path / "new").exists()
