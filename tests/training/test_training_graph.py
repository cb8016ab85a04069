"""What a training step runs, read from its graph; as clones, the same step."""

import re

import gpus
import numpy as np
import pytest
from graphs import needed

from alexnet_flowers import devices
from alexnet_flowers.distributed import places
from alexnet_flowers.input import pipeline
from alexnet_flowers.nets import matrix_products
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import plan, schedules, training_graph
from alexnet_flowers.training.settings import Settings


def built(tiny_dataset, gradient_rules=None, num_clones=1, first_step=0, **chosen):
    """The ``StepOps`` of a small training, in the default graph."""
    compute = devices.Compute(device="cpu", gradient_rules=gradient_rules, num_clones=num_clones)
    wanted = Settings(batch_size=4, image_size=195, **chosen)
    planned = plan.make(tiny_dataset, wanted, plan.Options(compute=compute))
    return training_graph.build(planned, places.Alone(), first_step=first_step)


@pytest.mark.parametrize(
    "has_onednn, gradient_rules, layers", [(True, None, 3), (True, False, 0), (False, None, 0)]
)
def test_fully_connected_layers_are_matrix_products_with_onednn(
    monkeypatch, tiny_dataset, has_onednn, gradient_rules, layers
):
    monkeypatch.setattr(matrix_products.runtime, "HAS_MKL", has_onednn)
    with tf.Graph().as_default():
        ops = needed(built(tiny_dataset, gradient_rules).train_op.op)
    names = {op.name for op in ops}
    products = {name for name in names if re.match("alexnet_v2/fc./matrix_product/MatMul$", name)}
    convolutions = {name for name in names if re.match("alexnet_v2/fc./Conv2D$", name)}
    assert len(products) == layers and len(convolutions) == 3 - layers


def test_a_run_that_goes_on_draws_otherwise_than_at_its_start(tiny_dataset):
    # Dropout; which photos come, and which part of each.
    drawing = ("RandomUniform", "RandomShuffleQueueV2", "SampleDistortedBoundingBoxV2")

    def seeds(first_step):
        with tf.Graph().as_default() as graph:
            built(tiny_dataset, first_step=first_step, seed=3)
            return {
                op.name: op.get_attr("seed") for op in graph.get_operations() if op.type in drawing
            }

    at_start, later = seeds(0), seeds(40)
    assert set(at_start.values()) == {3} and set(later.values()) == {43}
    assert set(at_start) == set(later) and len(at_start) >= 4


MIXING = dict(mixup_alpha=0.2, cutmix_alpha=1.0, random_erasing=0.5)


def test_a_step_mixes_and_what_is_checked_between_steps_draws_nothing(tiny_dataset):
    with tf.Graph().as_default():
        ops = built(tiny_dataset, **MIXING)
        draws = {op for op in needed(ops.train_op.op) if op.type.startswith("Random")}
        of_mixing = {op for op in draws if op.name.startswith("input/mixing/")}
        # Two gamma draws for each of both, which of them, and the place of cutmix's box; the noise,
        # in which photos, and its box' area, aspect and place.
        assert len(of_mixing) == 4 + 1 + 2 + 2 + 4
        checked = needed(ops.is_finite.op, fed=list(ops.noise))
        assert not {op for op in checked if op.name.startswith("input/")}


def test_erasing_alone_is_not_checked_between_steps_either(tiny_dataset):
    with tf.Graph().as_default():
        ops = built(tiny_dataset, random_erasing=0.5)
        checked = needed(ops.is_finite.op, fed=list(ops.noise))
        # But for what lays the labels of clones together, which are fed.
        assert {op.name for op in checked if op.name.startswith("input/")} == {
            "input/concat/concat"
        }


def test_targets_of_all_clones_follow_each_other(tiny_dataset):
    with tf.Graph().as_default():
        ops = built(tiny_dataset, num_clones=2, mixup_alpha=0.2)
        targets = [one for one in ops.noise if one.shape.as_list() == [8, 5]]
        assert len(targets) == 1 and targets[0].op.type == "ConcatV2"
        assert ops.noise[targets[0]].sum(1) == pytest.approx(np.ones(8))


@pytest.mark.parametrize("name", sorted(MIXING))
def test_each_way_of_mixing_is_in_the_graph_only_where_it_is_asked_for(tiny_dataset, name):
    with tf.Graph().as_default() as graph:
        built(tiny_dataset)
        assert not [op for op in graph.get_operations() if "mixing" in op.name]
    with tf.Graph().as_default():
        ops = built(tiny_dataset, **{name: MIXING[name]})
        assert [op for op in needed(ops.train_op.op) if op.name.startswith("input/mixing/")]


def test_clones_make_the_same_step_as_one_large_batch(tiny_dataset, monkeypatch):
    images = np.random.RandomState(0).uniform(-1, 1, [4, 195, 195, 3]).astype(np.float32)

    def fixed(split, batch_size, image_size, **_):
        assert batch_size == 4
        nothing = tf.constant([b""] * 4)
        return pipeline.Batch(tf.constant(images), tf.range(4, dtype=tf.int64), nothing, nothing)

    monkeypatch.setattr(pipeline, "training_batches", fixed)
    logging = plan.Logging(max_images=0, save_histograms_secs=0)
    after, names = [], []
    for num_clones in (1, 2):
        settings = Settings(
            batch_size=4 // num_clones, image_size=195, dropout_keep_prob=1.0,
            learning_rate=0.1, opt_epsilon=None, weight_decay=0.0005,
        )  # fmt: skip
        with tf.Graph().as_default() as graph, gpus.cpu_session() as session:
            planned = plan.make(
                tiny_dataset, settings, plan.Options(
                    logging=logging, compute=devices.Compute(device="cpu", num_clones=num_clones),
                ),
            )  # fmt: skip
            ops = training_graph.build(planned, places.Alone())
            names.append({v.op.name for v in tf.global_variables()})
            values = np.random.RandomState(1)
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            for variable in tf.trainable_variables():
                shape = variable.shape.as_list()
                variable.load(values.normal(0, 0.01, shape).astype(np.float32), session)
            session.run(ops.train_op)
            after.append(session.run(tf.trainable_variables()))
            scopes = {op.name.split("/")[0] for op in graph.get_operations()}
        assert ("clone_1" in scopes) == (num_clones == 2) and "alexnet_v2" in scopes
    assert names[0] == names[1]
    for one, two in zip(*after):
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-5 * np.abs(one).max())
    assert schedules.decay_steps(
        Settings(learning_rate_decay_type="exponential", batch_size=2), 100, 9, num_replicas=5
    ) == 20  # fmt: skip


def test_a_layer_is_dead_only_where_it_is_so_in_all_clones(tiny_dataset):
    with tf.Graph().as_default():
        ops = built(tiny_dataset, num_clones=2)
        names = {op.name for op in needed(ops.largest["conv5"].op)}
    assert {"alexnet_v2/conv5/Relu", "clone_1/alexnet_v2/conv5/Relu"} <= names
