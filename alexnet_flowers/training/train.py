"""Training: the graph, and ``slim.learning.train`` around the loop."""

import contextlib
import os
import signal

from alexnet_flowers import devices, memory
from alexnet_flowers.data import record_check
from alexnet_flowers.distributed import places, server
from alexnet_flowers.errors import (
    DataError,
    WriteError,
    advice_for,
    first_line,
    is_for_want_of_room,
)
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import (
    callbacks,
    checkpoints,
    optimization,
    run_folders,
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
    with run_folders.owned(run if place.is_chief else None) as folders, place.joined(agreed):
        newest, step_number = None, 0
        if place.is_chief:
            newest, step_number, lines = run_folders.to_continue(
                run, plan.kept, plan.options.allow_changed_settings, report
            )
            is_end = step_number >= plan.num_steps
            # Of other photos there is nothing to catch up on.
            is_enough = (
                newest
                and evaluation
                and run_folders.are_its_photos(run, plan.kept)
                and evaluation.catch_up(newest, step_number, is_end)
            )
            if is_end:
                report(
                    "%s: finished already, at step %d of %d; more steps continue it"
                    % (run.name, step_number, plan.num_steps)
                )
            if is_end or is_enough:
                kept = settings.read(run.checkpoints_dir) or plan.kept
                if step_number < settings.last_step(kept):  # Whoever watches the run waits for it.
                    settings.write_ended(run.checkpoints_dir, kept, step_number)
                return None
            for line in [*lines, *schedules.remarks(plan.settings, plan.num_steps)]:
                report(line)
        with tf.Graph().as_default(), run_folders.settings_of_what_is_saved(run, newest):
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
        if place.is_chief:
            saving.check_size_limit(tf.global_variables())
            lack = saving.lack_of_room(run.checkpoints_dir, tf.global_variables())
            if lack:
                report(lack)
        self._init_fn = self._saver = self._writer = table = None
        # A checkpoint lies where the chief runs. By itself TensorFlow 1.15 takes the first device,
        # by name: that of a server, and so its disk.
        with tf.device(place.own_device()):
            if newest:
                saving.check_continues(newest, tf.global_variables())
            elif place.is_chief:
                self._init_fn = saving.warm_start(plan.settings, plan.split.labels_to_names, report)
            if place.is_chief:
                begun = run_folders.begin(run, plan, newest, step_number, report)
                self._saver, self._writer, table = begun
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


def _agreed(run, kept):
    """Returns what all workers of a run must agree on; where it starts from, the chief decides."""
    agreed = dict(kept["dataset"], run_name=run.name, num_steps=kept["num_steps"])
    agreed.update(kept["settings"])
    for name in ("checkpoint_path", "checkpoint_exclude_scopes", "ignore_missing_vars"):
        del agreed[name]
    return settings.for_a_message(agreed)
