"""What only a GPU can show."""

import json
import os
import re

import numpy as np
import pytest
from processes import messages

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.input import preprocessing, randaugment, resident
from alexnet_flowers.tf1 import tf

pytestmark = pytest.mark.gpu

SMALL = [
    "--batch_size=4", "--image_size=195", "--common_queue_min=8", "--log_every_n_steps=1",
    "--device=gpu", "--max_number_of_steps=3", "--save_summaries_secs=1e-6",
]  # fmt: skip


@pytest.mark.parametrize("flags", [
    ["--input=queues"], ["--input=resident"], ["--input=resident", "--nofast_mode"],
    ["--mixed_precision"], ["--notf32"], ["--xla"],
], ids=" ".join)  # fmt: skip
def test_a_run_names_the_card_trains_and_says_nothing_else(
    run_script, tiny_dataset, tmp_path, flags
):
    if "--mixed_precision" in flags and devices.mixed_precision_obstacle("gpu"):
        pytest.skip(devices.mixed_precision_obstacle("gpu"))
    done = run_script("train", "--dataset_dir", tiny_dataset, *SMALL, *flags)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    # The driver's name of the card, then what will be done, then TensorFlow's.
    assert lines[0].startswith("GPU: ") and lines[1] == "run sgd: new"
    assert re.match(r"GPU: .+, compute capability \d+\.\d$", lines[6])
    assert [line for line in lines if line.startswith("step 3/3 ")]


@pytest.fixture
def look(run_script, random_run, tiny_dataset):
    """A function that has a command look at ``random_run`` on a device."""

    def look(command, device, *flags):
        parent = os.path.dirname(random_run.checkpoints_dir)
        done = run_script(
            command, "--checkpoints_dir", parent, "--summaries_dir=summaries", "--run_name=random",
            "--device", device, *flags,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if device == "gpu":  # The card, how far it is, and nothing else.
            (card,) = messages(done.stderr)
            assert card.startswith("GPU: ")

    return look


@pytest.mark.parametrize("command, flags", [
    ("explain", ["--split=validation", "--index=0", "--output=a.png"]),
    ("score_map", ["--split=validation", "--index=0", "--output=a.png"]),
    ("show_patches", ["--split=validation", "--output=a.png"]),
    ("inspect_network", ["--split=validation", "--index=0", "--output_dir=a"]),
    ("embed", []),
    ("report", ["--output=a.html"]),
])  # fmt: skip
def test_every_picture_is_made_there(look, tiny_dataset, command, flags):
    look(command, "gpu", "--dataset_dir", tiny_dataset, *flags)


def test_figures_of_a_run_are_made_there(run_script, tiny_dataset):
    trained = run_script("train", "--dataset_dir", tiny_dataset, *SMALL)
    assert trained.returncode == 0, trained.stderr
    figures = "--figures=confusion,dead_units,graph,curves"
    done = run_script("make_figures", figures, "--device=gpu", "--output_dir=a")
    assert done.returncode == 0 and done.stderr.startswith("GPU: "), done.stderr


def test_an_exported_network_is_the_one_of_the_cpu(look, tmp_path):
    graphs = []
    for device in ("cpu", "gpu"):
        look("export", device, "--output_dir", device)
        graphs.append(tf.GraphDef.FromString((tmp_path / device / "frozen.pb").read_bytes()))
    assert graphs[0] == graphs[1]


def test_evaluation_and_prediction_there_are_those_of_the_cpu(look, tiny_dataset, tmp_path):
    of_photos = ["--dataset_dir", tiny_dataset, "--split=validation", "--json"]
    answers = []
    for device in ("cpu", "gpu"):
        look("evaluate", device, *of_photos, device + "_e.json", "--eval_image_size=259")
        look("predict", device, *of_photos, device + "_p.json")
        answers.append([json.loads((tmp_path / (device + end)).read_text()) for end in _ANSWERS])
    (evaluated, predicted), (evaluated_there, predicted_there) = answers
    # TF32 has 10 bits of mantissa.
    assert evaluated_there["cross_entropy"] == pytest.approx(evaluated["cross_entropy"], rel=0.02)
    for one, there in zip(predicted, predicted_there):
        assert one["photo"] == there["photo"]
        assert there["probabilities"] == pytest.approx(one["probabilities"], abs=0.02)


_ANSWERS = ("_e.json", "_p.json")


@pytest.mark.parametrize(
    "fast_mode, randaug, most_that_differ",
    [(True, randaugment.NOTHING, 0), (False, randaugment.NOTHING, 0)]
    # A value that is rounded the other way may be solarized, or lose its bits.
    + [(True, randaugment.Policy(2, 7.0), 0.02)],
    ids=["fast", "full", "randaugment"],
)
def test_photos_are_distorted_there_as_on_the_cpu(
    tiny_dataset, fast_mode, randaug, most_that_differ
):
    photos = resident.read(dataset.get_split("train", tiny_dataset), 2**40)
    distortion = preprocessing.Distortion(64, fast_mode, preprocessing.MIN_CROP_AREA, randaug)
    images = []
    for device in ("cpu", "gpu"):
        with tf.Graph().as_default(), tf.Session(config=devices.session_config(device)) as session:
            batch = resident.training_batches(
                photos, 25, distortion, "/%s:0" % device, [2], tf.constant(0, tf.int64)
            )
            session.run([tf.local_variables_initializer(), tf.tables_initializer()])
            images.append(session.run(batch.images))
    assert (np.abs(images[0] - images[1]) > 1e-5).mean() <= most_that_differ


def test_full_float32_is_nearer_to_the_truth_than_tf32(request):
    if devices.cards()[0].capability < 8 or request.config.getoption("--pretend_gpu"):
        pytest.skip("no TF32")
    if tf.__version__.startswith("1."):
        pytest.skip("TensorFlow 1.15 is told before its libraries are loaded")
    factors = np.random.RandomState(0).normal(size=[2, 512, 512]).astype(np.float32)
    exact = factors[0].astype(np.float64).dot(factors[1])
    errors = []
    try:
        for allowed in (True, False):
            devices.set_tf32(allowed)
            with tf.Graph().as_default(), tf.Session(config=devices.session_config("gpu")) as run:
                errors.append(np.abs(run.run(tf.matmul(*map(tf.constant, factors))) - exact).max())
    finally:
        devices.set_tf32(True)
    assert errors[1] < 0.1 * errors[0]
