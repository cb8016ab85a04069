"""The best checkpoint stays, whatever training removes."""

import json
import os
import shutil

import pytest

from alexnet_flowers.errors import UsageError
from alexnet_flowers.evaluation import best
from alexnet_flowers.inference import trained_network
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints


@pytest.fixture
def run(random_run, tmp_path):
    """A run of its own with three checkpoints, of the steps 7, 8 and 9."""
    copied = checkpoints.locate_run("mine", str(tmp_path / "c"), str(tmp_path / "s"))
    shutil.copytree(random_run.checkpoints_dir, copied.checkpoints_dir)
    for name in os.listdir(copied.checkpoints_dir):
        for step in ("8", "9"):
            if name.startswith("model.ckpt-7."):
                os.link(
                    os.path.join(copied.checkpoints_dir, name),
                    os.path.join(copied.checkpoints_dir, name.replace("-7.", "-%s." % step)),
                )
    names = ["model.ckpt-7", "model.ckpt-8", "model.ckpt-9"]
    tf.train.update_checkpoint_state(copied.checkpoints_dir, names[-1], names)
    return copied


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
    chosen = checkpoints.choose_run(None, folder, os.path.dirname(run.checkpoints_dir), "s")
    name = os.path.basename(run.checkpoints_dir)
    assert chosen == (name, folder, os.path.join("s", name))
    with trained_network.TrainedNetwork(chosen, folder, "cpu") as network:
        assert network.class_names[0] == "daisy" and network.image_size == 195


def test_one_that_training_has_removed_meanwhile_is_not_kept(run):
    assert best.keep(run, _result(run, 7, 0.5))
    os.remove(os.path.join(run.checkpoints_dir, "model.ckpt-8.data-00000-of-00001"))
    assert not best.keep(run, _result(run, 8, 0.9))
    assert _kept(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.5


def test_a_kill_before_the_new_one_is_listed_leaves_the_old_one(run, monkeypatch):
    assert best.keep(run, _result(run, 7, 0.5))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tf.train, "update_checkpoint_state", killed)
        with pytest.raises(KeyboardInterrupt):
            best.keep(run, _result(run, 9, 0.9))
    assert _kept(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.5
    assert best.keep(run, _result(run, 8, 0.7))
    assert not [name for name in os.listdir(os.path.dirname(_kept(run))) if "-9" in name]


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
    assert run_script("evaluate", *flags).returncode == 0
    assert _kept(run) is None
    done = run_script("evaluate", *flags, "--keep_best")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("best so far: %s\n" % os.path.dirname(_kept(run)))
    assert _kept(run).endswith("model.ckpt-9")
    refused = run_script("evaluate", *flags, "--keep_best", "--eval_image_size", "227", "--mirror")
    assert "validation_227px_mirrored, 5 photos, step 7" in refused.stdout
    assert refused.returncode == 2
    assert "was chosen by validation, not validation_227px_mirrored" in refused.stderr
    refused = run_script("evaluate", *flags, "--keep_best", "--checkpoint_path", _kept(run))
    assert refused.returncode == 2 and "--keep_best: keeps a checkpoint of a run" in refused.stderr
