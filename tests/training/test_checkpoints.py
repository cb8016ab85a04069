"""Which checkpoint is meant, whether it fits, and what is restored from it."""

import os
import shutil
import types

import numpy as np
import pytest

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError, WriteError
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import announcement, checkpoints, runs, saving
from alexnet_flowers.training.settings import Settings


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


def restored(path, num_classes=5, raw_weights=False):
    with tf.Graph().as_default(), tf.Session() as session:
        build(num_classes)
        saving.Restorer(slim.get_model_variables(), raw_weights).restore(session, path)
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


def test_what_a_power_cut_left_of_the_newest_one_stops_no_start(saved, tmp_path):
    run = runs.Run("r", str(tmp_path / "r"), str(tmp_path / "s"))
    shutil.copytree(saved, run.checkpoints_dir)
    for step, state in ((20, "continued from step 10"), (10, "new")):
        path = tmp_path / "r" / ("model.ckpt-%d.data-00000-of-00001" % step)
        path.write_bytes(bytes(path.stat().st_size))
        assert announcement._state(run, 30) == state


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
    run = runs.choose_run(None, None, parent, summaries)
    assert run == ("sgd", saved, os.path.join(summaries, "sgd"))
    for path in (saved, saved + "/model.ckpt-10"):
        assert runs.choose_run(None, path, parent, summaries) == run
        # From elsewhere: its own settings, and no place for events unless a name gives one.
        assert runs.choose_run(None, path, summaries, summaries) == ("sgd", saved, None)
        assert runs.choose_run(None, path, saved, summaries) == ("sgd", saved, None)
        named = runs.choose_run("mine", path, summaries, summaries)
        assert named == ("mine", saved, os.path.join(summaries, "mine"))
    assert runs.choose_run("other", None, parent, summaries).name == "other"
    with pytest.raises(DataError, match="no run with a checkpoint yet"):
        runs.choose_run(None, None, str(tmp_path), summaries)
    several = str(tmp_path / "several")
    for name in ("a", "b"):
        shutil.copytree(saved, os.path.join(several, name))
    with pytest.raises(UsageError, match="which of a, b"):
        runs.choose_run(None, None, several, summaries)
    with pytest.raises(UsageError, match="one folder"):
        runs.locate_run("a/b", parent, summaries)


def test_the_step_is_read(saved):
    assert checkpoints.global_step_of(saved + "/model.ckpt-10") == 10


def test_averages_are_preferred_where_there_are_some(saved, tmp_path):
    np.testing.assert_array_equal(restored(saved + "/model.ckpt-20"), np.ones([3, 5]))
    averaged = save(str(tmp_path), averages=True)
    # 1 at first, 3 later, half of each.
    np.testing.assert_array_equal(restored(averaged), np.full([3, 5], 2.0))
    np.testing.assert_array_equal(restored(averaged, raw_weights=True), np.full([3, 5], 3.0))


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


def test_of_many_classes_the_first_that_differ_are_named(saved, tmp_path):
    run = runs.Run("many", str(tmp_path), None)
    names = ["class%d" % label for label in range(1000)]
    records.write_labels(str(tmp_path / "labels.txt"), names)
    runs.check_labels(run, dict(enumerate(names)))
    names[567] = "another"
    with pytest.raises(DataError) as caught:
        runs.check_labels(run, dict(enumerate(names)))
    assert "567:class567 among 1000, the dataset has 567:another among 1000" in str(caught.value)
    assert len(str(caught.value)) < 300


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
    with pytest.raises(UsageError, match="nothing is left to take"):
        warm(none, exclude_scopes=None, ignore_missing_vars=True, report=lines.append)


def test_a_bare_folder_with_a_checkpoint_of_any_name_can_be_meant(saved, tmp_path):
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(saved + "/model.ckpt-20." + part, str(tmp_path / ("alexnet_v2.ckpt." + part)))
    assert checkpoints.resolve(str(tmp_path), None) == str(tmp_path / "alexnet_v2.ckpt")
    assert warm(str(tmp_path), exclude_scopes=None) == [1.0, 1.0]
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(saved + "/model.ckpt-20." + part, str(tmp_path / ("other.ckpt." + part)))
    with pytest.raises(DataError, match="which of its checkpoints.*alexnet_v2.ckpt, other.ckpt"):
        checkpoints.resolve(str(tmp_path), None)


