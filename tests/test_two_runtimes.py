"""TensorFlow 1.15 and today's, side by side: what one writes, the other goes on with.

Needs both: ``make install`` and ``make install RUNTIME=tf2 VENV=.venv-tf2``.
"""

import csv
import os
import subprocess
import sys

import numpy as np
import processes
import pytest
from conftest import ROOT
from conversions import contents

from alexnet_flowers.training import checkpoints


def runtime_of(venv):
    try:
        with open(os.path.join(venv, ".installed")) as file:
            return file.read().split()[0]
    except OSError:
        return None


@pytest.fixture(scope="module")
def pythons():
    """The Python that runs this, and one with the other TensorFlow."""
    mine = runtime_of(sys.prefix)
    for name in (".venv", ".venv-tf2"):
        venv = os.path.join(ROOT, name)
        if mine and runtime_of(venv) not in (None, mine):
            return [sys.executable, os.path.join(venv, "bin", "python")]
    pytest.skip("only one of the two runtimes is installed")


def run(python, folder, name, *args):
    done = processes.run_script(folder, name, *args, python=python)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_checkpoint_gives_the_same_predictions(pythons, random_run, tiny_dataset, tmp_path):
    found = []
    for number, python in enumerate(pythons):
        path = tmp_path / ("%d.csv" % number)
        run(
            python, tmp_path, "predict", "--split=train", "--dataset_dir", tiny_dataset,
            "--checkpoints_dir", os.path.dirname(random_run.checkpoints_dir),
            "--run_name=random", "--device=cpu", "--csv", path,
        )  # fmt: skip
        with open(str(path), newline="") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name in ("daisy", "dandelion", "roses", "tulips")]
        assert len(names) == 4 and len(rows) == 25
        found.append(np.array([[float(row[name]) for name in names] for row in rows]))
    assert found[0].std() > 0.01
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)


def test_the_loss_and_the_gradients_are_the_same(pythons, random_run, tmp_path):
    checkpoint = checkpoints.newest(random_run.checkpoints_dir)
    versions, results = [], []
    for number, python in enumerate(pythons):
        path = str(tmp_path / ("%d.npz" % number))
        script = os.path.join(ROOT, "tests", "loss_and_gradients.py")
        printed = subprocess.check_output([python, script, checkpoint, path], encoding="utf-8")
        versions.append(printed.split(".")[0])
        results.append(np.load(path))
    assert sorted(versions) == ["1", "2"]
    for rules in (0, 1):
        names = [name for name in results[0].files if name.endswith("_%d" % rules)]
        assert len(names) == 17
        for name in names:
            one, two = (np.float64(result[name]) for result in results)
            assert np.linalg.norm(one - two) <= 1e-5 * np.linalg.norm(one), name


def test_a_run_goes_on_under_the_other_and_back(pythons, tiny_dataset, tmp_path):
    for number, python in enumerate(pythons + pythons[:1]):
        out = run(
            python, tmp_path, "train", "--dataset_dir", tiny_dataset, "--batch_size=2",
            "--image_size=195", "--common_queue_min=4", "--optimizer=adam",
            "--moving_average_decay=0.9", "--run_name=run", "--device=cpu",
            "--save_histograms_secs=0",
            "--max_number_of_steps=%d" % (2 * number + 2),
        )  # fmt: skip
        assert ("continued from runs/checkpoints/run/model.ckpt-%d" % (2 * number) in out) == (
            number > 0
        )
        assert "finished at step %d" % (2 * number + 2) in out
    for python in pythons:
        assert "accuracy" in run(python, tmp_path, "evaluate", "--dataset_dir", tiny_dataset)


def test_the_same_records_are_written_and_each_reads_the_others(pythons, tiny_archive, tmp_path):
    shards = []
    for number, python in enumerate(pythons):
        folder = "flowers%d" % number
        run(
            python, tmp_path, "download_and_convert", "--archive", tiny_archive,
            "--dataset_dir", folder, "--num_validation=5", "--num_shards=2",
        )  # fmt: skip
        found = contents(str(tmp_path / folder))
        shards.append({name: found[name] for name in found if name != "dataset.json"})
    assert len(shards[0]) == 5 and shards[0] == shards[1]
