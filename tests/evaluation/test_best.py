"""The best checkpoint stays, whatever training removes: which one is kept, and what beside it."""

import json
import os
import shutil

import pytest
from best_checkpoints import kept_path, measured, run_of_three
from saved_checkpoints import copy_of_run

from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.evaluation import best
from alexnet_flowers.inference import trained_network
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, runs, upkeep


@pytest.fixture
def run(random_run, tmp_path):
    return run_of_three(random_run, tmp_path)


def test_the_most_accurate_one_is_kept(run):
    assert best.result_of(run) is None
    assert best.keep(run, measured(run, 7, 0.5))
    assert not best.keep(run, measured(run, 8, 0.5))  # No better.
    assert kept_path(run).endswith("best/model.ckpt-7")
    assert best.keep(run, measured(run, 9, 0.6))
    assert kept_path(run).endswith("best/model.ckpt-9")
    assert best.result_of(run)["accuracy"] == 0.6
    assert sorted(os.listdir(os.path.dirname(kept_path(run)))) == [
        "best.json", "checkpoint", "labels.txt", "model.ckpt-9.data-00000-of-00001",
        "model.ckpt-9.index", "settings.json",
    ]  # fmt: skip


def test_it_outlives_the_runs_own_and_can_be_asked(run):
    assert best.keep(run, measured(run, 7, 0.5))
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
    assert best.keep(run, measured(run, 7, 0.5))
    os.remove(os.path.join(run.checkpoints_dir, "model.ckpt-8.data-00000-of-00001"))
    lines = []
    assert not best.keep(run, measured(run, 8, 0.9), lines.append)
    (line,) = lines
    assert "best: step 8 would be the best one, but training has removed it meanwhile; a" in line
    assert kept_path(run).endswith("model.ckpt-7") and best.result_of(run)["accuracy"] == 0.5


def test_one_whose_parts_are_relative_links_is_kept(run):
    for path in checkpoints.parts(os.path.join(run.checkpoints_dir, "model.ckpt-7")):
        os.rename(path, path + ".stored")
        os.symlink(os.path.basename(path) + ".stored", path)
    assert best.keep(run, measured(run, 7, 0.5))
    assert kept_path(run).endswith("model.ckpt-7")


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
        best.keep(run, measured(run, 7, 0.5))
    assert os.listdir(run.best_dir) == []


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
    assert best.keep(run, measured(run, 7, 0.5))
    folder = os.path.dirname(kept_path(run))
    with open(os.path.join(folder, "best.json"), "w", errors="surrogateescape") as file:
        file.write(content)
    with pytest.raises(DataError, match="best.json: damaged"):
        best.result_of(run)
    lines = []
    assert best.keep(run, measured(run, 8, 0.1), lines.append)
    (line,) = lines
    assert line.startswith("%s: moved to set_aside: best.json, model.ckpt-7.index, " % folder)
    assert best.result_of(run)["accuracy"] == 0.1 and kept_path(run).endswith("-8")
    assert checkpoints.newest(os.path.join(folder, "set_aside")).endswith("-7")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_a_result_that_is_no_file_is_set_aside_and_not_waited_for(run, make):
    assert best.keep(run, measured(run, 7, 0.5))
    folder = os.path.dirname(kept_path(run))
    path = os.path.join(folder, "best.json")
    os.remove(path)
    make(path)
    with pytest.raises(DataError, match="best.json: is no file"):
        best.result_of(run)
    assert best.keep(run, measured(run, 8, 0.1))
    assert os.path.lexists(os.path.join(folder, "set_aside", "best.json"))
    assert kept_path(run).endswith("-8")


