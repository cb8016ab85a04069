"""Every photo counted once, and the figures computed a second time from the photos themselves."""

import contextlib
import glob
import json
import os
import shutil
import types

import gpus
import numpy as np
import pytest
import saved_checkpoints
import shard_files

from alexnet_flowers import lock
from alexnet_flowers.data import photos, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.evaluation import evaluator, tables
from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import alexnet, slim, tf
from alexnet_flowers.training import checkpoints, runs, settings, upkeep


@pytest.fixture(scope="module")
def result(random_run, tiny_dataset):
    made = evaluator.Evaluator(random_run, tiny_dataset, "train", batch_size=7)
    result = made.evaluate(checkpoints.newest(random_run.checkpoints_dir))
    made.write_result(result)
    return result


@pytest.fixture(scope="module")
def recomputed(random_run, tiny_dataset):
    """Logits and labels of the train split by another way: decoded whole, slim's network alone."""
    images, labels = [], []
    for path in records.find_shards(tiny_dataset, "train"):
        for example in shard_files.examples(path):
            feature = example.features.feature
            labels.append(feature["image/class/label"].int64_list.value[0])
            images.append(feature["image/encoded"].bytes_list.value[0])
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        encoded = tf.placeholder(tf.string, [])
        whole = tf.image.central_crop(tf.image.decode_jpeg(encoded, channels=3), 0.875)
        seen = tf.image.resize_images(whole, [195, 195]) / 127.5 - 1.0
        batch = np.stack([session.run(seen, {encoded: image}) for image in images])
        logits, _ = alexnet.alexnet_v2(tf.constant(batch), 5, is_training=False)
        tf.train.Saver(slim.get_model_variables()).restore(
            session, checkpoints.newest(random_run.checkpoints_dir)
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
    one_more = gpus.tolerance(0, 1.5 / 25)  # A photo between two classes may change sides.
    assert result["accuracy"] == pytest.approx((predicted == labels).mean(), abs=one_more or None)
    best_two = np.argsort(-logits, axis=1)[:, :2]
    share = (best_two == labels[:, None]).any(1).mean()
    assert result["recall_at_2"] == pytest.approx(share, abs=one_more or None)
    log_sum = np.log(np.exp(logits).sum(1))
    loss = (log_sum - logits[np.arange(25), labels]).mean()
    assert result["cross_entropy"] == pytest.approx(loss, abs=gpus.tolerance(2e-3, 0.05))
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


def test_the_rest_says_what_was_evaluated(result, random_run):
    assert set(result) == {
        "split", "curve", "num_images", "accuracy", "recall_at_2", "cross_entropy", "per_class",
        "confusion_matrix", "classes", "checkpoint", "global_step",
    }  # fmt: skip
    assert result["split"] == "train" and result["curve"] == "train" and result["global_step"] == 7
    assert result["checkpoint"] == random_run.checkpoints_dir + "/model.ckpt-7"
    assert "train, 25 photos, step 7: accuracy" in tables.table(result)


def test_events_lie_in_the_splits_folder_under_the_trainings_tags(result, random_run):
    folder = os.path.join(random_run.summaries_dir, "train")
    (name,) = os.listdir(folder)
    values = {}
    for event in tf.train.summary_iterator(os.path.join(folder, name)):
        for value in event.summary.value:
            assert event.step == 7
            values[value.tag] = value.simple_value
    assert values == {
        "metrics/accuracy": pytest.approx(result["accuracy"]),
        "metrics/recall_at_2": pytest.approx(result["recall_at_2"]),
        "losses/cross_entropy": pytest.approx(result["cross_entropy"]),
    }
    with open(folder + ".csv") as file:
        header, line = file.read().splitlines()
    assert header == "step,accuracy,recall_at_2,cross_entropy" and line.startswith("7,")
    numbers = [float(number) for number in line.split(",")[1:]]
    assert numbers == pytest.approx([result[name] for name in header.split(",")[1:]])


def test_the_probabilities_of_many_views_are_averaged(random_run, network, tiny_dataset):
    found, _ = photos.from_split(tiny_dataset, "validation")
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        views = [preprocessing.preprocess_for_eval(photo.encoded, 227, 227) for photo in found]
        images = session.run(tf.stack(views))
    seen = [images, images[:, :, ::-1]]
    maps = np.stack([network.session.run(network.score_maps, {network.images: x}) for x in seen])
    assert maps.shape == (2, 5, 2, 2, 5)
    probabilities = maps.astype(np.float64).mean((0, 2, 3))
    labels = np.array([photo.label for photo in found])

    made = evaluator.Evaluator(
        random_run, tiny_dataset, "validation", batch_size=2, view=evaluator.View(227, mirror=True)
    )
    result = made.evaluate(checkpoints.newest(random_run.checkpoints_dir))
    loss = -np.log(probabilities[np.arange(5), labels]).mean()
    assert result["cross_entropy"] == pytest.approx(loss, rel=gpus.tolerance(1e-4, 0.02))
    assert result["accuracy"] == (probabilities.argmax(1) == labels).mean()

    # Not the same curve as that of the view that the network was trained on.
    assert result["curve"] == "validation_227px_mirrored"
    assert "validation_227px_mirrored, 5 photos, step 7" in tables.table(result)
    made.write_result(result)
    assert os.listdir(os.path.join(random_run.summaries_dir, "validation_227px_mirrored"))


def stop_waiting(secs):
    raise AssertionError("it waits for another checkpoint")


def test_a_checkpoint_that_is_removed_meanwhile_counts(
    random_run, tiny_dataset, tmp_path, monkeypatch
):
    run = random_run._replace(checkpoints_dir=str(tmp_path / "c"))
    saved_checkpoints.copy_of_run(random_run, run.checkpoints_dir)
    made = evaluator.Evaluator(run, tiny_dataset, device="cpu", batch_size=5)
    path, fetch_all = checkpoints.newest(run.checkpoints_dir), made._fetch_all

    def removed_meanwhile(session):
        upkeep.remove(path)
        return fetch_all(session)

    monkeypatch.setattr(made, "_fetch_all", removed_meanwhile)
    monkeypatch.setattr(evaluator, "time", types.SimpleNamespace(sleep=stop_waiting))
    ((_, result),) = evaluator.watch(run, lambda: made)
    assert result["global_step"] == 7 and result["num_images"] == 5
    with pytest.raises(checkpoints.Removed):
        made.evaluate(path)


def test_what_is_wrong_with_the_photos_is_said_although_the_checkpoint_is_gone(
    saved, tmp_path, monkeypatch
):
    monkeypatch.setattr(evaluator, "time", types.SimpleNamespace(sleep=stop_waiting))
    folder = saved_checkpoints.copied(saved, str(tmp_path / "c"))

    def evaluate(path):
        upkeep.remove(path)
        raise DataError("a bad record")

    made = types.SimpleNamespace(evaluate=evaluate)
    with pytest.raises(DataError, match="a bad record"):
        next(evaluator.watch(runs.Run("c", folder, None), lambda: made))
    with pytest.raises(DataError, match="a bad record"):
        checkpoints.read_newest(None, folder, evaluate)


def test_a_training_that_ends_before_its_last_step_is_told(watched):
    folder, training = watched.run.checkpoints_dir, contextlib.ExitStack()
    training.enter_context(lock.held(folder, "trained"))
    watched.meanwhile = [
        training.close, lambda: settings.write(folder, dict(KEPT, num_steps=20)),
    ]  # fmt: skip
    assert watched.watch() == [(10, 1), (20, 1)]
    assert watched.lines == ["c: nobody trains it any more, at step 20; waiting until it goes on"]


@pytest.mark.parametrize("kept", [{}, {"num_steps": 99, "ended_at_step": 7}], ids=["last", "early"])
def test_watching_ends_with_the_run(random_run, monkeypatch, kept):
    made = types.SimpleNamespace(
        evaluate=lambda path: {"global_step": checkpoints.global_step_of(path)}
    )
    kept = dict(settings.read(random_run.checkpoints_dir), **kept)
    monkeypatch.setattr(settings, "read", lambda folder: kept)
    monkeypatch.setattr(evaluator, "time", types.SimpleNamespace(sleep=stop_waiting))
    watched = list(evaluator.watch(random_run, lambda: made))
    assert [result["global_step"] for _, result in watched] == [7]


def test_watching_goes_on_beside_a_training_that_continues_a_finished_run(
    saved, tmp_path, monkeypatch
):
    folder = saved_checkpoints.copied(saved, str(tmp_path / "c"))
    kept = {"settings": {"image_size": 195}, "dataset": {}, "num_steps": 20}
    settings.write(folder, kept)
    training = contextlib.ExitStack()

    def continue_run(secs):
        # The training has been started, and says how far it goes only now.
        settings.write(folder, dict(kept, num_steps=30))
        saved_checkpoints.save(folder, [30])
        training.close()

    monkeypatch.setattr(evaluator, "time", types.SimpleNamespace(sleep=continue_run))
    made = types.SimpleNamespace(
        evaluate=lambda path: {"global_step": checkpoints.global_step_of(path)}
    )
    watching = evaluator.watch(runs.Run("c", folder, None), lambda: made)
    assert next(watching)[1] == {"global_step": 10}
    training.enter_context(lock.held(folder, "trained"))
    assert [result["global_step"] for _, result in watching] == [20, 30]


KEPT = {"settings": {"image_size": 195}, "dataset": {}, "num_steps": 30}


class Watched:
    """A run of small checkpoints, watched by evaluators that note what they are asked."""

    def __init__(self, saved, tmp_path, monkeypatch):
        self._saved = saved
        self.run = runs.Run("c", str(tmp_path / "c"), None)
        self.made, self.lines, self.meanwhile = 0, [], []
        self.begin()
        monkeypatch.setattr(evaluator, "time", types.SimpleNamespace(sleep=self._next))

    def begin(self, num_steps=30):
        """Begins a run anew; it has the checkpoints of the steps 10 and 20."""
        shutil.rmtree(self.run.checkpoints_dir, ignore_errors=True)
        saved_checkpoints.copied(self._saved, self.run.checkpoints_dir)
        settings.write(self.run.checkpoints_dir, dict(KEPT, num_steps=num_steps))

    def _next(self, secs=0):
        self.meanwhile.pop(0)()

    def _make(self):
        self.made += 1
        evaluator = self.made

        def evaluate(path):
            if self.meanwhile and self.meanwhile[0].__name__.startswith("in_evaluation"):
                self._next()
            return {"step": checkpoints.global_step_of(path), "evaluator": evaluator}

        return types.SimpleNamespace(evaluate=evaluate)

    def watch(self):
        """Returns what the evaluations gave: step and number of the evaluator."""
        watching = evaluator.watch(self.run, self._make, report=self.lines.append)
        return [(result["step"], result["evaluator"]) for _, result in watching]


@pytest.fixture
def watched(saved, tmp_path, monkeypatch):
    return Watched(saved, tmp_path, monkeypatch)


ANEW = "c: the run in %s is gone, or was begun anew; going on with what comes there now"


def test_a_run_that_is_removed_and_begun_anew_is_watched_anew(watched):
    folder = watched.run.checkpoints_dir
    watched.meanwhile = [lambda: shutil.rmtree(folder), lambda: None, lambda: watched.begin(20)]
    assert watched.watch() == [(10, 1), (20, 1), (10, 2), (20, 2)]
    assert watched.lines == [ANEW % folder]


def test_a_run_that_takes_anothers_place_with_fewer_steps_is_watched_anew(watched):
    def replace():
        watched.begin(15)
        upkeep.remove(watched.run.checkpoints_dir + "/model.ckpt-20")
        saved_checkpoints.save(watched.run.checkpoints_dir, [15])

    watched.meanwhile = [replace]
    assert watched.watch() == [(10, 1), (20, 1), (10, 2), (15, 2)]
    assert len(watched.lines) == 1


def test_a_run_that_is_begun_anew_in_the_same_folder_is_watched_anew(watched):
    def replace():
        saved_checkpoints.save(watched.run.checkpoints_dir, [10])
        settings.write(watched.run.checkpoints_dir, dict(KEPT, num_steps=20))

    watched.meanwhile = [replace]
    assert watched.watch() == [(10, 1), (20, 1), (10, 2), (20, 2)]
    assert len(watched.lines) == 1


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_was_evaluated_of_a_run_that_goes_meanwhile_is_not_the_new_ones(watched, is_refused):
    def in_evaluation():
        watched.begin(20)
        if is_refused:
            raise DataError("does not fit")

    watched.meanwhile = [in_evaluation]
    assert watched.watch() == [(10, 2), (20, 2)]
    assert len(watched.lines) == 1


def test_a_run_that_goes_on_with_other_settings_gets_another_evaluator(watched):
    def go_on():
        changed = dict(KEPT["settings"], image_size=200)
        settings.write(watched.run.checkpoints_dir, dict(KEPT, settings=changed))
        saved_checkpoints.save(watched.run.checkpoints_dir, [30])

    watched.meanwhile = [go_on]
    assert watched.watch() == [(10, 1), (20, 1), (30, 2)] and watched.lines == []


def test_a_network_that_answers_nan_is_refused(random_run, tiny_dataset, tmp_path):
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        alexnet.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=False)
        saver = tf.train.Saver(slim.get_model_variables())
        saver.restore(session, checkpoints.newest(random_run.checkpoints_dir))
        biases = [v for v in slim.get_model_variables() if v.op.name == "alexnet_v2/fc8/biases"]
        session.run(biases[0].assign([0.0, 0.0, float("nan"), 0.0, 0.0]))
        path = saver.save(session, str(tmp_path / "model.ckpt"), write_meta_graph=False)
    made = evaluator.Evaluator(random_run, tiny_dataset, "validation", batch_size=5)
    with pytest.raises(DataError, match="answers with NaN or infinite numbers"):
        made.evaluate(path)


