"""The figures of runs, as a person makes them."""

import os
import re

import event_files
import pytest
from PIL import Image
from saved_checkpoints import copy_of_other_photos, copy_of_run


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
    both = "run begun, step 10; random, step 40"
    expected = [
        ("curves_begun_random", "curves, smoothed by 0.7: " + both),
        ("histograms_parameters_begun_random", "histograms of parameters: " + both),
        ("histograms_activations_begun_random", "histograms of activations: " + both),
        ("distributions_parameters_begun_random", "distributions of parameters: " + both),
        ("distributions_activations_begun_random", "distributions of activations: " + both),
        ("alexnet_v2_begun", "graph of alexnet_v2: run begun"),
        ("dead_units_validation_random_7", "dead units on validation: run random, step 7"),
        (
            "confusion_validation_random_7",
            r"confusion matrix of validation, 5 photos, accuracy 0\.\d{4}, recall@2 \d\.\d{4}: "
            "run random, step 7",
        ),
    ]
    lines = done.stdout.strip().split("\n")
    assert [line for line in lines if line.startswith("runs/figures/")] == [
        "runs/figures/%s.svg" % name for name, _ in expected
    ]
    table = lines[lines.index("random, step 7") + 1 :]
    assert [line.split()[0] for line in table[:8]] == [
        "layer", "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7",
    ]  # fmt: skip
    assert sorted(os.listdir(str(tmp_path / "runs" / "figures"))) == sorted(
        name + ".svg" for name, _ in expected
    )
    for name, title in expected:
        svg = (tmp_path / "runs" / "figures" / (name + ".svg")).read_text(encoding="utf-8")
        assert re.search("<dc:title>%s</dc:title>" % title, svg)
        (command,) = re.findall("<dc:description>(.*)</dc:description>", svg)
        assert command.startswith("python scripts/make_figures.py --checkpoints_dir ")
        assert command.endswith("--smoothing 0.7")
    assert re.search(
        "confusion_validation_begun: left out: no checkpoint in .*begun yet\n", done.stderr
    )
    assert "dead_units_validation of begun: left out: no checkpoint yet\n" in done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr


def test_the_graph_is_of_the_size_and_the_classes_of_its_run(run_script, random_run, tmp_path):
    event_files.write(tmp_path / "runs" / "summaries" / "mine", {1: {"learning_rate": 0.5}})
    mine = tmp_path / "runs" / "checkpoints" / "mine"
    copy_of_run(random_run, mine)  # Of 195 px.
    (mine / "labels.txt").write_text("0:x\n1:y\n2:z\n")
    done = run_script("make_figures", "--figures", "graph", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    svg = (tmp_path / "runs" / "figures" / "alexnet_v2_mine.svg").read_text(encoding="utf-8")
    for shape in ("195 \u00d7 195 \u00d7 3", "47 \u00d7 47 \u00d7 64", "1 \u00d7 1 \u00d7 3"):
        assert shape in svg


@pytest.mark.parametrize("names", [[], ["--run_name", "random"]])
def test_what_needs_no_events_is_drawn_of_a_run_that_has_none(
    run_script, run_flags, tmp_path, names
):
    if names:  # Beside one that has some.
        event_files.write(tmp_path / "summaries" / "other", {1: {"learning_rate": 0.5}})
    done = run_script("make_figures", *run_flags, *names, "--figures", "graph")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "runs/figures/alexnet_v2_random.svg\n"
    done = run_script("make_figures", *run_flags, *names, "--figures", "graph,curves")
    assert done.returncode == 1 and ": no events of a" in done.stderr


def test_what_a_run_has_not_written_is_left_out(run_script, run_flags, tmp_path):
    event_files.write(tmp_path / "summaries" / "random", {1: {"learning_rate": 0.5}})
    done = run_script("make_figures", *run_flags, "--figures", "curves,distributions,graph")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["runs/figures/alexnet_v2_random.svg"]
    assert [line.split(":")[0] for line in done.stderr.strip().split("\n")] == [
        "curves", "distributions_parameters", "distributions_activations",
    ]  # fmt: skip


@pytest.mark.parametrize("damaged", ["settings.json", "labels.txt"])
def test_the_graph_is_of_the_first_run_that_says_what_it_is(
    run_script, random_run, tiny_dataset, tmp_path, damaged
):
    for name in ("broken", "random"):
        event_files.write(tmp_path / "summaries" / name, {1: {"learning_rate": 0.5}})
        copy_of_run(random_run, tmp_path / "checkpoints" / name)
    (tmp_path / "checkpoints" / "broken" / damaged).write_text("{")
    flags = [*OF_ALL_RUNS, "--figures", "graph,confusion", "--dataset_dir", tiny_dataset]
    done = run_script("make_figures", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "runs/figures/alexnet_v2_random.svg", "runs/figures/confusion_validation_random_7.svg",
    ]  # fmt: skip
    assert "alexnet_v2 of broken: left out: checkpoints/broken/" + damaged in done.stderr
    done = run_script("make_figures", *flags, "--run_name", "broken")
    assert done.returncode == 1 and "broken/%s" % damaged in done.stderr


def test_histograms_are_of_what_is_asked_for(run_script, run_flags, tmp_path):
    event_files.write_run(tmp_path / "summaries", "random")
    figures = ["--figures", "histograms,distributions", "--histograms_of", "activations"]
    done = run_script("make_figures", *run_flags, *figures)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "runs/figures/histograms_activations_random_40.svg",
        "runs/figures/distributions_activations_random_40.svg",
    ]


