"""Training: the graph, what a run keeps, and ``slim.learning.train`` around the loop.

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
import signal
import types

from alexnet_flowers import devices, lock, memory
from alexnet_flowers.data import identity, record_check, records
from alexnet_flowers.distributed import places, server
from alexnet_flowers.errors import (
    DataError,
    WriteError,
    advice_for,
    first_line,
    is_for_want_of_room,
)
from alexnet_flowers.events import event_writer, step_table
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import (
    callbacks,
    checkpoints,
    optimization,
    runs,
    saving,
    schedules,
    settings,
    training_graph,
    upkeep,
)
from alexnet_flowers.training.loop import Loop, SessionLost


def serve(members, compute, report=print):
    """Holds a cluster's variables as one of its parameter servers; see ``server.serve``.

    Args:
      members: a ``cluster.Cluster`` with this process's place in it.
      compute: a ``devices.Compute``.
      report: called with each line of the console.
    """
    memory.keep_freed()
    devices.resolve("cpu")  # So that TensorFlow does not report later that it found no GPU.
    config = devices.session_config("cpu", compute.intra_op_threads, compute.inter_op_threads)
    # Not in one function with it: what was on the stack while TensorFlow was imported may stay
    # alive to the process's end, when a server can no longer be stopped without a traceback.
    server.serve(members, config, report)


def train(run, plan, give_up=None, report=print, evaluation=None):
    """Trains a run to its end, from its newest checkpoint if it has one.

    SIGINT, SIGTERM and SIGHUP end it after the current step, with a checkpoint of that step; then
    it returns the signal, otherwise None.

    Args:
      run: a ``runs.Run``.
      plan: a ``plan.Plan``.
      give_up: for a process of a cluster, see ``places.Worker``.
      report: called with each line of the console.
      evaluation: a ``within_training.Evaluation``, whose ``evaluate`` is called after every
        ``eval_every_n_steps`` steps and says when it is enough; or None.

    Raises:
      DataError: a checkpoint or a folder is not as it has to be; the loss or a variable is NaN or
        infinite; the disk is full; the cluster's servers are not there.
      UsageError: the settings differ from those of the run so far, or do not fit its checkpoint; or
        see ``training_graph.build`` and ``saving.warm_start``.
    """
    if plan.device == "cpu":
        memory.keep_freed()
    place = places.Alone()
    if plan.members is not None:
        place = places.Worker(plan.members, plan.session_config, give_up, report)
    place.wait_for_servers()
    agreed = _agreed(run, plan.kept)
    # The lock comes first: one whom it refuses must not have joined, and so cannot leave.
    with _own_folders(run if place.is_chief else None) as folders, place.joined(agreed):
        newest, step_number = None, 0
        if place.is_chief:
            newest, step_number = _to_continue(
                run, plan.kept, plan.options.allow_changed_settings, report
            )
            is_end = step_number >= plan.num_steps
            is_enough = (
                newest
                and evaluation
                and _are_its_photos(run, plan.kept)  # Of others there is nothing to catch up on.
                and evaluation.catch_up(newest, step_number, is_end)
            )
            if is_end:
                report(
                    "%s: finished already, at step %d of %d; more steps continue it"
                    % (run.name, step_number, plan.num_steps)
                )
                return None
            if is_enough:
                kept = settings.read(run.checkpoints_dir) or plan.kept
                settings.write_ended(run.checkpoints_dir, kept, step_number)
                return None
            for remark in schedules.remarks(plan.settings, plan.num_steps):
                report(remark)
        with tf.Graph().as_default(), _settings_of_what_is_saved(run, newest):
            evaluate = evaluation.evaluate if evaluation else None
            trainer = _Trainer(run, plan, place, newest, step_number, report, evaluate)
            try:
                return trainer.train()
            finally:
                folders.are_used = trainer.loop.step_number is not None


class _Trainer:
    """What one process builds of a run in the default graph, and its part of the training.

    Attributes:
      loop: the ``Loop``.
    """

    def __init__(self, run, plan, place, newest, step_number, report, evaluate):
        """Builds it; it goes on from ``newest``, the checkpoint of ``step_number``, or None, 0."""
        self._run, self._plan, self._place, self._report = run, plan, place, report
        self._began_at = step_number
        with tf.device(place.variables_device()):
            self._ops = training_graph.build(plan, place, report, step_number)
        if plan.members is None:
            saving.check_size_limit(tf.global_variables())
            lack = saving.lack_of_room(run.checkpoints_dir, tf.global_variables())
            if lack:
                report(lack)
        self._init_fn = self._saver = self._writer = table = None
        if newest:
            saving.check_continues(newest, tf.global_variables())
        elif place.is_chief:
            self._init_fn = saving.warm_start(plan.settings, plan.split.labels_to_names, report)
        if place.is_chief:
            self._saver, self._writer, table = _begin(run, plan, newest, step_number, report)
        path = os.path.join(run.checkpoints_dir, "model.ckpt")
        writer = self._writer if plan.options.logging.save_summaries_secs else None
        due = callbacks.build(self._ops, plan, self._saver, writer, table, path, report, evaluate)
        self.loop = Loop(self._ops, due, plan.num_steps, place, plan.runs_one_by_one)

    def train(self):
        """Trains; returns the signal that ended it early, or None."""
        with self._errors_for_a_user():
            if not self._place.wait_for_chief():
                self._report(
                    "%s: worker %d: nothing to do, the chief has left"
                    % (self._run.name, self._place.task_index)
                )
                return None
            if self._place.is_chief and self._ops.sync_optimizer:
                with self._place.session() as session:
                    self._ops.sync_optimizer.take_over(session, self._place.count_orphans)
                    absent = self._place.absent_workers(session)
                if absent:
                    self._report(
                        "%s: each step waits for all workers; not there yet: %s"
                        % (self._run.name, ", ".join("worker %d" % one for one in absent))
                    )
            ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            with self.loop.ended_by(*ending, acknowledge=self._acknowledge):
                self._run_slim()
        self._report_end()
        return self.loop.signal

    def _acknowledge(self):
        what = "stopping after this step"
        self._report("%s: %s" % (self._run.name, what + "; saving" * self._place.is_chief))

    def _run_slim(self):
        start = saving.initialization(self._init_fn, self._ops.global_step) if self._init_fn else {}
        slim.learning.train(
            self._ops.train_op,
            self._run.checkpoints_dir,
            master=self._place.target,
            is_chief=self._place.is_chief,
            train_step_fn=self.loop.step,
            train_step_kwargs={},
            graph=tf.get_default_graph(),
            global_step=self._ops.global_step,
            number_of_steps=self._plan.num_steps,
            summary_op=None,
            summary_writer=self._writer,
            save_summaries_secs=0,
            saver=self._saver,
            save_interval_secs=0,
            session_config=self._place.session_config(self._plan.session_config),
            sync_optimizer=self._ops.sync_optimizer,
            ignore_live_threads=True,
            **start,
        )

    def _report_end(self):
        is_told = self.loop.signal is not None or self.loop.ended_by_callback
        # A signal may come after the last step, while that is saved or evaluated.
        ended = "stopped" if is_told and self._step_number < self._plan.num_steps else "finished"
        where = "at step %d of %d" % (self._step_number, self._plan.num_steps)
        if self._place.is_chief:
            newest = checkpoints.newest(self._run.checkpoints_dir)
            if self.loop.ended_by_callback:
                folder = self._run.checkpoints_dir
                settings.write_ended(folder, self._plan.kept, self.loop.step_number)
            self._report("%s: %s %s; checkpoint %s" % (self._run.name, ended, where, newest))
        else:
            self._report(
                "%s: worker %d %s %s" % (self._run.name, self._place.task_index, ended, where)
            )

    @contextlib.contextmanager
    def _errors_for_a_user(self):
        """Translates errors into one line that says what happened, where, and what to do."""
        try:
            yield
        except callbacks.Diverged as error:
            raise self._diverged(error)
        except WriteError as error:
            raise self._unwritten(error)
        except SessionLost as error:
            raise self._stopped(error)
        except tf.errors.OpError as error:
            if optimization.is_of_the_loss(error):
                plan, made = self._plan, self._step_number
                rate = schedules.rate_after(plan.settings, plan.num_decay_steps, made)
                raise self._diverged(
                    "step %d, learning rate %g: the loss is NaN or infinite" % (made + 1, rate)
                )
            if is_for_want_of_room(error):
                raise self._unwritten(first_line(error))
            if isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError)):
                raise self._stopped(places.server_gone(error))
            raise self._stopped(record_check.why_stopped(error, self._plan.split))

    def _diverged(self, what):
        return DataError(
            "%s: %s; the last good checkpoint is %s; lower --learning_rate or set "
            "--clip_gradient_norm" % (self._run.name, what, self._last_good_checkpoint())
        )

    def _unwritten(self, why):
        # What the failed save has left takes the space that the next one needs.
        upkeep.remove_temporary(self._run.checkpoints_dir)
        if not self._place.servers_answer():  # They hold what was to be saved: no disk is to blame.
            return self._stopped(places.server_gone(why))
        return self._stopped(
            "%s; the last good checkpoint is %s; %s, then the same command continues the run"
            % (why, self._last_good_checkpoint(), advice_for(str(why)))
        )

    def _stopped(self, why):
        return DataError("%s: stopped after step %d: %s" % (self._run.name, self._step_number, why))

    @property
    def _step_number(self):
        made = self.loop.step_number
        return self._began_at if made is None else made

    def _last_good_checkpoint(self):
        return checkpoints.newest(self._run.checkpoints_dir) or "none"


def _are_its_photos(run, kept):
    """Says whether a run goes on with the photos and classes that it was trained on."""
    before = (settings.read(run.checkpoints_dir) or {}).get("dataset", {})
    classes = dict(enumerate(kept["dataset"]["classes"]))
    are_others = records.differing_classes(run.checkpoints_dir, classes)
    return not are_others and not identity.is_other(before, kept["dataset"])


def _agreed(run, kept):
    """Returns what all workers of a run must agree on; where it starts from, the chief decides."""
    agreed = dict(kept["dataset"], run_name=run.name, num_steps=kept["num_steps"])
    agreed.update(kept["settings"])
    for name in ("checkpoint_path", "checkpoint_exclude_scopes", "ignore_missing_vars"):
        del agreed[name]
    return settings.for_a_message(agreed)


@contextlib.contextmanager
def _own_folders(run):
    """Makes a run's folders and keeps other processes from training in them.

    Unless ``are_used`` is set, an error removes those that were not there before. For a worker
    that has none, which is not the chief, ``run`` is None.
    """
    if run is None:
        yield types.SimpleNamespace()
        return
    state = types.SimpleNamespace(are_used=False)
    was_there = os.path.isdir(run.checkpoints_dir)
    os.makedirs(run.checkpoints_dir, exist_ok=True)
    # Refused, it removes nothing: another process may have made the folder a moment before.
    with lock.held(run.checkpoints_dir, "trained"):
        new = [] if os.path.isdir(run.summaries_dir) else [run.summaries_dir]
        if not was_there and os.listdir(run.checkpoints_dir) == [lock.FILENAME]:
            new.append(run.checkpoints_dir)
        try:
            os.makedirs(run.summaries_dir, exist_ok=True)
            yield state
        except BaseException:
            if not state.are_used:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
            raise


def _to_continue(run, kept, allow_changed_settings, report):
    """Returns the checkpoint from which a run is continued and its step; None, 0 for a new one.

    Raises:
      DataError: it was trained on other classes, which is all that is known of it.
      UsageError: it was started with other settings.
    """
    newest, done = upkeep.recover(run.checkpoints_dir)
    for line in done:
        report("%s: %s" % (run.name, line))
    if newest is None:
        return None, 0
    before = settings.read(run.checkpoints_dir)
    if before is None and not allow_changed_settings:
        runs.check_labels(run, dict(enumerate(kept["dataset"]["classes"])))
    changes = before and settings.check_unchanged(
        run.checkpoints_dir, before, kept, allow_changed_settings
    )
    step_number = checkpoints.global_step_of(newest)
    if step_number < kept["num_steps"]:
        for change in changes or ():
            report("changed: " + change)
        report("%s: continued from %s" % (run.name, newest))
        if kept["settings"]["checkpoint_path"]:
            report("--checkpoint_path is where the run once started; its own checkpoint is newer")
    return newest, step_number


@contextlib.contextmanager
def _settings_of_what_is_saved(run, newest):
    """A context whose error leaves the settings as before where nothing newer has been saved.

    And the best checkpoint where it was.
    """
    before = settings.read(run.checkpoints_dir) if newest else None
    earlier = upkeep.all_set_aside(run.best_dir)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, DataError, KeyError):  # Older ones hold no classes.
            if before and checkpoints.newest(run.checkpoints_dir) == newest:
                _write_settings(run, before)
                for moved in upkeep.all_set_aside(run.best_dir) - earlier:
                    os.rename(moved, run.best_dir)
        raise


def _write_settings(run, kept):
    settings.write(run.checkpoints_dir, kept)
    labels = os.path.join(run.checkpoints_dir, records.LABELS_FILENAME)
    records.write_labels(labels, kept["dataset"]["classes"])


def _begin(run, plan, newest, step_number, report):
    """Writes down what a run means; returns its ``Saver``, ``EventWriter`` or None, and table."""
    logging, kept = plan.options.logging, plan.kept
    saver = saving.Saver(
        max_to_keep=logging.max_to_keep,
        keep_checkpoint_every_n_hours=logging.keep_checkpoint_every_n_hours,
    )
    within = os.path.join(glob.escape(run.summaries_dir), "*")
    table_path = os.path.join(run.summaries_dir, step_table.TRAINING_FILENAME)
    best = run.best_dir
    if newest and os.path.isdir(best) and not _are_its_photos(run, kept):
        # It was chosen by its accuracy on other photos, which no later one compares with.
        moved = upkeep.set_aside([best], "chosen by other photos than the run goes on with")
        report("%s: %s" % (run.checkpoints_dir, moved))
    if not newest:
        there = set(glob.glob(within + ".csv"))
        # Of evaluations. Those of the training are dropped by readers, as its steps are made again.
        there |= set(map(os.path.dirname, glob.glob(os.path.join(within, "*tfevents*"))))
        start = os.path.realpath(plan.settings.checkpoint_path or os.devnull) + os.sep
        # Its accuracy would count for this run; it stays where the run starts from its weights.
        is_best = os.path.isdir(best) and not start.startswith(os.path.realpath(best) + os.sep)
        # A run that was killed before its first checkpoint has settings, and its own table alone.
        has_settings = os.path.lexists(os.path.join(run.checkpoints_dir, settings.FILENAME))
        # One that had any has a list of them, which ``upkeep.recover`` has set aside.
        listed = upkeep.all_set_aside(os.path.join(run.checkpoints_dir, upkeep.LIST_FILENAME))
        why = "of a run of this name whose checkpoints are gone"
        if is_best or listed or not (has_settings and there <= {table_path}):
            for folder, old in (run.summaries_dir, there), (run.checkpoints_dir, [best] * is_best):
                if old:
                    report("%s: %s" % (folder, upkeep.set_aside(sorted(old), why)))
    table = step_table.StepTable(table_path, step_table.TRAINING_COLUMNS, step_number)
    _write_settings(run, kept)
    writer = None
    # Without summaries, too, a new start says that earlier events of its steps no longer count.
    if logging.save_summaries_secs or glob.glob(within + "tfevents*"):
        writer = event_writer.EventWriter(run.summaries_dir)
    return saver, writer, table
