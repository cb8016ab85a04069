"""Every photo counted once, and the figures computed a second time from the photos themselves."""

import os

import numpy as np
import pytest

from alexnet_flowers import checkpoints, evaluation, records, settings
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import alexnet, slim, tf


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with one checkpoint of random weights that tell the photos apart."""
    run = checkpoints.locate_run(
        "random",
        str(tmp_path_factory.mktemp("checkpoints")),
        str(tmp_path_factory.mktemp("events")),
    )
    os.makedirs(run.checkpoints_dir)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(5)
        alexnet.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=False)
        step = tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        session.run(step.assign(7))
        for variable in slim.get_model_variables():
            if variable.op.name.endswith("fc6/biases") or variable.op.name.endswith("fc7/biases"):
                session.run(variable.assign(variable * 0))
            elif variable.op.name.endswith("fc8/weights"):
                session.run(variable.assign(variable * 5000))
        tf.train.Saver(slim.get_model_variables() + [step]).save(
            session, os.path.join(run.checkpoints_dir, "model.ckpt"), global_step=7,
            write_meta_graph=False,
        )  # fmt: skip
    kept = {"settings": {"image_size": 195}, "dataset": {}, "num_steps": 7}
    settings.write(run.checkpoints_dir, kept)
    return run


@pytest.fixture(scope="module")
def result(run, tiny_dataset):
    evaluator = evaluation.Evaluator(run, tiny_dataset, "train", batch_size=7)
    result = evaluator.evaluate(checkpoints.newest(run.checkpoints_dir))
    evaluator.write_events(result)
    return result


@pytest.fixture(scope="module")
def recomputed(run, tiny_dataset):
    """Logits and labels of the train split by another way: decoded whole, slim's network alone."""
    images, labels = [], []
    for path in records.find_shards(tiny_dataset, "train"):
        for record in tf.python_io.tf_record_iterator(path):
            feature = tf.train.Example.FromString(record).features.feature
            labels.append(feature["image/class/label"].int64_list.value[0])
            encoded = feature["image/encoded"].bytes_list.value[0]
            images.append(encoded)
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = tf.placeholder(tf.string, [])
        whole = tf.image.central_crop(tf.image.decode_jpeg(encoded, channels=3), 0.875)
        seen = tf.image.resize_images(whole, [195, 195]) / 127.5 - 1.0
        batch = np.stack([session.run(seen, {encoded: image}) for image in images])
        logits, _ = alexnet.alexnet_v2(tf.constant(batch), 5, is_training=False)
        tf.train.Saver(slim.get_model_variables()).restore(
            session, checkpoints.newest(run.checkpoints_dir)
        )
        return session.run(logits).astype(np.float64), np.array(labels)


def test_every_photo_counts_once(result):
    assert result["num_images"] == 25
    assert np.sum(result["confusion_matrix"]) == 25
    assert sum(one["num_images"] for one in result["per_class"].values()) == 25


def test_the_figures_are_those_computed_another_way(result, recomputed):
    logits, labels = recomputed
    predicted = logits.argmax(1)
    assert len(set(predicted)) > 1, "a network that answers all the same shows nothing"
    assert result["accuracy"] == pytest.approx((predicted == labels).mean())
    best_two = np.argsort(-logits, axis=1)[:, :2]
    assert result["recall_at_2"] == pytest.approx((best_two == labels[:, None]).any(1).mean())
    log_sum = np.log(np.exp(logits).sum(1))
    loss = (log_sum - logits[np.arange(25), labels]).mean()
    assert result["loss"] == pytest.approx(loss, abs=2e-3)
    for true in range(5):
        for guess in range(5):
            count = ((labels == true) & (predicted == guess)).sum()
            assert result["confusion_matrix"][true][guess] == count
    names = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert list(result["per_class"]) == names
    for label, name in enumerate(names):
        one = result["per_class"][name]
        right = ((labels == label) & (predicted == label)).sum()
        assert one["recall"] == pytest.approx(right / (labels == label).sum())
        guessed = (predicted == label).sum()
        assert one["precision"] == (pytest.approx(right / guessed) if guessed else None)


def test_the_rest_says_what_was_evaluated(result, run):
    assert set(result) == {
        "split", "num_images", "accuracy", "recall_at_2", "loss", "per_class",
        "confusion_matrix", "checkpoint", "global_step",
    }  # fmt: skip
    assert result["split"] == "train" and result["global_step"] == 7
    assert result["checkpoint"] == run.checkpoints_dir + "/model.ckpt-7"
    assert "train, 25 photos, step 7: accuracy" in evaluation.table(result)


def test_events_lie_in_the_splits_folder_under_the_trainings_tags(result, run):
    folder = os.path.join(run.summaries_dir, "train")
    (name,) = os.listdir(folder)
    values = {}
    for event in tf.train.summary_iterator(os.path.join(folder, name)):
        for value in event.summary.value:
            assert event.step == 7
            values[value.tag] = value.simple_value
    assert values == {
        "eval/accuracy": pytest.approx(result["accuracy"]),
        "eval/recall_at_2": pytest.approx(result["recall_at_2"]),
        "losses/cross_entropy": pytest.approx(result["loss"]),
    }


def test_watching_ends_with_the_runs_last_step(run, tiny_dataset):
    def make_evaluator():
        return evaluation.Evaluator(run, tiny_dataset, "validation", batch_size=5)

    watched = list(evaluation.watch(run, make_evaluator, poll_secs=0))
    assert [result["global_step"] for _, result in watched] == [7]


def test_a_network_that_answers_nan_is_refused(run, tiny_dataset, tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        alexnet.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=False)
        saver = tf.train.Saver(slim.get_model_variables())
        saver.restore(session, checkpoints.newest(run.checkpoints_dir))
        biases = [v for v in slim.get_model_variables() if v.op.name == "alexnet_v2/fc8/biases"]
        session.run(biases[0].assign([0.0, 0.0, float("nan"), 0.0, 0.0]))
        path = saver.save(session, str(tmp_path / "model.ckpt"), write_meta_graph=False)
    evaluator = evaluation.Evaluator(run, tiny_dataset, "validation", batch_size=5)
    with pytest.raises(DataError, match="answers with NaN or infinite numbers"):
        evaluator.evaluate(path)


def test_equal_scores_count_as_tensorflow_counts_them():
    logits = np.array([[1.0, 1.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    labels = np.array([2, 1, 2])
    with tf.Session() as session:
        expected = session.run(tf.nn.in_top_k(logits.astype(np.float32), labels, 2))
    assert list(evaluation._among_best(logits, labels, 2)) == list(expected) == [True, True, False]


def test_a_run_of_other_classes_is_refused(run, tiny_dataset):
    path = os.path.join(run.checkpoints_dir, "labels.txt")
    records.write_labels(path, ["cat", "dog"])
    try:
        with pytest.raises(DataError, match="was trained on the classes cat, dog"):
            evaluation.Evaluator(run, tiny_dataset)
    finally:
        os.remove(path)