# Runs that a test has laid into the folders of these names.
OF_ALL_RUNS = (
    "--checkpoints_dir", "checkpoints", "--summaries_dir", "summaries", "--device", "cpu",
)  # fmt: skip


def test_of_all_runs_those_that_have_nothing_to_show_are_left_out(
    run_script, run_flags, tiny_dataset, random_run, tmp_path
):
    event_files.write_run(tmp_path / "summaries", "random")
    event_files.write(tmp_path / "summaries" / "embedded" / "projector", {1: {"x": 1.0}})
    copy_of_run(random_run, tmp_path / "checkpoints" / "random")
    other = tmp_path / "checkpoints" / "weeds"
    copy_of_run(random_run, other)
    labels = (other / "labels.txt").read_text()
    (other / "labels.txt").write_text(labels.replace("tulips", "weeds"))
    event_files.write(tmp_path / "summaries" / "weeds", {1: {"learning_rate": 1.0}})
    copy_of_other_photos(random_run, tmp_path / "checkpoints" / "drawn")
    event_files.write(tmp_path / "summaries" / "drawn", {1: {"learning_rate": 1.0}})
    flags = [*OF_ALL_RUNS, "--figures", "curves,confusion", "--dataset_dir", tiny_dataset]
    done = run_script("make_figures", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "runs/figures/curves_random_40.svg", "runs/figures/confusion_validation_random_7.svg",
    ]  # fmt: skip
    assert re.search("confusion and dead_units of weeds: left out: .* was trained on", done.stderr)
    assert "dead_units of drawn: left out: was trained on other photos than those" in done.stderr
    assert re.search("embedded: left out: .*embedded: no events yet", done.stderr)
    done = run_script("make_figures", *flags, "--run_name", "drawn")
    assert done.returncode == 0, done.stderr
    assert re.search(
        "figures/confusion_validation_on_flowers_[0-9a-f]{6}_drawn_7.svg\n", done.stdout
    )
    note = "note: the photos of .* are not those that run drawn was trained on\n"
    assert len(re.findall(note, done.stderr)) == 1
    path = ["--checkpoint_path", os.path.join("checkpoints", "weeds")]
    done = run_script("make_figures", *flags, "--run_name", "random", *path)
    assert done.returncode == 2 and "weeds lies in the run weeds; leave out one" in done.stderr
    done = run_script("make_figures", *flags, "--run_name", "weeds")
    assert done.returncode == 1 and "weeds: was trained on the classes" in done.stderr
    done = run_script("make_figures", *flags, "--run_name", "embedded")
    assert done.returncode == 1 and "embedded: no events yet" in done.stderr


