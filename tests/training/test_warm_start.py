"""What a run takes of another one's checkpoint."""

import os
import shutil

import numpy as np
import pytest
from saved_checkpoints import build

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, saving, upkeep
from alexnet_flowers.training.settings import Settings


def warm_start(path, exclude_scopes=None, ignore_missing_vars=False, **options):
    wanted = Settings(
        checkpoint_path=path,
        checkpoint_exclude_scopes=exclude_scopes,
        ignore_missing_vars=ignore_missing_vars,
    )
    return saving.warm_start(wanted, **options)


def warm(saved, value=9.0, **options):
    """Builds a model of 5 classes, starts it from ``saved``; returns its fc7 and fc8, one each."""
    with tf.Graph().as_default(), tf.Session() as session:
        build(value=value)
        session.run(tf.global_variables_initializer())
        warm_start(saved, **options)(session)
        names = ["alexnet_v2/%s/weights:0" % layer for layer in ("fc7", "fc8")]
        return [float(weights.mean()) for weights in session.run(names)]


def test_another_number_of_classes_names_the_scope_to_exclude(saved):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes=7, value=9.0)
        with pytest.raises(DataError) as caught:
            warm_start(saved)
        assert "alexnet_v2/fc8/weights is [3, 5] there and [3, 7] here" in str(caught.value)
        assert "--checkpoint_exclude_scopes alexnet_v2/fc8" in str(caught.value)

        session.run(tf.global_variables_initializer())
        warm_start(saved, "alexnet_v2/fc8")(session)
        np.testing.assert_array_equal(session.run("alexnet_v2/fc7/weights:0"), np.ones([2, 3]))
        np.testing.assert_array_equal(session.run("alexnet_v2/fc8/weights:0"), np.full([3, 7], 9.0))
        with pytest.raises(UsageError, match="no variable in 'fc8'"):
            warm_start(saved, "fc8")
        with pytest.raises(UsageError, match="nothing is left to take"):
            warm_start(saved, "alexnet_v2")


def test_averages_begin_at_the_weights_that_are_taken(saved):
    with tf.Graph().as_default(), tf.Session() as session:
        build(value=9.0)
        averages = tf.train.ExponentialMovingAverage(0.5)
        averages.apply(slim.get_model_variables())
        session.run(tf.global_variables_initializer())
        warm_start(saved, "alexnet_v2/fc8")(session)
        for name, value in ("fc7", 1.0), ("fc8", 9.0):  # That one was left out.
            (weights,) = slim.get_model_variables("alexnet_v2/%s/weights" % name)
            assert session.run(averages.average(weights)).mean() == value


def test_a_checkpoint_that_goes_before_it_is_taken_is_an_error_of_one_line(saved, tmp_path):
    folder = shutil.copytree(saved, str(tmp_path / "best"))
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        start = warm_start(folder)
        upkeep.remove(folder + "/model.ckpt-20")  # There is a better one.
        with pytest.raises(checkpoints.Removed, match="best/model.ckpt-20: cannot be restored"):
            start(session)


def test_a_checkpoint_whose_data_are_damaged_is_an_error_of_one_line(saved, tmp_path):
    folder = shutil.copytree(saved, str(tmp_path / "run"))
    data = folder + "/model.ckpt-20.data-00000-of-00001"
    size = os.path.getsize(data)
    with open(data, "wb") as file:
        file.truncate(size)  # As long as they were, but all zeros.
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        start = warm_start(folder)
        with pytest.raises(DataError, match="run/model.ckpt-20: cannot be restored"):
            start(session)


def test_scopes_are_beginnings_of_names(saved):
    assert warm(saved, exclude_scopes="alexnet_v2/fc8") == [1.0, 9.0]
    assert warm(saved, exclude_scopes="alexnet_v2/fc7/") == [9.0, 1.0]
    with pytest.raises(UsageError, match="nothing is left to take"):
        warm(saved, exclude_scopes="alexnet_v2/fc")


def test_scores_of_other_classes_are_not_taken_for_these(saved, tmp_path):
    shutil.copytree(saved, str(tmp_path / "run"))
    path, names = str(tmp_path / "run"), list("abcde")
    records.write_labels(os.path.join(path, "labels.txt"), names)
    assert warm(path, exclude_scopes=None, labels_to_names=dict(enumerate(names))) == [1.0, 1.0]
    other = dict(enumerate("abdce"))
    assert warm(path, exclude_scopes="alexnet_v2/fc8", labels_to_names=other) == [1.0, 9.0]
    with pytest.raises(UsageError) as caught:
        warm(path, exclude_scopes=None, labels_to_names=other)
    assert str(caught.value) == (
        "--checkpoint_path %s/model.ckpt-20: scores the classes a, b, c, d, e, the dataset has a, "
        "b, d, c, e; take all but the scores with --checkpoint_exclude_scopes alexnet_v2/fc8" % path
    )


def test_missing_variables_are_ignored_only_when_asked_to_and_not_without_a_word(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        fc8 = tf.get_variable("alexnet_v2/fc8/weights", [3, 7])
        extra = tf.get_variable("alexnet_v2/fc7/weights", initializer=tf.ones([2, 3]))
        session.run(tf.global_variables_initializer())
        both = tf.train.Saver().save(session, str(tmp_path / "both"))
        without = tf.train.Saver([extra]).save(session, str(tmp_path / "without"))
        none = tf.train.Saver([fc8]).save(session, str(tmp_path / "none"))
    for path, said in ((both, "has it as [3, 7]"), (without, "has no such variable")):
        with pytest.raises(DataError):
            warm(path, exclude_scopes=None)
        lines = []
        found = warm(path, exclude_scopes=None, ignore_missing_vars=True, report=lines.append)
        assert found == [1.0, 9.0]
        assert lines == [
            "--ignore_missing_vars: alexnet_v2/fc8/weights, [3, 5], keeps its initial values: %s %s"
            % (path, said)
        ]
    with pytest.raises(UsageError, match="^--checkpoint_path .*none: nothing is left to take"):
        warm(none, exclude_scopes=None, ignore_missing_vars=True, report=lines.append)


def test_a_folder_with_a_checkpoint_of_any_name_can_be_named(saved, tmp_path):
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(saved + "/model.ckpt-20." + part, str(tmp_path / ("alexnet_v2.ckpt." + part)))
    assert warm(str(tmp_path), exclude_scopes=None) == [1.0, 1.0]


def test_the_step_is_initialized_last_so_that_no_worker_begins_before(saved):
    with tf.Graph().as_default(), tf.Session() as session:
        build(value=9.0)
        step = tf.train.get_or_create_global_step()
        missing = tf.report_uninitialized_variables()
        start = warm_start(saved)
        seen = []

        def init_fn(session):
            seen.append(list(session.run(missing)))
            start(session)

        chosen = saving.initialization(init_fn, step)
        session.run(chosen["init_op"])
        chosen["init_fn"](session)
        assert seen == [[b"global_step"]] and not session.run(missing).size
        assert session.run(step) == 0
        assert session.run("alexnet_v2/fc7/weights:0").mean() == 1
