"""Training in bfloat16: near float32, with weights that stay float32; refused where it is none."""

import numpy as np
import pytest

from alexnet_flowers import devices
from alexnet_flowers.nets import alexnet_v2, matrix_products
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import optimization

is_possible = devices.mixed_precision_obstacle("cpu") is None
possible = pytest.mark.skipif(not is_possible, reason="TensorFlow or CPU without bfloat16")


@pytest.fixture(scope="module")
def both():
    """The loss, all gradients and the weights after a step, in float32 and in bfloat16."""
    images = np.random.RandomState(0).uniform(-1, 1, [4, 195, 195, 3]).astype(np.float32)
    found = []
    with tf.Graph().as_default():
        tf.set_random_seed(4)
        logits, _ = alexnet_v2.alexnet_v2(
            tf.constant(images), 5, True, dropout_keep_prob=1.0, rules_for_bfloat16=True
        )
        # Scores apart from each other, so that no layer's gradient is next to nothing.
        _, loss = optimization.losses(logits * 10, tf.constant([0, 1, 2, 3], tf.int64), 0.0)
        variables = tf.trainable_variables()
        gradients = tf.gradients(loss, variables)
        matrix_products.replace_convolutions()  # As training does.
        step = tf.train.GradientDescentOptimizer(1e-7).apply_gradients(zip(gradients, variables))
        with tf.control_dependencies([step]):
            after = [variable.read_value() for variable in variables]
        for mixed_precision in (False, True):
            config = devices.session_config("cpu", mixed_precision=mixed_precision)
            with tf.Session(config=config) as session:
                session.run(tf.global_variables_initializer())
                before = session.run(variables)
                found.append(session.run([loss, gradients, after]) + [before])
    return found, [variable.op.name for variable in variables]


@possible
def test_loss_and_gradients_are_those_of_float32_but_for_rounding(both):
    ((loss, gradients, _, _), (rounded_loss, rounded, _, _)), names = both
    assert rounded_loss != loss  # Otherwise nothing was rounded.
    assert abs(rounded_loss - loss) < 0.01 * loss
    for name, exact, near in zip(names, gradients, rounded):
        assert near.dtype == np.float32
        error = np.linalg.norm(near - exact) / np.linalg.norm(exact)
        # 8 bits of mantissa, rounded anew in each layer on the way back: 0.005 in fc8, 0.26 in
        # conv1; in fc7 less than 0.02 or 0.028, by the processor.
        most = {"fc8": 0.02, "fc7": 0.05}.get(name.split("/")[1], 0.35)
        assert error < most, (name, error)


@possible
def test_updates_too_small_for_bfloat16_are_kept(both):
    _, (_, _, after, before) = both[0]
    for name, old, new in zip(both[1], before, after):
        if name.endswith("weights"):
            assert old.dtype == np.float32 and (new != old).any(), name
            assert np.abs(new - old).max() < 2**-9 * np.abs(old).max(), name


IS_FIRST = tf.__version__.startswith("1.")


@pytest.mark.skipif(IS_FIRST, reason="TensorFlow 1.15 has none")
def test_where_it_would_not_be_used_something_says_why(monkeypatch):
    old, new = devices.Card("Tesla T4", 7.5), devices.Card("NVIDIA A100-SXM4-40GB", 8.0)
    monkeypatch.setattr(devices, "cards", lambda: [new, old])
    said = "Tesla T4, compute capability 7.5 computes no bfloat16, for which it needs 8.0"
    assert said in devices.mixed_precision_obstacle("gpu")
    monkeypatch.setattr(devices, "cards", lambda: [new])
    assert devices.mixed_precision_obstacle("gpu") is None
    options = devices.session_config("gpu", mixed_precision=True).graph_options.rewrite_options
    assert options == devices.session_config("gpu").graph_options.rewrite_options
    monkeypatch.setattr(devices, "of_cpu", lambda key: "avx2 avx512f")
    assert "none of amx_bf16, avx512_bf16" in devices.mixed_precision_obstacle("cpu")
    # A GPU does it without oneDNN, a CPU does not; which CPU has to be known first.
    monkeypatch.setattr(devices.runtime, "HAS_MKL", False)
    assert devices.mixed_precision_obstacle("gpu") is None
    assert "none of amx_bf16, avx512_bf16" in devices.mixed_precision_obstacle("cpu")
    monkeypatch.setattr(devices, "of_cpu", lambda key: "avx2 amx_bf16")
    assert "needs oneDNN" in devices.mixed_precision_obstacle("cpu")
    monkeypatch.setattr(devices.runtime, "HAS_MKL", True)
    assert devices.mixed_precision_obstacle("cpu") is None


@pytest.mark.skipif(not IS_FIRST, reason="today's TensorFlow has it")
def test_the_first_tensorflow_says_which_it_needs():
    needed = "needs today's TensorFlow, not %s" % tf.__version__
    for device in ("cpu", "gpu"):
        assert needed in devices.mixed_precision_obstacle(device)


@pytest.mark.skipif(is_possible, reason="it is not refused here")
def test_training_refuses_it_before_anything_is_made(run_script, tiny_dataset, tmp_path):
    flags = ["--mixed_precision", "--device=cpu"]
    done = run_script("train", "--dataset_dir", tiny_dataset, *flags)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "error: --mixed_precision: " in done.stderr and not (tmp_path / "runs").exists()


@possible
def test_a_run_in_bfloat16_says_nothing_else(run_script, tiny_dataset, tmp_path):
    done = run_script(
        "train", "--dataset_dir", tiny_dataset, "--mixed_precision", "--batch_size", "4",
        "--image_size", "195", "--common_queue_min", "8", "--max_number_of_steps", "2",
        "--log_every_n_steps", "1", "--device=cpu",
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    # What the run will be, its two steps and its end, what comes next.
    words = [line.split()[0] for line in done.stdout.splitlines()]
    start, end = ["run", "photos:", "2", "checkpoints:", "Ctrl-C"], ["next:", "python", "make"]
    assert words == start + ["step", "step", "sgd:"] + end