def test_a_run_of_other_classes_is_refused(random_run, tiny_dataset, tmp_path):
    records.write_labels(str(tmp_path / "labels.txt"), ["cat", "dog"])
    with pytest.raises(DataError, match="was trained on the classes cat, dog"):
        evaluator.Evaluator(random_run._replace(checkpoints_dir=str(tmp_path)), tiny_dataset)


def test_raw_weights_have_a_curve_of_their_own(random_run, tiny_dataset, tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        alexnet.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=False)
        variables = slim.get_model_variables()
        saver = tf.train.Saver(variables)
        saver.restore(session, checkpoints.newest(random_run.checkpoints_dir))
        average = tf.get_variable(
            "alexnet_v2/fc8/biases/ExponentialMovingAverage", initializer=[0.0, 0, 0, 0, 1e9]
        )
        session.run(average.initializer)
        path = tf.train.Saver(variables + [average]).save(
            session, str(tmp_path / "model.ckpt"), write_meta_graph=False
        )

    def predicted(raw_weights):
        view = evaluator.View(raw_weights=raw_weights)
        made = evaluator.Evaluator(random_run, tiny_dataset, batch_size=5, view=view)
        result = made.evaluate(path)
        return result["curve"], np.sum(result["confusion_matrix"], 0).tolist()

    assert predicted(False) == ("validation", [0, 0, 0, 0, 5])
    curve, counts = predicted(True)
    assert curve == "validation_raw_weights" and counts != [0, 0, 0, 0, 5]