def test_only_what_has_colors_is_of_at_most_six_runs(run_script, run_flags, random_run, tmp_path):
    for name in ("random", *"abcdef"):
        event_files.write(tmp_path / "summaries" / name, {1: {"learning_rate": 0.5}})
    done = run_script("make_figures", *run_flags, "--figures", "graph")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "runs/figures/alexnet_v2_a.svg\n"
    for figure in ("sparsity", "dead_units"):
        done = run_script("make_figures", *run_flags, "--figures", figure)
        assert done.returncode == 2 and "--run_name: at most 6; which of a, b" in done.stderr
    # A checkpoint says of which run it is.
    path = ["--checkpoint_path", os.path.join(random_run.checkpoints_dir, "model.ckpt-7")]
    done = run_script("make_figures", *run_flags, "--figures", "sparsity,graph", *path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "runs/figures/alexnet_v2_random.svg\n"


def test_a_checkpoint_of_elsewhere_is_of_no_run_here(run_script, run_flags, random_run, tmp_path):
    event_files.write(tmp_path / "summaries" / "random", {1: {"learning_rate": 0.5}})
    copy_of_run(random_run, tmp_path / "sent")
    done = run_script("make_figures", *run_flags, "--checkpoint_path", "sent/model.ckpt-7")
    assert done.returncode == 2 and "--checkpoint_path: of which run? name one" in done.stderr


def test_curves_as_png_beside_what_others_reported(run_script, run_flags, tmp_path):
    (tmp_path / "theirs.csv").write_text("tag,step,value\nlosses/cross_entropy,20,1\nacuracy,2,1\n")
    scalars = {"losses/cross_entropy": 1.0, "sparsity/alexnet_v2/fc6": 0.5}
    event_files.write(tmp_path / "summaries" / "random", {1: scalars, 2: scalars})
    done = run_script(
        "make_figures", *run_flags, "--figures", "curves,sparsity", "--reported", "theirs.csv",
        "--log_steps", "--format", "png", "--smoothing", "0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "runs/figures/curves_random_2.png", "runs/figures/sparsity_random_2.png",
    ]  # fmt: skip
    picture = Image.open(str(tmp_path / "runs" / "figures" / "curves_random_2.png"))
    assert picture.info["Title"] == "curves: run random, step 2"
    assert "--reported theirs.csv" in picture.info["Description"]
    assert "acuracy of theirs.csv: left out: drawn is losses/cross_entropy, metr" in done.stderr


@pytest.mark.parametrize(
    "args, status, message",
    [
        (["--run_name", "random,other"], 1, "no events of a run 'other'; there are those of rand"),
        (["--dataset_dir", "nowhere"], 1, "or leave confusion and dead_units out of --figures"),
        (["--checkpoint_path", "nowhere"], 1, "nowhere: no such checkpoint"),
        (["--figures", "curves,loss"], 2, "--figures: 'loss' is none of curves, sparsity, "),
        (["--reported", "nowhere.csv", "--figures", "curves"], 1, "nowhere.csv: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(run_script, run_flags, tmp_path, args, status, message):
    event_files.write(tmp_path / "summaries" / "random", {1: {"losses/cross_entropy": 1.0}})
    done = run_script("make_figures", *run_flags, *args)
    assert done.returncode == status
    assert done.stderr.startswith("make_figures.py: error: ") and message in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert not (tmp_path / "runs" / "figures").exists()


def test_of_all_runs_one_whose_checkpoint_is_damaged_is_left_out(
    run_script, random_run, tiny_dataset, tmp_path
):
    for name in ("broken", "random"):
        event_files.write(tmp_path / "summaries" / name, {1: {"learning_rate": 0.5}})
        copy_of_run(random_run, tmp_path / "checkpoints" / name)
    (data,) = (tmp_path / "checkpoints" / "broken").glob("*.data-*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.unlink()  # It is a link.
    data.write_bytes(content)
    flags = [*OF_ALL_RUNS, "--figures", "dead_units,confusion", "--dataset_dir", tiny_dataset]
    done = run_script("make_figures", *flags)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.split("\n") if line.startswith("runs/")] == [
        "runs/figures/dead_units_validation_random_7.svg",
        "runs/figures/confusion_validation_random_7.svg",
    ]
    for figure in ("dead_units", "confusion"):
        assert "%s_validation of broken: left out: checkpoints/broken/" % figure in done.stderr
    done = run_script("make_figures", *flags, "--run_name", "broken,random")
    assert done.returncode == 1 and "cannot be restored" in done.stderr


def test_of_all_runs_one_whose_name_can_be_none_is_left_out(run_script, run_flags, tmp_path):
    for name in ("lr[1]", "random"):
        event_files.write(tmp_path / "summaries" / name, {1: {"learning_rate": 0.5}})
    done = run_script("make_figures", *run_flags, "--figures", "graph")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "runs/figures/alexnet_v2_random.svg\n"
    assert done.stderr.startswith("lr[1]: left out: --run_name 'lr[1]': must be without")


def test_where_the_figures_go_is_looked_at_before_the_work(
    run_script, run_flags, tiny_dataset, tmp_path
):
    event_files.write(tmp_path / "summaries" / "random", {1: {"losses/cross_entropy": 1.0}})
    (tmp_path / "taken").write_text("mine")
    flags = ["--figures", "dead_units", "--dataset_dir", tiny_dataset]
    done = run_script("make_figures", *run_flags, *flags, "--output_dir", "taken/figures")
    assert done.returncode == 2 and "taken is no folder; name another place" in done.stderr
    assert not done.stdout  # No table of dead units, which takes a while.