def test_one_restorer_serves_many_checkpoints_without_the_graph_growing(saved):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        build()
        restorer = saving.Restorer(slim.get_model_variables())
        sizes = []
        for number in (10, 20, 10):
            restorer.restore(session, saved + "/model.ckpt-%d" % number)
            sizes.append(len(graph.get_operations()))
        assert sizes[0] == sizes[1] == sizes[2]


def test_a_checkpoint_without_a_variable_or_damaged_is_refused(saved, tmp_path):
    with tf.Graph().as_default():
        slim.model_variable("alexnet_v2/fc6/weights", [2])
        with pytest.raises(DataError, match="has no variable alexnet_v2/fc6/weights"):
            restorer = saving.Restorer(slim.get_model_variables())
            with tf.Session() as session:
                restorer.restore(session, saved + "/model.ckpt-20")
        with pytest.raises(DataError, match="fc6/weights; its run cannot go on with these"):
            saving.check_continues(saved + "/model.ckpt-20", tf.global_variables())
    damaged = str(tmp_path / "damaged")
    shutil.copytree(saved, damaged)
    with open(damaged + "/model.ckpt-20.index", "wb") as file:
        file.write(b"nonsense" * 20)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoints.global_step_of(damaged + "/model.ckpt-20")


HEX = "0123456789abcdef" * 2
ONLY_DATA = ".data-00000-of-00001"


def copied(saved, folder, *steps):
    """A copy of the checkpoints of steps 10 and 20, and of the first under other steps."""
    shutil.copytree(saved, folder)
    for step in steps:
        for suffix in (".index", ONLY_DATA, ".meta"):
            source = os.path.join(folder, "model.ckpt-10" + suffix)
            shutil.copy(source, source.replace("-10.", "-%d." % step))
    return folder


def listed(folder):
    return [
        os.path.basename(p)
        for p in tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    ]


def names_of(*steps):
    return ["model.ckpt-%d" % step for step in steps]


@pytest.fixture(params=["relative", "absolute"])
def parent(request, tmp_path, monkeypatch):
    """A folder of runs, named from where the process is, as by default, or from the root."""
    monkeypatch.chdir(str(tmp_path))
    return "runs" if request.param == "relative" else str(tmp_path / "runs")


def test_only_temporary_files_of_a_broken_save_are_removed(tmp_path):
    others = ["checkpoint", "settings.json", "labels.txt", "graph.pbtxt", "lock", "notes.txt"]
    others += ["model.ckpt-9.txt", "checkpoint.tmp", "model.ckpt-4.index.tempstate_of_mine"]
    others += ["model.ckpt-4.meta.removed", "model.ckpt-4_temp_" + HEX, "model.ckpt-4_temp_notes"]
    others += ["model.ckpt-8.data-00000-of-00001", "model.ckpt-10.index"]
    temporary = [
        "model.ckpt-6.data-00000-of-00001.tempstate12345",
        "model.ckpt-6.index.tempstate6",
        "checkpoint.tmp" + HEX,
        "graph.pbtxt.tmp" + HEX,
        "model.ckpt-4.meta.tmp" + HEX,
    ]
    for name in others + temporary:
        (tmp_path / name).write_text("x")
    temporary.append("model.ckpt-14_temp_" + HEX)
    (tmp_path / temporary[-1]).mkdir()
    (tmp_path / temporary[-1] / "part-0").write_text("x")
    assert checkpoints.remove_temporary(str(tmp_path)) == sorted(temporary)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    assert checkpoints.remove_temporary(str(tmp_path)) == []


