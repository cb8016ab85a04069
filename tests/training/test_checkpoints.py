"""Which checkpoint is meant, whether it fits, and what is restored from it."""

import os
import shutil

import numpy as np
import pytest

from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints
from alexnet_flowers.training.saver import Saver


def build(num_classes=5, value=0.0):
    """A model of two small layers under AlexNet's names."""
    for layer, shape in (("fc7", [2, 3]), ("fc8", [3, num_classes])):
        slim.model_variable(
            "alexnet_v2/%s/weights" % layer, shape, initializer=tf.constant_initializer(value)
        )


def save(run_dir, steps=(10, 20), value=1.0, averages=False, num_classes=5):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes, value)
        step = tf.train.get_or_create_global_step()
        if averages:
            average = tf.train.ExponentialMovingAverage(0.5)
            applied = average.apply(tf.trainable_variables())
        saver = tf.train.Saver(save_relative_paths=True)
        session.run(tf.global_variables_initializer())
        if averages:
            session.run([v.assign(v + 2) for v in slim.get_model_variables()])
            session.run(applied)
        for number in steps:
            session.run(step.assign(number))
            saver.save(session, os.path.join(run_dir, "model.ckpt"), global_step=number)
    return os.path.join(run_dir, "model.ckpt-%d" % steps[-1])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    run_dir = str(tmp_path_factory.mktemp("checkpoints") / "sgd")
    os.makedirs(run_dir)
    save(run_dir)
    return run_dir


def restored(path, num_classes=5):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes)
        checkpoints.Restorer(slim.get_model_variables()).restore(session, path)
        return session.run("alexnet_v2/fc8/weights:0")


def test_the_newest_complete_one_is_found(saved, tmp_path):
    assert checkpoints.newest(saved) == saved + "/model.ckpt-20"
    assert checkpoints.newest(str(tmp_path)) is None
    assert checkpoints.newest(str(tmp_path / "none")) is None
    torn = str(tmp_path / "torn")
    shutil.copytree(saved, torn)
    os.remove(torn + "/model.ckpt-20.data-00000-of-00001")
    state = (tmp_path / "torn" / "checkpoint").read_text()
    (tmp_path / "torn" / "checkpoint").write_text(state.replace(saved, torn))
    assert checkpoints.newest(torn) == torn + "/model.ckpt-10"


def test_a_moved_run_is_found_where_it_is_now(saved, tmp_path):
    moved = str(tmp_path / "moved")
    shutil.copytree(saved, moved)
    assert checkpoints.newest(moved) == moved + "/model.ckpt-20"


def test_a_path_a_part_of_it_or_a_folder_can_be_meant(saved, tmp_path):
    for path in ("model.ckpt-10", "model.ckpt-10.index", "model.ckpt-10.meta"):
        assert checkpoints.resolve(os.path.join(saved, path), None) == saved + "/model.ckpt-10"
    assert checkpoints.resolve(saved, None) == saved + "/model.ckpt-20"
    assert checkpoints.resolve(None, saved) == saved + "/model.ckpt-20"
    with pytest.raises(DataError, match="model.ckpt-11: no such checkpoint"):
        checkpoints.resolve(saved + "/model.ckpt-11", None)
    with pytest.raises(DataError, match="no checkpoint yet; train first"):
        checkpoints.resolve(None, str(tmp_path))


def test_the_run_that_is_meant(saved, tmp_path):
    parent, summaries = os.path.dirname(saved), str(tmp_path)
    run = checkpoints.choose_run(None, None, parent, summaries)
    assert run == ("sgd", saved, os.path.join(summaries, "sgd"))
    for path in (saved, saved + "/model.ckpt-10"):
        assert checkpoints.choose_run(None, path, parent, summaries) == run
        # From elsewhere: its own settings, and no place for events unless a name gives one.
        assert checkpoints.choose_run(None, path, summaries, summaries) == ("sgd", saved, None)
        assert checkpoints.choose_run(None, path, saved, summaries) == ("sgd", saved, None)
        named = checkpoints.choose_run("mine", path, summaries, summaries)
        assert named == ("mine", saved, os.path.join(summaries, "mine"))
    assert checkpoints.choose_run("other", None, parent, summaries).name == "other"
    with pytest.raises(DataError, match="no run with a checkpoint yet"):
        checkpoints.choose_run(None, None, str(tmp_path), summaries)
    several = str(tmp_path / "several")
    for name in ("a", "b"):
        shutil.copytree(saved, os.path.join(several, name))
    with pytest.raises(UsageError, match="which of a, b"):
        checkpoints.choose_run(None, None, several, summaries)
    with pytest.raises(UsageError, match="one folder"):
        checkpoints.locate_run("a/b", parent, summaries)


