"""What a training finds in its run's folders, writes there first, and takes back after an error.

What it leaves::

    runs/checkpoints/<run>/checkpoint, model.ckpt-<step>.*   resumed from
    runs/checkpoints/<run>/graph.pbtxt
    runs/checkpoints/<run>/settings.json                     what the run means
    runs/checkpoints/<run>/labels.txt                        its classes
    runs/summaries/<run>/events.*                            for TensorBoard
    runs/summaries/<run>/training.csv                        see ``step_table``

A start that fails before the first step of a new run leaves nothing.
"""

import contextlib
import glob
import os
import shutil
import types

from alexnet_flowers import atomic, lock
from alexnet_flowers.data import identity, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.events import event_writer, step_table
from alexnet_flowers.training import checkpoints, runs, saving, settings, upkeep


@contextlib.contextmanager
def owned(run):
    """Makes a run's folders and keeps other processes from training in them.

    Unless ``are_used`` is set, an error removes those that were not there before. For a worker
    that has none, which is not the chief, ``run`` is None.
    """
    if run is None:
        yield types.SimpleNamespace()
        return
    state = types.SimpleNamespace(are_used=False)
    # A run of this name whose checkpoints are elsewhere may have the same summaries.
    doing = {run.summaries_dir: "written", run.checkpoints_dir: "trained"}
    folders = [run.checkpoints_dir, run.summaries_dir]
    if len(set(map(os.path.realpath, folders))) == 1:
        folders.pop()
    with contextlib.ExitStack() as locks:
        new = []
        try:
            for folder in folders:
                was_there = os.path.isdir(folder)
                os.makedirs(folder, exist_ok=True)
                locks.enter_context(lock.held(folder, doing[folder]))
                # Refused, it removes nothing: another process may just have made the folder.
                if not was_there and os.listdir(folder) == [lock.FILENAME]:
                    new.append(folder)
            yield state
        except BaseException:
            if not state.are_used:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
            raise


def to_continue(run, kept, allow_changed_settings, report):
    """Returns the checkpoint from which a run is continued, its step, and lines about that.

    For a new one they are None, 0 and none.

    Raises:
      DataError: it was trained on other classes, which is all that is known of it.
      UsageError: it was started with other settings.
    """
    newest, done = upkeep.recover(run.checkpoints_dir)
    for line in done:
        report("%s: %s" % (run.name, line))
    if newest is None:
        return None, 0, []
    before = settings.read(run.checkpoints_dir)
    if before is None and not allow_changed_settings:
        runs.check_labels(run, dict(enumerate(kept["dataset"]["classes"])))
    changes = before and settings.check_unchanged(
        run.checkpoints_dir, before, kept, allow_changed_settings
    )
    lines = ["changed: " + change for change in changes or ()]
    lines.append("%s: continued from %s" % (run.name, newest))
    if kept["settings"]["checkpoint_path"]:
        lines.append("--checkpoint_path is where the run once started; its own checkpoint is newer")
    return newest, checkpoints.global_step_of(newest), lines


def are_its_photos(run, kept):
    """Says whether a run goes on with the photos and classes that it was trained on."""
    before = (settings.read(run.checkpoints_dir) or {}).get("dataset", {})
    classes = dict(enumerate(kept["dataset"]["classes"]))
    are_others = records.differing_classes(run.checkpoints_dir, classes)
    return not are_others and not identity.is_other(before, kept["dataset"])


@contextlib.contextmanager
def settings_of_what_is_saved(run, newest):
    """A context whose error leaves settings and labels as before where nothing newer is saved.

    And the best checkpoint where it was.
    """
    before = {}  # What each file holds; None where there is none.
    for name in (settings.FILENAME, records.LABELS_FILENAME):
        path = os.path.join(run.checkpoints_dir, name)
        before[path] = None
        if os.path.isfile(path):
            with open(path, "rb") as file:
                before[path] = file.read()
    earlier = upkeep.all_set_aside(run.best_dir)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, DataError):
            if newest and checkpoints.newest(run.checkpoints_dir) == newest:
                for path, content in before.items():
                    if content is not None:
                        with atomic.opened(path, "wb") as file:
                            file.write(content)
                    elif os.path.isfile(path):
                        os.remove(path)
                for moved in upkeep.all_set_aside(run.best_dir) - earlier:
                    os.rename(moved, run.best_dir)
        raise


def begin(run, plan, newest, step_number, report):
    """Writes down what a run means; returns its ``Saver``, ``EventWriter`` or None, and table."""
    logging, kept = plan.options.logging, plan.kept
    saver = saving.Saver(
        max_to_keep=logging.max_to_keep,
        keep_checkpoint_every_n_hours=logging.keep_checkpoint_every_n_hours,
    )
    if not newest:
        _set_aside_an_earlier_run(run, plan.settings.checkpoint_path, report)
    elif os.path.isdir(run.best_dir) and not are_its_photos(run, kept):
        # It was chosen by its accuracy on other photos, which no later one compares with.
        moved = upkeep.set_aside([run.best_dir], "chosen by other photos than the run goes on with")
        report("%s: %s" % (run.checkpoints_dir, moved))
    table_path = os.path.join(run.summaries_dir, step_table.TRAINING_FILENAME)
    table = step_table.StepTable(table_path, step_table.TRAINING_COLUMNS, step_number)
    settings.write(run.checkpoints_dir, kept)
    labels = os.path.join(run.checkpoints_dir, records.LABELS_FILENAME)
    records.write_labels(labels, kept["dataset"]["classes"])
    writer = None
    # Without summaries, too, a new start says that earlier events of its steps no longer count.
    events = os.path.join(glob.escape(run.summaries_dir), "*tfevents*")
    if logging.save_summaries_secs or glob.glob(events):
        writer = event_writer.EventWriter(run.summaries_dir)
    return saver, writer, table


def _set_aside_an_earlier_run(run, checkpoint_path, report):
    """Moves away what a run of this name has left that would count for a new one."""
    within = os.path.join(glob.escape(run.summaries_dir), "*")
    there = set(glob.glob(within + ".csv"))
    # Of evaluations. Those of the training are dropped by readers, as its steps are made again.
    there |= set(map(os.path.dirname, glob.glob(os.path.join(within, "*tfevents*"))))
    start = os.path.realpath(checkpoint_path or os.devnull) + os.sep
    # Its accuracy would count for this run; it stays where the run starts from its weights.
    is_start = start.startswith(os.path.realpath(run.best_dir) + os.sep)
    best = [run.best_dir] if os.path.isdir(run.best_dir) and not is_start else []
    # A run that was killed before its first checkpoint has settings, and its own table alone.
    has_settings = os.path.lexists(os.path.join(run.checkpoints_dir, settings.FILENAME))
    own_table = {os.path.join(run.summaries_dir, step_table.TRAINING_FILENAME)}
    # One that had any has a list of them, which ``upkeep.recover`` has set aside.
    listed = upkeep.all_set_aside(os.path.join(run.checkpoints_dir, upkeep.LIST_FILENAME))
    if best or listed or not (has_settings and there <= own_table):
        why = "of a run of this name whose checkpoints are gone"
        for folder, old in (run.summaries_dir, there), (run.checkpoints_dir, best):
            if old:
                report("%s: %s" % (folder, upkeep.set_aside(sorted(old), why)))
