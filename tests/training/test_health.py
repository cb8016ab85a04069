"""A run that goes nowhere is told of, once; one that goes somewhere is not."""

import math

import pytest

from alexnet_flowers.tf1 import tf
from alexnet_flowers.training.health import WINDOW_STEPS, Health

GUESSING = math.log(5)


def _warnings(losses):
    health = Health(5)
    found = [
        (step, health.observe_cross_entropy(step, loss)) for step, loss in enumerate(losses, 1)
    ]
    return [(step, warning) for step, warning in found if warning]


def test_a_loss_that_does_not_move_is_told_once():
    ((step, warning),) = _warnings([GUESSING + 0.001 * (step % 2) for step in range(1000)])
    assert step == 3 * WINDOW_STEPS
    assert "step 300" in warning and "guessing costs 1.609" in warning
    assert "1.610 over the last 100 steps, 1.610 over the first" in warning


def test_a_loss_that_rises_does_not_move_either():
    assert len(_warnings([1.6 + 0.001 * step for step in range(400)])) == 1


def test_a_loss_that_falls_slowly_moves():
    assert not _warnings([1.61 - 0.0002 * step for step in range(2000)])


def test_a_plateau_that_comes_later_is_none():
    assert not _warnings([1.6] * 100 + [1.2] * 1000)


@pytest.mark.parametrize("loss", [0.15, 1.1])
def test_a_trained_network_may_rest(loss):
    assert not _warnings([loss] * 1000)


def test_too_few_steps_tell_nothing():
    assert not _warnings([GUESSING] * 299)


def test_a_dead_layer_is_named_once():
    health = Health(5)
    assert health.observe_layers(10, {"conv5": 0.1, "fc6": 2.0}) == []
    (warning,) = health.observe_layers(20, {"conv5": 0.0, "fc6": 2.0})
    assert warning.startswith("warning: step 20: conv5: none of its units fires")
    assert health.observe_layers(30, {"conv5": 0.0, "fc6": 2.0}) == []
    (warning,) = health.observe_layers(40, {"conv5": 0.0, "fc6": 0.0})
    assert "fc6" in warning


def test_training_tells_of_a_dead_layer_and_goes_on(run_script, network, tiny_dataset, tmp_path):
    variables = {v.op.name: v for v in network.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)}
    biases = variables["alexnet_v2/conv5/biases"]
    before = network.session.run(biases)
    with network.graph.as_default():
        biases.load(before - 1e6, network.session)
        saver = tf.train.Saver(list(variables.values()))
        saver.save(network.session, str(tmp_path / "dead.ckpt"), write_meta_graph=False)
        biases.load(before, network.session)
    done = run_script(
        "train", "--dataset_dir", tiny_dataset, "--checkpoint_path", "dead.ckpt", "--batch_size",
        "2", "--image_size", "195", "--max_number_of_steps", "2", "--log_every_n_steps", "2",
        "--save_summaries_secs", "0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.split("\n") if line.startswith("warning")]
    # Without conv5 the layers behind it have nothing but their biases, which are 0 here.
    assert [line.split(": ")[1:3] for line in warnings] == [
        ["step 2", "conv5"], ["step 2", "fc6"], ["step 2", "fc7"],
    ]  # fmt: skip
