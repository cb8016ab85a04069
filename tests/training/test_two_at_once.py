"""The second process in a folder is refused, by the scripts too."""

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


def test_a_second_conversion_into_a_folder(run_script, tiny_archive, tmp_path):
    (tmp_path / "flowers").mkdir()
    flags = ["--archive", tiny_archive, "--dataset_dir", "flowers"]
    with lock.held(str(tmp_path / "flowers"), "converted"):
        done = run_script("download_and_convert", *flags)
        assert os.listdir(str(tmp_path / "flowers")) == ["lock"]
    assert done.returncode == 1
    assert "flowers: is being converted by another process, %d;" % os.getpid() in done.stderr
    assert done.stderr.count("\n") == 1
    # A lock that a dead process has left is none.
    (tmp_path / "flowers" / "lock").write_text("%d\n" % os.getpid())
    assert run_script("download_and_convert", *flags).returncode == 0
    assert "lock" not in os.listdir(str(tmp_path / "flowers"))


def test_a_finished_dataset_needs_no_lock(run_script, tiny_dataset, tiny_archive, tmp_path):
    with lock.held(tiny_dataset, "converted"):
        done = run_script(
            "download_and_convert", "--archive", tiny_archive, "--dataset_dir", tiny_dataset,
            "--num_validation", "5", "--num_shards", "2",
        )  # fmt: skip
    assert done.returncode == 0 and "finished already" in done.stdout
