"""What is saved and for how long, what is restored, and whether there is room for it."""

import os
import shutil
import types

import numpy as np
import pytest
from saved_checkpoints import build, listed, names_of, save

from alexnet_flowers import atomic
from alexnet_flowers.errors import DataError, WriteError
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, runs, saving, upkeep
from alexnet_flowers.training.settings import Settings


def restored(path, num_classes=5, raw_weights=False):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes)
        saving.Restorer(slim.get_model_variables(), raw_weights).restore(session, path)
        return session.run("alexnet_v2/fc8/weights:0")


def test_averages_are_preferred_where_there_are_some(saved, tmp_path):
    np.testing.assert_array_equal(restored(saved + "/model.ckpt-20"), np.ones([3, 5]))
    averaged = save(str(tmp_path), averages=True)
    # 1 at first, 3 later, half of each.
    np.testing.assert_array_equal(restored(averaged), np.full([3, 5], 2.0))
    np.testing.assert_array_equal(restored(averaged, raw_weights=True), np.full([3, 5], 3.0))


def test_one_restorer_serves_many_checkpoints_without_the_graph_growing(saved):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        build()
        restorer = saving.Restorer(slim.get_model_variables())
        sizes = []
        for number in (10, 20, 10):
            restorer.restore(session, saved + "/model.ckpt-%d" % number)
            sizes.append(len(graph.get_operations()))
        assert sizes[0] == sizes[1] == sizes[2]


def test_a_checkpoint_without_a_variable_is_refused(saved):
    with tf.Graph().as_default():
        slim.model_variable("alexnet_v2/fc6/weights", [2])
        with pytest.raises(DataError, match="has no variable alexnet_v2/fc6/weights"):
            restorer = saving.Restorer(slim.get_model_variables())
            with tf.Session() as session:
                restorer.restore(session, saved + "/model.ckpt-20")
        with pytest.raises(DataError, match="fc6/weights; its run cannot go on with these"):
            saving.check_continues(saved + "/model.ckpt-20", tf.global_variables())


# The first one saved after each full hour since the start.
@pytest.mark.parametrize("hours, kept", [(1, (3, 6, 9, 10, 11)), (0, (10, 11))])
def test_one_of_each_so_many_hours_stays_for_good(tmp_path, monkeypatch, hours, kept):
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        now = [1e9]
        monkeypatch.setattr(
            saving.time, "monotonic", lambda: now[0]
        )  # Whatever the wall clock says.
        saver = saving.Saver(max_to_keep=2, keep_checkpoint_every_n_hours=hours)
        session.run(tf.global_variables_initializer())
        for step in range(12):
            saver.save(session, str(tmp_path / "model.ckpt"), global_step=step)
            now[0] += 20 * 60 + 1
        saver.is_finished = True
        saver.save(session, str(tmp_path / "model.ckpt"), global_step=12)
    names = [os.path.basename(path) for path in checkpoints.all_complete(str(tmp_path))]
    assert names == names_of(*kept) and listed(str(tmp_path)) == names_of(10, 11)


def test_a_folder_that_is_gone_during_a_save_is_one_line(tmp_path, monkeypatch):
    def save(*args, **kwargs):
        raise ValueError("Parent directory of model.ckpt doesn't exist, can't save.")

    with tf.Graph().as_default():
        build()
        saver = saving.Saver()
        monkeypatch.setattr(saver._saver, "save", save)
        with pytest.raises(WriteError, match="cannot be saved: Parent directory of .* exist, can"):
            saver.save(None, str(tmp_path / "gone" / "model.ckpt"), global_step=3)


def test_a_run_continued_with_a_smaller_number_to_keep_has_no_more(tmp_path):
    path = str(tmp_path / "model.ckpt")

    def save_steps(steps, most):
        with tf.Graph().as_default(), tf.Session() as session:
            build()
            saver = saving.Saver(max_to_keep=most)
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


def test_one_too_many_that_cannot_be_removed_costs_no_new_one(saved, tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(1, "Operation not permitted", path)

    folder = shutil.copytree(saved, str(tmp_path / "run"))
    monkeypatch.setattr(upkeep, "remove", refused)
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saver = saving.Saver(max_to_keep=1)
        session.run(tf.global_variables_initializer())
        saver.recover_last_checkpoints(checkpoints.all_complete(folder))
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=21)
    assert checkpoints.newest(folder).endswith("-21") and listed(folder) == names_of(21)


