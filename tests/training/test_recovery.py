"""What a run that was broken off has left, and how its folder is readied for going on."""

import os
import shutil

import pytest
from saved_checkpoints import HEX, ONLY_DATA, build, copied, listed, names_of

from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import announcement, checkpoints, runs, saving, upkeep


@pytest.fixture(params=["relative", "absolute"])
def parent(request, tmp_path, monkeypatch):
    """A folder of runs, named from where the process is, as by default, or from the root."""
    monkeypatch.chdir(str(tmp_path))
    return "runs" if request.param == "relative" else str(tmp_path / "runs")


def test_what_a_power_cut_left_of_the_newest_one_stops_no_start(saved, tmp_path):
    run = runs.Run("r", str(tmp_path / "r"), str(tmp_path / "s"))
    shutil.copytree(saved, run.checkpoints_dir)
    for step, state in ((20, "continued from step 10"), (10, "new")):
        path = tmp_path / "r" / ("model.ckpt-%d.data-00000-of-00001" % step)
        path.write_bytes(bytes(path.stat().st_size))
        assert announcement._state(run, announcement._newest_step(run), 30) == state


def test_only_temporary_files_of_a_broken_save_are_removed(tmp_path):
    others = ["checkpoint", "settings.json", "labels.txt", "graph.pbtxt", "lock", "notes.txt"]
    others += ["model.ckpt-9.txt", "checkpoint.tmp", "model.ckpt-4.index.tempstate_of_mine"]
    others += ["model.ckpt-4.meta.removed", "model.ckpt-4_temp_" + HEX, "model.ckpt-4_temp_notes"]
    others += ["model.ckpt-8.data-00000-of-00001", "model.ckpt-10.index"]
    temporary = [
        "model.ckpt-6.data-00000-of-00001.tempstate12345",
        "model.ckpt-6.index.tempstate6",
        "model.ckpt-6.meta.tempstate6",
        "checkpoint.tmp" + HEX,
        "graph.pbtxt.tmp" + HEX,
        "model.ckpt-4.meta.tmp" + HEX,
    ]
    for name in others + temporary:
        (tmp_path / name).write_text("x")
    temporary.append("model.ckpt-14_temp_" + HEX)
    (tmp_path / temporary[-1]).mkdir()
    (tmp_path / temporary[-1] / "part-0").write_text("x")
    assert upkeep.remove_temporary(str(tmp_path)) == sorted(temporary)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    assert upkeep.remove_temporary(str(tmp_path)) == []


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
    newest, lines = upkeep.recover(folder)
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
    assert upkeep.recover(folder) == (newest, [])
    for suffix in (".index", ".meta"):
        shutil.copy(path % (20, suffix), path % (30, suffix))
    assert "moved to set_aside-2: model.ckpt-30" in upkeep.recover(folder)[1][0]
    assert sorted(os.listdir(os.path.join(folder, "set_aside"))) == sorted(aside)


def test_a_file_of_that_name_stays(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"))
    os.remove(os.path.join(folder, "model.ckpt-20.index"))
    os.symlink("/", os.path.join(folder, "set_aside-2"))
    with open(os.path.join(folder, "set_aside"), "w") as file:
        file.write("mine")
    assert upkeep.recover(folder)[1][0].startswith("moved to set_aside-3: model.ckpt-20.")
    assert os.path.isfile(os.path.join(folder, "set_aside"))


def test_data_that_were_lost_with_the_machine_are_noticed(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"))
    path = os.path.join(folder, "model.ckpt-20")
    size = os.path.getsize(path + ONLY_DATA)
    with open(path + ONLY_DATA, "wb") as file:
        file.truncate(size)  # As long as they were, but all zeros.
    assert checkpoints.newest(folder) == path
    newest, (line,) = upkeep.recover(folder)
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
    assert upkeep.recover(folder) == (path, [])
    assert tf.train.latest_checkpoint(folder) == path
    assert checkpoints.resolve(path + ".data-00001-of-00002", None) == path
    os.remove(os.path.join(folder, parts[1]))
    assert checkpoints.newest(folder) is None


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
    newest, lines = upkeep.recover(folder)
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
    newest, lines = upkeep.recover(folder)
    assert newest is None and len(lines) == 3 and "checkpoint (no list of" in lines[2]
    assert sorted(os.listdir(folder)) == ["set_aside"]
    assert len(os.listdir(os.path.join(folder, "set_aside"))) == 5
    assert upkeep.recover(folder) == (None, [])


def test_what_may_not_be_read_is_not_taken_for_damaged(saved, parent, monkeypatch):
    folder = copied(saved, os.path.join(parent, "run"))
    there = sorted(os.listdir(folder))
    with monkeypatch.context() as patched:  # Root may read everything.
        patched.setattr(os, "access", lambda path, mode: not path.endswith("-10" + ONLY_DATA))
        with pytest.raises(DataError, match="model.ckpt-10.data.*: cannot be read .Permission den"):
            upkeep.recover(folder)
    assert sorted(os.listdir(folder)) == there

    def refused(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refused)
    with pytest.raises(DataError, match="run: cannot be read .Permission denied"):
        checkpoints.resolve(None, folder)


def test_a_removal_is_all_or_nothing(saved, tmp_path, monkeypatch):
    folder = copied(saved, str(tmp_path / "run"))

    def killed(*_):
        raise KeyboardInterrupt

    path = os.path.join(folder, "model.ckpt-10")
    for name in ("replace", "remove"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, killed)
            with pytest.raises(KeyboardInterrupt):
                upkeep.remove(path)
        assert checkpoints.is_complete(path) == (name == "replace")
    newest, (line,) = upkeep.recover(folder)
    assert newest.endswith("-20") and line.startswith("removed what was broken off: model.ckpt-10")
    assert not [name for name in os.listdir(folder) if "-10." in name or name == "set_aside"]


def test_which_ones_make_room_one_day_is_as_before(saved, parent):
    folder = copied(saved, os.path.join(parent, "run"), 5, 30, 100)
    os.remove(os.path.join(folder, "model.ckpt-10.index"))
    upkeep.recover(folder)
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
