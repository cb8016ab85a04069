"""The figures of runs, as a person makes them."""

import os
import re

import event_files
import pytest


@pytest.fixture
def run_flags(random_run):
    return [
        "--checkpoints_dir", os.path.dirname(random_run.checkpoints_dir),
        "--summaries_dir", "summaries", "--device", "cpu",
    ]  # fmt: skip


def test_all_figures_of_two_runs(run_script, run_flags, tiny_dataset, tmp_path):
    event_files.write_run(tmp_path / "summaries", "random")
    event_files.write_run(tmp_path / "summaries", "begun", num_steps=1, seed=1)
    done = run_script(
        "make_figures", *run_flags, "--dataset_dir", tiny_dataset, "--smoothing", "0.7"
    )
    assert done.returncode == 0, done.stderr
    expected = [
        ("curves", "curves, smoothed by 0.7: run begun, random"),
        ("histograms_parameters", "histograms of parameters: run begun, random"),
        ("histograms_activations", "histograms of activations: run begun, random"),
        ("distributions_parameters", "distributions of parameters: run begun, random"),
        ("distributions_activations", "distributions of activations: run begun, random"),
        ("alexnet_v2", "graph of alexnet_v2: run begun"),
        ("confusion_random", "confusion matrix of validation at step 7: run random"),
    ]
    assert done.stdout.split() == ["figures/%s.svg" % name for name, _ in expected]
    assert sorted(os.listdir(str(tmp_path / "figures"))) == sorted(
        name + ".svg" for name, _ in expected
    )
    for name, title in expected:
        svg = (tmp_path / "figures" / (name + ".svg")).read_text(encoding="utf-8")
        assert "<dc:title>%s</dc:title>" % title in svg
        (command,) = re.findall("<dc:description>(.*)</dc:description>", svg)
        assert command.startswith("python scripts/make_figures.py --checkpoints_dir ")
        assert command.endswith("--smoothing 0.7")
    assert re.search("confusion_begun: left out: no checkpoint in .*begun yet\n", done.stderr)
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr


def test_what_a_run_has_not_written_is_left_out(run_script, run_flags, tmp_path):
    event_files.write(tmp_path / "summaries" / "random", {1: {"learning_rate": 0.5}})
    done = run_script("make_figures", *run_flags, "--figures", "curves,distributions,graph")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["figures/alexnet_v2.svg"]
    assert [line.split(":")[0] for line in done.stderr.strip().split("\n")] == [
        "curves", "distributions_parameters", "distributions_activations",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "args, status, message",
    [
        (["--run_name", "random,other"], 1, "no events of a run 'other'; there are those of rand"),
        (["--dataset_dir", "nowhere"], 1, "or leave confusion out of --figures"),
        (["--checkpoint_path", "nowhere"], 1, "nowhere: no such checkpoint"),
        (["--figures", "curves,loss"], 2, "--figures: 'loss' is none of curves, histograms, "),
    ],
)
def test_what_is_wrong_is_one_line(run_script, run_flags, tmp_path, args, status, message):
    event_files.write(tmp_path / "summaries" / "random", {1: {"losses/cross_entropy": 1.0}})
    done = run_script("make_figures", *run_flags, *args)
    assert done.returncode == status
    assert done.stderr.startswith("make_figures.py: error: ") and message in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert not (tmp_path / "figures").exists()
