"""Each setting reaches what it sets."""

import math

import gpus
import numpy as np
import pytest

from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization, optimizers, schedules, settings
from alexnet_flowers.training.settings import Settings


def rates(num_decay_steps, steps, **changes):
    settings = Settings(**dict({"learning_rate": 0.5}, **changes))
    with tf.Graph().as_default():
        step = tf.placeholder(tf.int64, [])
        rate = schedules.learning_rate(settings, num_decay_steps, step)
        with gpus.cpu_session() as session:
            return [float(session.run(rate, {step: s})) for s in steps]


def test_a_fixed_rate_stays():
    assert rates(None, [0, 10, 10000]) == [0.5, 0.5, 0.5]


def test_the_exponential_decay_falls_in_stairs():
    found = rates(
        10, [0, 9, 10, 25], learning_rate_decay_type="exponential", learning_rate_decay_factor=0.5
    )
    np.testing.assert_allclose(found, [0.5, 0.5, 0.25, 0.125], rtol=1e-6)


def test_the_polynomial_decay_ends_at_its_end():
    found = rates(10, [0, 5, 10, 99], learning_rate_decay_type="polynomial", end_learning_rate=0.1)
    np.testing.assert_allclose(found, [0.5, 0.3, 0.1, 0.1], rtol=1e-6)


@pytest.mark.parametrize(
    "rate, at_half, said", [(0.1, 0.1, "stays as it is"), (0.02, 0.06, "rises")]
)
def test_a_polynomial_decay_from_its_end_or_below_is_slims(rate, at_half, said):
    changes = dict(learning_rate_decay_type="polynomial", learning_rate=rate, end_learning_rate=0.1)
    np.testing.assert_allclose(rates(10, [0, 5, 99], **changes), [rate, at_half, 0.1], rtol=1e-6)
    settings.check(settings.complete(Settings(**changes)))
    assert list(schedules.remarks(Settings(**changes), 10)) == [
        "the learning rate %s: --learning_rate=%g is not above --end_learning_rate=0.1"
        % (said, rate)
    ]
    assert not list(schedules.remarks(Settings(**dict(changes, learning_rate=0.2)), 10))