def test_the_step_is_read(saved):
    assert checkpoints.global_step_of(saved + "/model.ckpt-10") == 10


def test_averages_are_preferred_where_there_are_some(saved, tmp_path):
    np.testing.assert_array_equal(restored(saved + "/model.ckpt-20"), np.ones([3, 5]))
    averaged = save(str(tmp_path), averages=True)
    # 1 at first, 3 later, half of each.
    np.testing.assert_array_equal(restored(averaged), np.full([3, 5], 2.0))


def test_another_number_of_classes_names_the_scope_to_exclude(saved):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes=7, value=9.0)
        with pytest.raises(DataError) as caught:
            checkpoints.warm_start(saved, None)
        assert "alexnet_v2/fc8/weights is [3, 5] there and [3, 7] here" in str(caught.value)
        assert "--checkpoint_exclude_scopes alexnet_v2/fc8" in str(caught.value)

        session.run(tf.global_variables_initializer())
        checkpoints.warm_start(saved, "alexnet_v2/fc8")(session)
        np.testing.assert_array_equal(session.run("alexnet_v2/fc7/weights:0"), np.ones([2, 3]))
        np.testing.assert_array_equal(session.run("alexnet_v2/fc8/weights:0"), np.full([3, 7], 9.0))
        with pytest.raises(UsageError, match="no variable in 'fc8'"):
            checkpoints.warm_start(saved, "fc8")
        with pytest.raises(UsageError, match="nothing is left to take"):
            checkpoints.warm_start(saved, "alexnet_v2")


def test_one_restorer_serves_many_checkpoints_without_the_graph_growing(saved):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        build()
        restorer = checkpoints.Restorer(slim.get_model_variables())
        sizes = []
        for number in (10, 20, 10):
            restorer.restore(session, saved + "/model.ckpt-%d" % number)
            sizes.append(len(graph.get_operations()))
        assert sizes[0] == sizes[1] == sizes[2]


def test_a_checkpoint_without_a_variable_or_damaged_is_refused(saved, tmp_path):
    with tf.Graph().as_default():
        slim.model_variable("alexnet_v2/fc6/weights", [2])
        with pytest.raises(DataError, match="has no variable alexnet_v2/fc6/weights"):
            restorer = checkpoints.Restorer(slim.get_model_variables())
            with tf.Session() as session:
                restorer.restore(session, saved + "/model.ckpt-20")
        with pytest.raises(DataError, match="fc6/weights; its run cannot go on with these"):
            checkpoints.check_continues(saved + "/model.ckpt-20", tf.global_variables())
    damaged = str(tmp_path / "damaged")
    shutil.copytree(saved, damaged)
    with open(damaged + "/model.ckpt-20.index", "wb") as file:
        file.write(b"nonsense" * 20)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoints.global_step_of(damaged + "/model.ckpt-20")


