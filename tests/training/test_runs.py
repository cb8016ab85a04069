"""Which run is meant, and the names that a run can have."""

import os
import shutil

import pytest

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.training import checkpoints, runs


def test_the_run_that_is_meant(saved, tmp_path):
    parent, summaries = os.path.dirname(saved), str(tmp_path)
    run = runs.choose_run(None, None, parent, summaries)
    assert run == ("sgd", saved, os.path.join(summaries, "sgd"))
    for path in (saved, saved + "/model.ckpt-10"):
        assert runs.choose_run(None, path, parent, summaries) == run
        # From elsewhere: its own settings, and no place for events unless a name gives one.
        assert runs.choose_run(None, path, summaries, summaries) == ("sgd", saved, None)
        assert runs.choose_run(None, path, saved, summaries) == ("sgd", saved, None)
        named = runs.choose_run("mine", path, summaries, summaries)
        assert named == ("mine", saved, os.path.join(summaries, "mine"))
    assert runs.choose_run("other", None, parent, summaries).name == "other"
    assert runs.choose_run("sgd", saved, parent, summaries) == run
    with pytest.raises(UsageError, match="--run_name other: .* lies in the run sgd; leave out one"):
        runs.choose_run("other", saved, parent, summaries)
    with pytest.raises(DataError, match="no run with a checkpoint yet"):
        runs.choose_run(None, None, str(tmp_path), summaries)
    several = str(tmp_path / "several")
    for name in ("a", "b"):
        shutil.copytree(saved, os.path.join(several, name))
    with pytest.raises(UsageError, match="which of a, b"):
        runs.choose_run(None, None, several, summaries)
    with pytest.raises(UsageError, match="one folder"):
        runs.locate_run("a/b", parent, summaries)


def test_a_folder_that_may_not_be_read_is_no_run(saved, monkeypatch):
    parent, listdir = os.path.dirname(saved), os.listdir

    def refused(path):  # Root may read everything.
        if path.endswith("lost+found"):
            raise PermissionError(13, "Permission denied", path)
        return listdir(path) + ["lost+found"] * (path == parent)

    monkeypatch.setattr(os, "listdir", refused)
    assert runs.choose_run(None, None, parent, "s").name == "sgd"
    with pytest.raises(DataError, match="nobody: no checkpoint yet; .* name another run: sgd$"):
        checkpoints.resolve(None, os.path.join(parent, "nobody"))


def test_of_many_classes_the_first_that_differ_are_named(saved, tmp_path):
    run = runs.Run("many", str(tmp_path), None)
    names = ["class%d" % label for label in range(1000)]
    records.write_labels(str(tmp_path / "labels.txt"), names)
    runs.check_labels(run, dict(enumerate(names)))
    names[567] = "another"
    with pytest.raises(DataError) as caught:
        runs.check_labels(run, dict(enumerate(names)))
    assert "567:class567 among 1000, the dataset has 567:another among 1000" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name", ["lr*", "a?", "a[0.01]", "a]", "a\\b", "a\nb", "a\x1bb", "a\u202eb", "a\udc80"]
)
def test_a_run_has_a_plain_name(name):
    with pytest.raises(UsageError, match="--run_name .*: must be without"):
        runs.locate_run(name, "c", "s")


def test_a_runs_folders_have_names_that_tensorflow_takes():
    assert runs.locate_run("run", "café", "花").checkpoints_dir == "café/run"
    for parents in (("caf\udce9", "s"), ("c", "caf\udce9")):
        with pytest.raises(UsageError, match="_dir caf.: TensorFlow takes names in UTF-8 only"):
            runs.locate_run("run", *parents)
