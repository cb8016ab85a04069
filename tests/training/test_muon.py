"""Muon: kernels of convolutions take orthogonal steps, all else takes those of momentum."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import muon, optimizers
from alexnet_flowers.training.settings import Settings

SETTINGS = Settings(
    optimizer="muon", learning_rate=0.5, muon_momentum=0.75, muon_weight_decay=0.25,
    momentum_learning_rate=0.1, momentum=0.5,
)  # fmt: skip


def drawn(seed, *shape):
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def by_singular_values(matrix):
    """Returns what the article's five iterations make of a matrix, from its decomposition."""
    u, values, v = np.linalg.svd(matrix, full_matrices=False)
    values /= np.sqrt((values**2).sum())
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return (u * values) @ v


def run(fetched):
    with gpus.cpu_session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetched)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (7, 7), (5, 1)])
def test_singular_values_become_1_and_the_vectors_stay(shape):
    # Columns from long to short, as gradients have them.
    matrix = drawn(1, *shape) * np.logspace(0, -1, shape[1], dtype=np.float32)
    with tf.Graph().as_default():
        found = run(muon.orthogonalized(tf.constant(matrix)))
    np.testing.assert_allclose(found, by_singular_values(matrix), atol=1e-4)
    values = np.linalg.svd(found, compute_uv=False)
    assert 0.65 < values.min() and values.max() < 1.25
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ found @ v.T
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-4)
    assert np.diag(turned).min() > 0


def test_no_gradient_is_no_step():
    with tf.Graph().as_default():
        found = run(muon.orthogonalized(tf.zeros([4, 3])))
    np.testing.assert_array_equal(found, np.zeros([4, 3]))


@pytest.fixture(scope="module")
def trained():
    """Each variable before and after two steps, and the gradients of these, by name."""
    shapes = {
        "alexnet_v2/conv2/weights": (3, 3, 4, 5),
        "alexnet_v2/conv2/biases": (5,),
        "alexnet_v2/fc6/weights": (2, 2, 3, 4),
    }
    before = {name: drawn(number, *shape) for number, (name, shape) in enumerate(shapes.items())}
    gradients = [
        {name: drawn(seed + number, *shape) for number, (name, shape) in enumerate(shapes.items())}
        for seed in (10, 20)
    ]
    with tf.Graph().as_default():
        variables = {name: tf.get_variable(name, initializer=before[name]) for name in shapes}
        optimizer = optimizers.OPTIMIZERS["muon"].build(tf.constant(0.5), SETTINGS)
        steps = [
            optimizer.apply_gradients(
                [(tf.constant(one[name]), variable) for name, variable in variables.items()]
            )
            for one in gradients
        ]
        with gpus.cpu_session() as session:
            session.run(tf.global_variables_initializer())
            for step in steps:
                session.run(step)
            after = session.run(variables)
        kept = sorted(variable.op.name for variable in optimizer.variables())
    return before, gradients, after, kept


def test_a_kernel_takes_orthogonal_steps_of_the_mean_gradient_and_decays(trained):
    before, gradients, after, _ = trained
    name = "alexnet_v2/conv2/weights"
    first, second = (one[name].reshape(-1, 5) for one in gradients)
    expected = (1 - 0.5 * 0.25) * before[name].reshape(-1, 5) - 0.5 * by_singular_values(first)
    mean = 0.75 * 0.25 * first + 0.25 * second
    ahead = 0.75 * mean + 0.25 * second
    expected = (1 - 0.5 * 0.25) * expected - 0.5 * by_singular_values(ahead)
    np.testing.assert_allclose(after[name].reshape(-1, 5), expected, atol=1e-4)


@pytest.mark.parametrize("layer", ["conv2/biases", "fc6/weights"])
def test_all_else_takes_steps_of_momentum_at_its_own_rate(trained, layer):
    before, gradients, after, _ = trained
    name = "alexnet_v2/" + layer
    first, second = (one[name] for one in gradients)
    expected = before[name] - 0.1 * first - 0.1 * (0.5 * first + second)
    np.testing.assert_allclose(after[name], expected, rtol=1e-5, atol=1e-6)


def test_what_it_keeps_is_named_after_it(trained):
    assert trained[3] == [
        "alexnet_v2/conv2/biases/Muon", "alexnet_v2/conv2/weights/Muon",
        "alexnet_v2/fc6/weights/Muon",
    ]  # fmt: skip