def test_what_a_broken_save_left_is_removed_and_nothing_else(tmp_path):
    complete = ["model.ckpt-4.index", "model.ckpt-4.data-00000-of-00001", "model.ckpt-4.meta"]
    others = ["checkpoint", "settings.json", "labels.txt", "graph.pbtxt", "lock", "notes.txt"]
    others += ["model.ckpt-9.txt"]
    torn = [
        "model.ckpt-6.data-00000-of-00001.tempstate12345",
        "model.ckpt-6.index.tempstate6",
        "model.ckpt-8.data-00000-of-00001",  # Its index is missing,
        "model.ckpt-10.index",  # its data,
        "model.ckpt-12.meta",  # both.
        "checkpoint.tmp0123456789abcdef",
        "graph.pbtxt.tmp99",
        "model.ckpt-4.meta.tmp0123456789abcdef",
    ]
    for name in complete + others + torn:
        (tmp_path / name).write_text("x")
    (tmp_path / "model.ckpt-14_temp_ab").mkdir()
    (tmp_path / "model.ckpt-14_temp_ab" / "part-0").write_text("x")
    torn.append("model.ckpt-14_temp_ab")
    assert checkpoints.remove_torn(str(tmp_path)) == sorted(torn)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(complete + others)
    assert checkpoints.remove_torn(str(tmp_path)) == []


def test_a_removal_that_was_broken_off_is_finished(saved, tmp_path):
    run_dir = str(tmp_path / "run")
    shutil.copytree(saved, run_dir)
    for step, suffixes in (
        (3, (".index", ".data-00000-of-00001")),
        (4, (".index", ".data-00000-of-00001", ".meta")),  # Kept for good.
        (30, (".index", ".data-00000-of-00001")),  # Not listed yet.
    ):
        for suffix in suffixes:
            shutil.copy(
                run_dir + "/model.ckpt-10" + suffix, run_dir + "/model.ckpt-%d" % step + suffix
            )
    os.remove(run_dir + "/model.ckpt-10.meta")  # Somebody's wish; it is listed.
    torn = ["model.ckpt-3.data-00000-of-00001", "model.ckpt-3.index"]
    assert checkpoints.remove_torn(run_dir) == torn
    assert checkpoints.remove_torn(run_dir) == []


def test_one_that_was_saved_but_not_listed_yet_is_listed(saved, tmp_path):
    run_dir = str(tmp_path / "run")
    shutil.copytree(saved, run_dir)
    for old, new in ((20, 30), (20, 100), (10, 5)):
        for suffix in (".index", ".data-00000-of-00001"):
            path = run_dir + "/model.ckpt-%d" + suffix
            shutil.copy(path % old, path % new)
    os.remove(run_dir + "/model.ckpt-10.index")
    checkpoints.list_complete(run_dir)
    listed = tf.train.get_checkpoint_state(run_dir).all_model_checkpoint_paths
    # Older than the listed ones: kept for good. Listed, but not complete any more: struck out.
    assert [os.path.basename(path) for path in listed] == [
        "model.ckpt-20", "model.ckpt-30", "model.ckpt-100"
    ]  # fmt: skip
    assert checkpoints.newest(run_dir) == tf.train.latest_checkpoint(run_dir)
    os.remove(run_dir + "/checkpoint")
    checkpoints.list_complete(run_dir)
    assert checkpoints.newest(run_dir) == run_dir + "/model.ckpt-100"
    empty = str(tmp_path / "empty")
    os.makedirs(empty)
    checkpoints.list_complete(empty)
    assert os.listdir(empty) == []


def test_a_run_continued_with_a_smaller_number_to_keep_has_no_more(tmp_path):
    path = str(tmp_path / "model.ckpt")

    def save_steps(steps, most):
        with tf.Graph().as_default(), tf.Session() as session:
            build()
            saver = Saver(max_to_keep=most, save_relative_paths=True)
            session.run(tf.global_variables_initializer())
            saver.recover_last_checkpoints(checkpoints.all_complete(str(tmp_path)))
            for step in steps:
                saver.save(session, path, global_step=step)
        names = [os.path.basename(one) for one in checkpoints.all_complete(str(tmp_path))]
        assert sorted(n[:-6] for n in os.listdir(str(tmp_path)) if n.endswith(".index")) == names
        return [int(name[len("model.ckpt-") :]) for name in names]

    assert save_steps([1, 2, 3, 4, 5], 4) == [2, 3, 4, 5]
    assert save_steps([6], 2) == [5, 6]
    assert save_steps([7, 8], 3) == [6, 7, 8]