def test_what_is_incomplete_is_set_aside_and_overwrites_nothing(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"), 30, 40, 50, 60, 70)
    path = os.path.join(folder, "model.ckpt-%d%s")
    os.remove(path % (30, ".index"))
    os.remove(path % (40, ONLY_DATA))
    with open(path % (50, ONLY_DATA), "r+b") as file:
        file.truncate(10)
    with open(path % (60, ".index"), "wb") as file:
        file.write(b"nonsense" * 20)
    os.rename(path % (70, ONLY_DATA), path % (70, ".data-00000-of-00002"))
    newest, lines = checkpoints.recover(folder)
    assert newest == path % (20, "")
    assert [line.split(": ")[0] for line in lines] == ["moved to set_aside"] * 5
    for line, step, reason in zip(
        lines,
        (30, 40, 50, 60, 70),
        (
            "its index is missing",
            "a part of its data is missing",
            "its data has 10 bytes of 92",
            "its index cannot be read",
            "a part of its data is missing",
        ),
    ):
        assert "model.ckpt-%d." % step in line and line.endswith("(%s)" % reason)
    aside = os.listdir(os.path.join(folder, "set_aside"))
    assert len(aside) == 5 * 3 - 2
    assert checkpoints.recover(folder) == (newest, [])
    for suffix in (".index", ".meta"):
        shutil.copy(path % (20, suffix), path % (30, suffix))
    assert "moved to set_aside-2: model.ckpt-30" in checkpoints.recover(folder)[1][0]
    assert sorted(os.listdir(os.path.join(folder, "set_aside"))) == sorted(aside)


def test_a_file_of_that_name_stays(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"))
    os.remove(os.path.join(folder, "model.ckpt-20.index"))
    os.symlink("/", os.path.join(folder, "set_aside-2"))
    with open(os.path.join(folder, "set_aside"), "w") as file:
        file.write("mine")
    assert checkpoints.recover(folder)[1][0].startswith("moved to set_aside-3: model.ckpt-20.")
    assert os.path.isfile(os.path.join(folder, "set_aside"))


def test_data_that_were_lost_with_the_machine_are_noticed(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"))
    path = os.path.join(folder, "model.ckpt-20")
    size = os.path.getsize(path + ONLY_DATA)
    with open(path + ONLY_DATA, "wb") as file:
        file.truncate(size)  # As long as they were, but all zeros.
    assert checkpoints.newest(folder) == path
    newest, (line,) = checkpoints.recover(folder)
    assert newest == os.path.join(folder, "model.ckpt-10")
    assert "moved to set_aside: model.ckpt-20.index, " in line and "not a readable" in line
    assert listed(folder) == names_of(10)


def test_parts_of_any_number_and_one_without_its_graph_are_complete(parent):
    folder = os.path.join(parent, "run")
    os.makedirs(folder)
    with tf.Graph().as_default(), tf.Session() as session:
        for number in range(3):
            with tf.device("/cpu:0" if number else "/job:localhost/task:0/cpu:0"):
                tf.get_variable("v%d" % number, [10])
        saver = tf.train.Saver(sharded=True)
        session.run(tf.global_variables_initializer())
        saver.save(
            session, os.path.join(folder, "model.ckpt"), global_step=8, write_meta_graph=False
        )
    parts = sorted(name for name in os.listdir(folder) if ".data-" in name)
    assert len(parts) == 2
    os.remove(os.path.join(folder, "checkpoint"))
    path = os.path.join(folder, "model.ckpt-8")
    assert checkpoints.recover(folder) == (path, [])
    assert tf.train.latest_checkpoint(folder) == path
    assert checkpoints.resolve(path + ".data-00001-of-00002", None) == path
    os.remove(os.path.join(folder, parts[1]))
    assert checkpoints.newest(folder) is None


def test_a_removal_is_all_or_nothing(saved, tmp_path, monkeypatch):
    folder = copied(saved, str(tmp_path / "run"))

    def killed(*_):
        raise KeyboardInterrupt

    path = os.path.join(folder, "model.ckpt-10")
    for name in ("replace", "remove"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, killed)
            with pytest.raises(KeyboardInterrupt):
                checkpoints.remove(path)
        assert checkpoints.is_complete(path) == (name == "replace")
    newest, (line,) = checkpoints.recover(folder)
    assert newest.endswith("-20") and line.startswith("removed what was broken off: model.ckpt-10")
    assert not [name for name in os.listdir(folder) if "-10." in name or name == "set_aside"]


LISTS = {
    "missing": None,
    "empty": b"",
    "binary": bytes(range(256)),
    "no list": b"<html>nope",
    "foreign": b'model_checkpoint_path: "/etc/passwd"\nall_model_checkpoint_paths: "/etc/passwd"\n',
    "pattern": b'model_checkpoint_path: "*"\nall_model_checkpoint_paths: "*"\n',
    "as of an older version": b"".join(
        b'%smodel_checkpoint_path%s: "../../../model.ckpt-30"\n' % one
        for one in ((b"", b""), (b"all_", b"s"))
    ),
    "older": b"".join(
        b'%smodel_checkpoint_path%s: "model.ckpt-20"\n' % one
        for one in ((b"", b""), (b"all_", b"s"))
    ),
}


@pytest.mark.parametrize("content", sorted(LISTS) + ["a folder"])
def test_whatever_the_list_says_the_newest_one_is_found(saved, parent, content):
    folder = copied(saved, os.path.join(parent, "run"), 30)
    path = os.path.join(folder, "checkpoint")
    os.remove(path)
    if content == "a folder":
        os.makedirs(path)
        with open(os.path.join(path, "mine.txt"), "w") as file:
            file.write("x")
    elif LISTS[content] is not None:
        with open(path, "wb") as file:
            file.write(LISTS[content])
    newest, lines = checkpoints.recover(folder)
    assert newest == os.path.join(folder, "model.ckpt-30") == tf.train.latest_checkpoint(folder)
    assert listed(folder) == (names_of(20, 30) if content == "older" else names_of(30))
    assert len(lines) == (content == "a folder")
    if lines:
        assert os.path.exists(os.path.join(folder, "set_aside", "checkpoint", "mine.txt"))
    assert all(os.path.exists(os.path.join(folder, name + ".index")) for name in names_of(10, 20))
    moved = folder + "_moved"
    os.rename(folder, moved)
    assert tf.train.latest_checkpoint(moved) == os.path.join(moved, "model.ckpt-30")
    with tf.Graph().as_default():  # As slim.learning.train resumes.
        build()
        tf.train.get_or_create_global_step()
        supervisor = tf.train.Supervisor(
            logdir=moved, saver=saving.Saver(), summary_op=None, save_model_secs=0
        )
        with supervisor.prepare_or_wait_for_session() as session:
            assert session.run("global_step:0") == 10  # It is a copy.


def test_a_list_without_checkpoints_is_set_aside(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"))
    for step in (10, 20):
        os.remove(os.path.join(folder, "model.ckpt-%d.index" % step))
    newest, lines = checkpoints.recover(folder)
    assert newest is None and len(lines) == 3 and "checkpoint (no list of" in lines[2]
    assert sorted(os.listdir(folder)) == ["set_aside"]
    assert len(os.listdir(os.path.join(folder, "set_aside"))) == 5
    assert checkpoints.recover(folder) == (None, [])


def test_which_ones_make_room_one_day_is_as_before(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"), 5, 30, 100)
    os.remove(os.path.join(folder, "model.ckpt-10.index"))
    checkpoints.recover(folder)
    # Older than the listed ones: kept for good. Listed, but not complete any more: struck out.
    assert listed(folder) == names_of(20, 30, 100)
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        saver = saving.Saver(max_to_keep=2)
        session.run(tf.global_variables_initializer())
        saver.recover_last_checkpoints([os.path.join(folder, name) for name in listed(folder)])
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=101)
    assert listed(folder) == names_of(100, 101)
    paths = checkpoints.all_complete(folder)
    assert [os.path.basename(path) for path in paths] == names_of(5, 100, 101)


def test_one_of_each_so_many_hours_stays_for_good(tmp_path, monkeypatch):
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        now = [1e9]
        monkeypatch.setattr(
            saving.time, "monotonic", lambda: now[0]
        )  # Whatever the wall clock says.
        saver = saving.Saver(max_to_keep=2, keep_checkpoint_every_n_hours=1)
        session.run(tf.global_variables_initializer())
        for step in range(12):
            saver.save(session, str(tmp_path / "model.ckpt"), global_step=step)
            now[0] += 20 * 60 + 1
    names = [os.path.basename(path) for path in checkpoints.all_complete(str(tmp_path))]
    # The first one saved after each full hour since the start.
    assert names == names_of(3, 6, 9, 10, 11) and listed(str(tmp_path)) == names_of(10, 11)


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
            patched.setattr(checkpoints, "write_list", lambda *_: full("x"))
            with pytest.raises(WriteError):
                saver.save(session, str(tmp_path / "model.ckpt"), global_step=3)
    assert checkpoints.recover(str(tmp_path)) == (str(tmp_path / "model.ckpt-3"), [])
    assert listed(str(tmp_path)) == names_of(1, 3)


def test_numbers_of_checkpoints_beyond_tensorflows_are_all():
    with tf.Graph().as_default():
        build()
        saving.Saver(max_to_keep=10**11, keep_checkpoint_every_n_hours=1e308)


def test_names_are_no_patterns(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    folder = "my [v2]* \\runs?/sgd[0.01]"
    other = os.path.join("my [v2]xx \\runs1", "sgd0")
    for one in (folder, other):
        os.makedirs(os.path.dirname(one))
        shutil.copytree(saved, one)
    assert checkpoints.recover(folder) == (folder + "/model.ckpt-20", [])
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
        warm_start(folder)(session)


def test_what_may_not_be_read_is_not_taken_for_damaged(saved, parent, monkeypatch):
    folder = copied(saved, os.path.join(parent, "run"))
    there = sorted(os.listdir(folder))
    with monkeypatch.context() as patched:  # Root may read everything.
        patched.setattr(os, "access", lambda path, mode: not path.endswith("-10" + ONLY_DATA))
        with pytest.raises(DataError, match="model.ckpt-10.data.*: cannot be read .Permission den"):
            checkpoints.recover(folder)
    assert sorted(os.listdir(folder)) == there

    def refused(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refused)
    with pytest.raises(DataError, match="run: cannot be read .Permission denied"):
        checkpoints.resolve(None, folder)


@pytest.mark.parametrize(
    "name", ["lr*", "a?", "a[0.01]", "a]", "a\\b", "a\nb", "a\x1bb", "a\u202eb", "a\udc80"]
)
def test_a_run_has_a_plain_name(name):
    with pytest.raises(UsageError, match="--run_name .*: must be without"):
        runs.locate_run(name, "c", "s")


def test_a_runs_folders_have_names_that_tensorflow_takes():
    assert runs.locate_run("run", "café", "花").checkpoints_dir == "café/run"
    for parents in (("caf\udce9", "s"), ("c", "caf\udce9")):
        with pytest.raises(UsageError, match="_dir caf.: TensorFlow takes names in UTF-8 only"):
            runs.locate_run("run", *parents)


def test_what_is_damaged_is_not_called_missing(saved, tmp_path):
    folder = copied(saved, str(tmp_path / "runs" / "run"))
    for step in (10, 20):
        with open(os.path.join(folder, "model.ckpt-%d%s" % (step, ONLY_DATA)), "r+b") as file:
            file.truncate(5)
    with pytest.raises(
        DataError, match="none of its 2 checkpoints is complete; of the newest, mod"
    ):
        checkpoints.resolve(None, folder)
    with pytest.raises(DataError, match="model.ckpt-20: its data has 5 bytes of"):
        checkpoints.resolve(os.path.join(folder, "model.ckpt-20"), None)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoints.global_step_of(os.path.join(folder, "model.ckpt-20"))
    # It is still the run that is meant, as the only one there is.
    assert runs.choose_run(None, None, os.path.dirname(folder), "s").name == "run"


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


def test_an_unknown_run_names_those_that_there_are(tmp_path, random_run):
    os.symlink(random_run.checkpoints_dir, str(tmp_path / "there"))
    with pytest.raises(DataError, match="scripts/train.py, or name another run: there$"):
        checkpoints.resolve(None, str(tmp_path / "nobody"))


def test_a_limit_below_a_checkpoints_size_is_found_before_the_first_step(monkeypatch):
    with tf.Graph().as_default():
        variables = [tf.get_variable("v", [1000, 1000]), tf.get_variable("n", [], tf.int64)]
        saving.check_size_limit(variables)
        limits = iter([4 * 10**6 + 8, 4 * 10**6 + 7])
        monkeypatch.setattr(saving.resource, "getrlimit", lambda _: (next(limits), 0))
        saving.check_size_limit(variables)
        with pytest.raises(WriteError, match="takes 5 MB, and ulimit -f allows files of 4 MB"):
            saving.check_size_limit(variables)
