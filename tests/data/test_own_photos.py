"""Own photos from a folder to predictions, by the commands of docs/own_photos.md and further."""

import os
import re
import shlex

import numpy as np
import pytest
from conftest import ROOT
from photo_archives import CLASS_NAMES, draw

from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints

OWN_CLASSES = ["Gänseblümchen", "wild rose"]
SMALL = ["--image_size=195", "--batch_size=2", "--common_queue_min=4"]
LAST_LAYER = "alexnet_v2/fc8/"


def documented_commands():
    """Returns the arguments of that page's commands, by the name of the script."""
    with open(os.path.join(ROOT, "docs", "own_photos.md"), encoding="utf-8") as file:
        page = file.read()
    blocks = re.findall(r"```sh\npython scripts/(\w+)\.py (.*?)\n```", page, re.DOTALL)
    return {name: shlex.split(args.replace("\\\n", "")) for name, args in blocks}


def one_step():
    """Returns the arguments of the page's training, of one step."""
    args = documented_commands()["train"]
    where = args.index("--num_epochs")
    args[where : where + 2] = ["--max_number_of_steps=1"]
    return args


@pytest.fixture(scope="module")
def run(run_script_in, random_run, tmp_path_factory):
    """A function that runs a script where ``data/mine`` is a dataset of two own classes.

    There the network of the flowers is the run ``momentum``, with random weights.
    """
    folder = tmp_path_factory.mktemp("own")

    def run(name, *args):
        done = run_script_in(folder, name, *args)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done
        return done.stdout.splitlines()

    run.folder = folder
    for class_name, drawn_as in zip(OWN_CLASSES, CLASS_NAMES):
        (folder / "my_photos" / class_name).mkdir(parents=True)
        for number in range(6):
            path = folder / "my_photos" / class_name / ("Bild %d.jpg" % number)
            path.write_bytes(draw(drawn_as, number))
    (folder / "runs" / "checkpoints").mkdir(parents=True)
    (folder / "runs" / "checkpoints" / "momentum").symlink_to(random_run.checkpoints_dir)
    run.converted = run(
        "download_and_convert", *documented_commands()["download_and_convert"], "--num_validation=3"
    )
    return run


def weights(run_dir):
    """Returns the values of a run's newest checkpoint by their names."""
    reader = tf.train.NewCheckpointReader(checkpoints.newest(str(run_dir)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_the_table_has_the_own_classes(run):
    rows = run.converted[:4]
    assert [line[:13].strip() for line in rows] == ["class"] + OWN_CLASSES + ["all"]
    assert rows[-1].split() == ["all", "9", "3", "12"]


def test_the_documented_fine_tuning_trains_a_last_layer_for_the_own_classes(run, random_run):
    run("train", *one_step(), *SMALL, "--save_summaries_secs=0")
    old = weights(random_run.checkpoints_dir)
    new = weights(run.folder / "runs/checkpoints/tuned")
    assert old.pop("global_step") == 7 and new.pop("global_step") == 1
    for name in old:
        if name.startswith(LAST_LAYER):
            assert new[name].shape == old[name].shape[:-1] + (2,)
        else:
            np.testing.assert_array_equal(new[name], old[name], name)


@pytest.fixture(scope="module")
def all_layers(run):
    """The run ``all``, which that page's command has begun but for ``--trainable_scopes``.

    Its step was so small that what it started from can be read off its result.
    """
    args = one_step()
    where = args.index("--trainable_scopes")
    del args[where : where + 2]
    args += ["--run_name=all", "--learning_rate=1e-30", "--save_summaries_secs=1e-6"]
    args.append("--save_histograms_secs=0")
    run("train", *args, *SMALL)
    return weights(run.folder / "runs/checkpoints/all")


def test_fine_tuning_of_all_layers_starts_from_the_old_weights_too(all_layers, random_run):
    old = weights(random_run.checkpoints_dir)
    for name in set(old) - {"global_step"}:
        if not name.startswith(LAST_LAYER):
            np.testing.assert_allclose(all_layers[name], old[name], 0, 1e-20, err_msg=name)
    assert np.abs(all_layers["alexnet_v2/fc7/biases"]).max() > 0, "it was not trained"


def test_evaluation_follows(run, all_layers):
    lines = run("evaluate", "--run_name=all", "--dataset_dir=data/mine")
    assert lines[1].split() == ["Gänseblümchen", "wild", "rose"]
    assert [line[:13].strip() for line in lines[2:4]] == OWN_CLASSES
    # Of two classes the right one is always among the best two.
    assert re.match(r"validation, 3 photos, step 1: accuracy .*, recall@2 1\.0000, ", lines[4])


def test_prediction_follows(run, all_layers):
    lines = run("predict", "--run_name=all", "my_photos")
    assert len(lines) == 1 + 12 + 1 and re.match(r"\d+ of 12 right", lines[-1])
    for line, class_name in zip(lines[1:-1], np.repeat(OWN_CLASSES, 6)):
        photo, _, answers = re.split("  +", line, maxsplit=2)
        assert photo.startswith("my_photos/%s/Bild " % class_name)
        assert sorted(re.findall(r"(\S.*?) +0\.\d+", answers)) == OWN_CLASSES