def test_other_photos_than_the_runs_have_a_curve_of_their_own(random_run, tiny_dataset, tmp_path):
    run = random_run._replace(
        checkpoints_dir=str(tmp_path / "c"), summaries_dir=str(tmp_path / "summaries")
    )
    os.makedirs(run.checkpoints_dir)
    kept = settings.read(random_run.checkpoints_dir)
    settings.write(run.checkpoints_dir, dict(kept, dataset={"digest": "of others"}))
    lines = []
    made = evaluator.Evaluator(run, tiny_dataset, device="cpu", batch_size=5, report=lines.append)
    values = {"accuracy": 0.5, "recall_at_2": 0.5, "cross_entropy": 0.5, "global_step": 7}
    made.write_result(values)
    shutil.rmtree(run.summaries_dir)  # Nobody need keep them.
    made.write_result(values)
    assert glob.glob(os.path.join(run.summaries_dir, "*", "events.*"))
    table, curve = sorted(os.listdir(run.summaries_dir), reverse=True)
    assert table == curve + ".csv"
    assert curve.startswith("validation_on_flowers_")
    assert lines == [
        "note: the photos of %s are not those that run random was trained on; their curve is %s"
        % (tiny_dataset, curve)
    ]


def test_what_was_evaluated_is_printed_and_kept_although_its_events_cannot_be_written(
    random_run, tiny_dataset, run_script, tmp_path
):
    (tmp_path / "s" / "random").mkdir(parents=True)
    (tmp_path / "s" / "random" / "validation").write_text("no folder")
    ended = run_script(
        "evaluate", "--checkpoints_dir", os.path.dirname(random_run.checkpoints_dir),
        "--summaries_dir=s", "--dataset_dir", tiny_dataset, "--json=result.json",
        "--batch_size=2000000000",
    )  # fmt: skip
    assert ended.returncode == 1 and "validation, 5 photos, step 7: accuracy" in ended.stdout
    (error,) = [line for line in ended.stderr.split("\n") if ": error: " in line]
    assert error.startswith("evaluate.py: error: s/random/validation: File exists")
    assert json.loads((tmp_path / "result.json").read_text())["num_images"] == 5


def test_a_log_gets_no_progress_bars(random_run, tiny_dataset, capfd):
    made = evaluator.Evaluator(random_run, tiny_dataset)
    made.evaluate(checkpoints.newest(random_run.checkpoints_dir))
    assert "photo/s" not in capfd.readouterr().err