def test_files_of_others_stay(run):
    folder = os.path.join(run.checkpoints_dir, "best")
    os.makedirs(os.path.join(folder, "notes"))
    with open(os.path.join(folder, "README.txt"), "w") as file:
        file.write("mine")
    assert best.keep(run, measured(run, 7, 0.5)) and best.keep(run, measured(run, 8, 0.6))
    assert {"notes", "README.txt"} < set(os.listdir(folder))
    shutil.rmtree(folder)
    with open(folder, "w") as file:
        file.write("mine")
    with pytest.raises(DataError, match="best: is no folder"):
        best.keep(run, measured(run, 9, 0.9))


def test_tensorflow_finds_it_also_in_a_copy(run, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    run = run._replace(checkpoints_dir=os.path.join("c", "mine"))
    assert best.keep(run, measured(run, 7, 0.5))
    shutil.copytree("c/mine/best", "elsewhere")
    for folder in ("c/mine/best", "elsewhere", str(tmp_path / "elsewhere")):
        assert tf.train.latest_checkpoint(folder) == os.path.join(folder, "model.ckpt-7")
    assert upkeep.recover("elsewhere") == ("elsewhere/model.ckpt-7", [])


def test_what_cannot_be_compared_replaces_nothing(run):
    assert best.keep(run, measured(run, 7, 0.5))
    with pytest.raises(UsageError, match="was chosen by validation, not validation_259px; choose"):
        best.keep(run, measured(run, 8, 0.9, "validation_259px"))
    assert kept_path(run).endswith("best/model.ckpt-7")
    # A file of before there were other curves, and when the cross entropy was called loss.
    path = os.path.join(os.path.dirname(kept_path(run)), "best.json")
    with open(path) as file:
        older = json.load(file)
    del older["curve"]
    older["loss"] = older.pop("cross_entropy") + 0.25
    with open(path, "w") as file:
        json.dump(older, file)
    assert best.result_of(run)["cross_entropy"] == 1.25 and "loss" not in best.result_of(run)
    assert best.keep(run, measured(run, 8, 0.9))


def test_the_evaluation_keeps_it_when_asked(run, run_script, tiny_dataset):
    flags = [
        "--dataset_dir", tiny_dataset, "--run_name", "mine", "--device", "cpu",
        "--checkpoints_dir", os.path.dirname(run.checkpoints_dir),
    ]  # fmt: skip
    done = run_script("evaluate", *flags, "--keep_best")
    assert done.returncode == 0, done.stderr
    assert "\nbest so far: %s\n" % os.path.dirname(kept_path(run)) in done.stdout
    assert kept_path(run).endswith("model.ckpt-9")
    refused = run_script("evaluate", *flags, "--keep_best", "--eval_image_size", "227", "--mirror")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "was chosen by validation, not validation_227px_mirrored" in refused.stderr
    refused = run_script("evaluate", *flags, "--keep_best", "--checkpoint_path", kept_path(run))
    assert refused.returncode == 2 and "--keep_best: keeps a checkpoint of a run" in refused.stderr


def test_a_run_is_watched_to_its_end(run_script, random_run, tiny_dataset, tmp_path):
    copy_of_run(random_run, tmp_path / "runs" / "checkpoints" / "mine")  # Of 7 steps, all made.
    flags = ["--dataset_dir", tiny_dataset, "--device", "cpu", "--watch"]
    done = run_script("evaluate", *flags, "--keep_best", "--csv=each.csv", "--json=all.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation, 5 photos, step 7: accuracy ") == 1
    assert "\nbest so far: runs/checkpoints/mine/best\n" in done.stdout
    assert checkpoints.newest(str(tmp_path / "runs/checkpoints/mine/best")).endswith("-7")
    assert (tmp_path / "runs/summaries/mine/validation.csv").read_text().count("\n7,") == 1
    assert json.loads((tmp_path / "all.json").read_text())["global_step"] == 7
    assert "daisy" in (tmp_path / "each.csv").read_text()
    refused = run_script("evaluate", *flags, "--checkpoint_path=runs/checkpoints/mine")
    assert refused.returncode == 2 and "--watch: evaluates each new checkpoint" in refused.stderr