def test_a_save_that_fails_leaves_nothing_of_its_checkpoint(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device", path)

    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saver = saving.Saver()
        session.run(tf.global_variables_initializer())
        saver.save(session, str(tmp_path / "model.ckpt"), global_step=1)
        there = sorted(os.listdir(str(tmp_path)))
        with monkeypatch.context() as patched:
            patched.setattr(tf.train.Saver, "save", lambda *_, **__: full("x"))
            (tmp_path / "model.ckpt-2.data-00000-of-00001").write_text("x")
            with pytest.raises(WriteError, match="cannot be saved: x: No space left"):
                saver.save(session, str(tmp_path / "model.ckpt"), global_step=2)
        assert sorted(os.listdir(str(tmp_path))) == there
        # Complete, but not listed: it stays, and the next start finds it.
        with monkeypatch.context() as patched:
            patched.setattr(upkeep, "write_list", lambda *_: full("x"))
            with pytest.raises(WriteError):
                saver.save(session, str(tmp_path / "model.ckpt"), global_step=3)
    assert upkeep.recover(str(tmp_path)) == (str(tmp_path / "model.ckpt-3"), [])
    assert listed(str(tmp_path)) == names_of(1, 3)


def test_a_checkpoint_is_on_the_disk_before_it_is_listed_and_an_older_one_goes(
    tmp_path, monkeypatch
):
    """Else a machine that is lost a moment later leaves data of zeros, and none before them."""
    folder, synced, write_list, remove = str(tmp_path), [], upkeep.write_list, upkeep.remove

    def is_lasting(step):
        parts = checkpoints.parts(os.path.join(folder, "model.ckpt-%d" % step))
        return len(parts) == 3 and set(parts + [folder]) <= set(synced)

    def write_lasting(folder, names):
        assert is_lasting(int(names[-1].split("-")[1]))
        write_list(folder, names)

    def remove_older(path):
        assert path.endswith("-1") and is_lasting(2)
        remove(path)

    monkeypatch.setattr(atomic, "sync", synced.append)
    monkeypatch.setattr(upkeep, "write_list", write_lasting)
    monkeypatch.setattr(upkeep, "remove", remove_older)
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saver = saving.Saver(max_to_keep=1)
        session.run(tf.global_variables_initializer())
        for step in (1, 2):
            saver.save(session, os.path.join(folder, "model.ckpt"), global_step=step)
            synced.clear()
    assert listed(folder) == names_of(2) and not checkpoints.parts(folder + "/model.ckpt-1")


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_kill_as_a_checkpoint_is_listed_keeps_none_too_many(tmp_path, monkeypatch, is_listed):
    write_list = upkeep.write_list

    def killed(*args):
        if is_listed:
            write_list(*args)
        raise KeyboardInterrupt

    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saver = saving.Saver(max_to_keep=2)
        session.run(tf.global_variables_initializer())
        for step in (1, 2):
            saver.save(session, str(tmp_path / "model.ckpt"), global_step=step)
        with monkeypatch.context() as patched:
            patched.setattr(upkeep, "write_list", killed)
            with pytest.raises(KeyboardInterrupt):
                saver.save(session, str(tmp_path / "model.ckpt"), global_step=3)
    assert upkeep.recover(str(tmp_path)) == (str(tmp_path / "model.ckpt-3"), [])
    names = [os.path.basename(path) for path in checkpoints.all_complete(str(tmp_path))]
    assert names == listed(str(tmp_path)) == names_of(2, 3)


def test_names_are_no_patterns(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    folder = "my [v2]* \\runs?/sgd[0.01]"
    other = os.path.join("my [v2]xx \\runs1", "sgd0")
    for one in (folder, other):
        os.makedirs(os.path.dirname(one))
        shutil.copytree(saved, one)
    assert upkeep.recover(folder) == (folder + "/model.ckpt-20", [])
    assert checkpoints.global_step_of(folder + "/model.ckpt-20") == 20
    np.testing.assert_array_equal(restored(folder + "/model.ckpt-20"), np.ones([3, 5]))
    with tf.Graph().as_default():
        build()
        tf.train.get_or_create_global_step()
        saver = saving.Saver(max_to_keep=1)
        supervisor = tf.train.Supervisor(
            logdir=folder, saver=saver, summary_op=None, save_model_secs=0
        )
        with supervisor.prepare_or_wait_for_session() as session:
            assert session.run("global_step:0") == 20
            saver.save(session, folder + "/model.ckpt", global_step=21)
    assert [os.path.basename(p) for p in checkpoints.all_complete(folder)] == names_of(21)
    assert [os.path.basename(p) for p in checkpoints.all_complete(other)] == names_of(10, 20)
    # A run of such a name that there is can be read; a new one cannot have it.
    run = runs.choose_run(None, folder, os.path.dirname(folder), "s")
    assert run.name == "sgd[0.01]"
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saving.warm_start(Settings(checkpoint_path=folder))(session)


def test_a_disk_without_room_for_two_checkpoints_is_warned_of(monkeypatch):
    free = iter([8 * 10**6 + 16, 8 * 10**6 + 15])
    monkeypatch.setattr(
        saving.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=next(free))
    )
    with tf.Graph().as_default():
        variables = [tf.get_variable("v", [1000, 1000]), tf.get_variable("n", [], tf.int64)]
        assert saving.lack_of_room("runs", variables) is None
        assert saving.lack_of_room("runs", variables) == (
            "warning: runs: 8 MB are free, and two checkpoints take 9 MB; make room"
        )


def test_a_limit_below_a_checkpoints_size_is_found_before_the_first_step(monkeypatch):
    with tf.Graph().as_default():
        variables = [tf.get_variable("v", [1000, 1000]), tf.get_variable("n", [], tf.int64)]
        saving.check_size_limit(variables)
        limits = iter([4 * 10**6 + 8, 4 * 10**6 + 7])
        monkeypatch.setattr(saving.resource, "getrlimit", lambda _: (next(limits), 0))
        saving.check_size_limit(variables)
        with pytest.raises(WriteError, match="takes 5 MB, and ulimit -f allows files of 4 MB"):
            saving.check_size_limit(variables)


def test_a_start_without_a_step_leaves_the_newest_checkpoint_as_it_is(saved, tmp_path):
    folder = shutil.copytree(saved, str(tmp_path / "run"))
    newest = checkpoints.newest(folder)
    before = os.stat(newest + ".index").st_ino
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        step = tf.train.get_or_create_global_step()
        saver = saving.Saver()
        saver.restore(session, newest)
        saver.recover_last_checkpoints(checkpoints.all_complete(folder))
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=step)
        assert os.stat(newest + ".index").st_ino == before
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=21)
    assert checkpoints.newest(folder).endswith("-21")