def test_the_cosine_decay_is_half_a_cosine():
    found = rates(8, [0, 2, 4, 8, 99], learning_rate_decay_type="cosine", end_learning_rate=0.1)
    expected = [0.1 + 0.4 * 0.5 * (1 + math.cos(math.pi * min(s, 8) / 8)) for s in (0, 2, 4, 8, 99)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("num_steps", [90, 100])
def test_a_run_that_is_over_in_its_warm_up_is_told_so(num_steps):
    wanted = Settings(learning_rate=0.2, warmup_steps=100)
    assert list(schedules.remarks(wanted, num_steps)) == [
        "the run is over in its warm-up: --warmup_steps=100, and %d steps in all; lower "
        "--warmup_steps, or train longer" % num_steps
    ]
    assert not list(schedules.remarks(wanted, 101))


def test_the_warm_up_is_linear_and_the_decay_begins_after_it():
    assert np.allclose(rates(None, [0, 1, 3, 4], warmup_steps=4), [0.125, 0.25, 0.5, 0.5])
    decayed = rates(
        10, [4, 13, 14], warmup_steps=4, learning_rate_decay_type="exponential",
        learning_rate_decay_factor=0.5,
    )  # fmt: skip
    np.testing.assert_allclose(decayed, [0.5, 0.5, 0.25])


@pytest.mark.parametrize(
    "kind, epochs, warmup, expected",
    [
        ("fixed", None, 0, None),
        ("exponential", None, 0, 118),  # 2 epochs of 3320 photos at 56.
        ("exponential", 1.5, 0, 88),
        ("polynomial", None, 0, 1000),
        ("cosine", None, 0, 1000),
        ("cosine", None, 100, 900),  # So that the last step still reaches the end.
        ("cosine", 3.0, 100, 177),
    ],
)
def test_decay_steps(kind, epochs, warmup, expected):
    settings = Settings(
        learning_rate_decay_type=kind, num_epochs_per_decay=epochs, warmup_steps=warmup
    )
    assert schedules.decay_steps(settings, 3320, 1000) == expected


def test_an_unknown_decay_or_optimizer_is_named():
    with pytest.raises(UsageError, match="'linear' is none of fixed, exponential"):
        rates(1, [0], learning_rate_decay_type="linear")
    with pytest.raises(UsageError, match="'sdg' is none of sgd, momentum"):
        optimizers.OPTIMIZERS["sdg"]


# One step from w = 2 with the gradient g = 3, by each optimizer's definition.
W, G, RATE = 2.0, 3.0, 0.1


def step(num_steps=1, **changes):
    settings = Settings(**changes)
    optimizer = optimizers.OPTIMIZERS[settings.optimizer]
    if settings.opt_epsilon is None:
        settings = settings._replace(opt_epsilon=optimizer.epsilon)
    with tf.Graph().as_default():
        variable = tf.get_variable("w", initializer=W)
        train = optimizer.build(tf.constant(RATE), settings).minimize(G * variable)
        with gpus.cpu_session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(num_steps):
                session.run(train)
            return float(session.run(variable))


def near(value):
    return pytest.approx(value, rel=1e-5)


def test_sgd():
    assert step(optimizer="sgd") == near(W - RATE * G)


def test_momentum():
    assert step(2, optimizer="momentum", momentum=0.5) == near(W - RATE * G * (1 + 1.5))


def test_adam():
    # The first step is rate * g / (|g| + eps') whatever the betas; the second mixes them in.
    assert step(optimizer="adam") == near(W - RATE)
    correction = math.sqrt(1 - 0.8)
    slowed = RATE * correction / (1 - 0.5) * (0.5 * G) / (math.sqrt(0.2) * G + 1.0)
    assert step(optimizer="adam", adam_beta1=0.5, adam_beta2=0.8, opt_epsilon=1.0) == near(
        W - slowed
    )


def test_adadelta():
    accumulated = 0.4 * G * G
    update = math.sqrt(0.01) / math.sqrt(accumulated + 0.01) * G
    assert step(optimizer="adadelta", adadelta_rho=0.6, opt_epsilon=0.01) == near(W - RATE * update)


def test_adagrad():
    assert step(optimizer="adagrad", adagrad_initial_accumulator_value=7.0) == near(
        W - RATE * G / math.sqrt(7 + G * G)
    )


def test_ftrl():
    # TensorFlow's: z = g - (n^p' - n0^p') / rate * w, w = -(z - l1 sign z) / (n^p' / rate + 2 l2).
    n0, l1, l2, power = 0.3, 0.2, 0.1, 0.4
    n = n0 + G * G
    z = G - (n**power - n0**power) / RATE * W
    expected = -(z - math.copysign(l1, z)) / (n**power / RATE + 2 * l2) if abs(z) > l1 else 0.0
    assert step(
        optimizer="ftrl", ftrl_learning_rate_power=-power, ftrl_initial_accumulator_value=n0,
        ftrl_l1=l1, ftrl_l2=l2,
    ) == near(expected)  # fmt: skip


def test_rmsprop():
    # TensorFlow's mean square begins at 1.
    square = 0.7 + 0.3 * G * G
    first = RATE * G / math.sqrt(square + 0.5)
    square = 0.7 * square + 0.3 * G * G
    second = 0.2 * first + RATE * G / math.sqrt(square + 0.5)
    assert step(
        2, optimizer="rmsprop", rmsprop_decay=0.7, rmsprop_momentum=0.2, opt_epsilon=0.5
    ) == near(W - first - second)


def test_default_rates_and_epsilons_are_tensorflows():
    assert [known.learning_rate for known in optimizers.OPTIMIZERS.values()] == [
        0.01, 0.01, 0.02, 0.001, 0.001, 0.01, 0.01, 0.01,
    ]  # fmt: skip
    for name, kind in (
        ("adam", tf.train.AdamOptimizer),
        ("adadelta", tf.train.AdadeltaOptimizer),
        ("rmsprop", tf.train.RMSPropOptimizer),
    ):
        built = kind(0.1)
        assert built._epsilon == optimizers.OPTIMIZERS[name].epsilon


def test_losses_smooth_labels_and_add_the_weight_decay():
    with tf.Graph().as_default():
        logits = tf.constant([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
        tf.losses.add_loss(tf.constant(0.25), tf.GraphKeys.REGULARIZATION_LOSSES)
        cross_entropy, total = optimization.losses(logits, tf.constant([0, 2], tf.int64), 0.3)
        with gpus.cpu_session() as session:
            found = session.run([cross_entropy, total, tf.nn.log_softmax(logits)])
    true = np.eye(3)[[0, 2]]
    assert found[0] == near(-(true * found[2]).sum(1).mean())
    smoothed = true * 0.7 + 0.1
    assert found[1] == near(-(smoothed * found[2]).sum(1).mean() + 0.25)


def test_the_loss_is_of_targets_and_the_cross_entropy_of_labels():
    targets = [[0.75, 0.25, 0.0], [0.5, 0.0, 0.5]]
    with tf.Graph().as_default():
        logits = tf.constant([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
        labels = tf.constant([0, 2], tf.int64)
        found = optimization.losses(logits, labels, 0.0, tf.constant(targets))
        with gpus.cpu_session() as session:
            cross_entropy, total, logarithms = session.run(found + (tf.nn.log_softmax(logits),))
    assert cross_entropy == near(-(np.eye(3)[[0, 2]] * logarithms).sum(1).mean())
    assert total == near(-(np.array(targets) * logarithms).sum(1).mean())


@pytest.fixture
def two_layers():
    with tf.Graph().as_default():
        with tf.variable_scope("net"):
            for layer in ("fc7", "fc8"):
                slim.model_variable(layer + "/weights", [2], initializer=tf.ones_initializer())
        yield


def test_trainable_scopes_choose_the_variables(two_layers):
    names = [v.op.name for v in optimization.variables_to_train("net/fc8")]
    assert names == ["net/fc8/weights"]
    assert len(optimization.variables_to_train("net/fc8, net")) == 2
    assert len(optimization.variables_to_train(None)) == 2
    # The beginning of a name, as slim takes it.
    assert len(optimization.variables_to_train("net/fc")) == 2
    with pytest.raises(UsageError, match="'fc'; the layers are net/fc7, net/fc8"):
        optimization.variables_to_train("fc")


def trained(settings, loss, num_steps=1):
    step_variable = tf.train.get_or_create_global_step()
    optimizer = optimizers.OPTIMIZERS[settings.optimizer].build(tf.constant(0.1), settings)
    optimization.average_in_each_step(optimizer, settings, step_variable)
    op = optimization.train_op(settings, loss, optimizer, step_variable)
    session = gpus.cpu_session()
    session.run(tf.global_variables_initializer())
    for _ in range(num_steps):
        session.run(op)
    return session


def test_gradients_are_clipped_by_norm_variable_by_variable(two_layers):
    a, b = tf.trainable_variables()
    with trained(Settings(clip_gradient_norm=1.0), tf.reduce_sum(30 * a + 0.1 * b)) as session:
        np.testing.assert_allclose(session.run(a), 1 - 0.1 * np.ones(2) / math.sqrt(2), rtol=1e-6)
        np.testing.assert_allclose(session.run(b), [0.99, 0.99], rtol=1e-6)


def test_moving_averages_follow_the_variables(two_layers):
    a, _ = tf.trainable_variables()
    loss = tf.reduce_sum(a)
    with trained(Settings(moving_average_decay=0.9), loss, 2) as session:
        # With the step, TensorFlow's decay is min(0.9, (1 + step) / (10 + step)).
        after_1 = 1 * (2 / 11.0) + 0.9 * (9 / 11.0)
        after_2 = after_1 * (3 / 12.0) + 0.8 * (9 / 12.0)
        average = session.run("net/fc7/weights/ExponentialMovingAverage:0")
        np.testing.assert_allclose(average, [after_2, after_2], rtol=1e-6)


def test_a_loss_that_is_nan_raises(two_layers):
    loss = tf.reduce_sum(tf.trainable_variables()[0]) * float("nan")
    with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor is inf or nan"):
        trained(Settings(), loss)
