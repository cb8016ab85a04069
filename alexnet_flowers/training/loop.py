"""The training loop: one step after the other, and what is due between them.

``slim.learning.train`` calls ``Loop.step``. slim itself saves and summarises from threads, while
the variables change: a checkpoint can then hold half of a step, and a summary shows a batch that
was never trained on. Here both happen between steps; slim keeps the session and the recovery.
"""

import collections
import signal
import time

from alexnet_flowers import devices, memory
from alexnet_flowers.errors import DataError, WriteError, first_line
from alexnet_flowers.events import event_writer, tags
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training.health import Health

StepOps = collections.namedtuple(
    "StepOps",
    ["train_op", "step_after", "global_step", "rate", "cross_entropy", "batch_accuracy", "update"]
    + ["largest", "is_finite", "summary", "predictions", "histograms", "sync_optimizer"],
)
StepOps.__doc__ = """What a step can run.

Attributes:
  train_op: float32 [], the loss, once the step is made.
  step_after: int64 [], the number of steps made, this one included.
  global_step: the step's variable.
  rate: float32 [], the learning rate.
  cross_entropy: float32 [], of this batch.
  batch_accuracy: float32 [], likewise.
  update: the operation that counts the batch in the streaming metrics.
  largest: a dict of layer to its largest value for this batch, float32 [].
  is_finite: bool [], whether all model variables, and the loss of another batch, are; to be run
    between steps.
  summary: string [], scalars and images.
  predictions: a ``summaries.Predictions``, or None.
  histograms: string [], or None.
  sync_optimizer: a ``tf.train.SyncReplicasOptimizer``, or None: for ``slim.learning.train``.
"""


class Diverged(DataError):
    """The network has become NaN or infinite."""


class Saver(tf.train.Saver):
    """Saves each step once, and keeps no more checkpoints than ``max_to_keep``.

    slim saves the last step again, and takes no notice if that fails. TensorFlow removes one
    checkpoint for each that it writes, however many a run has that was begun with another number.
    """

    _saved_step = None
    _surplus = ()

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes on the checkpoints that a run has, oldest first; slim calls it on resuming."""
        first_kept = max(0, len(checkpoint_paths) - self.saver_def.max_to_keep)
        self._surplus = checkpoint_paths[:first_kept]
        super().recover_last_checkpoints(checkpoint_paths[first_kept:])

    def save(self, session, path, global_step, **kwargs):
        """Saves, unless that step is saved; ``global_step`` is an int or the step's variable.

        Raises:
          WriteError: the checkpoint cannot be written.
        """
        step = int(global_step if isinstance(global_step, int) else session.run(global_step))
        if step == self._saved_step:
            return
        for surplus in self._surplus:
            tf.train.remove_checkpoint(surplus)
        self._surplus = ()
        try:
            super().save(session, path, global_step=step, **kwargs)
        except tf.errors.OpError as error:
            # Not the error itself: slim takes some of its kinds for the end of the training.
            raise WriteError("the step cannot be saved: %s" % first_line(error))
        self._saved_step = step


class Loop:
    """Makes steps until the last one, or until a signal.

    Attributes:
      step_number: int, the steps made so far; None before the first one of this process.
      rate: float, the learning rate of the last step; likewise.
      signal: int, the signal that asked for the end; None if none did.
    """

    def __init__(
        self, ops, saver, writer, path, num_steps, split, images_per_step, logging, place, report
    ):
        """Prepares it.

        Args:
          ops: ``StepOps``.
          saver: a ``Saver``, or None for no checkpoints.
          writer: an ``event_writer.EventWriter``, or None for no summaries.
          path: the checkpoints' path, to which ``-<step>`` is added.
          num_steps: the number of the last step.
          split: the ``slim.dataset.Dataset`` that is trained on.
          images_per_step: int.
          logging: a ``training.Logging``.
          place: a ``cluster.Alone`` or ``cluster.Worker``.
          report: called with each line of the console.
        """
        self.step_number = None
        self.rate = None
        self.signal = None
        self._ops = ops
        self._saver = saver
        self._writer = writer
        self._path = path
        self._num_steps = num_steps
        self._num_samples = split.num_samples
        self._images_per_step = images_per_step
        self._logging = logging
        self._place = place
        self._num_under_way = place.num_under_way
        self._report = report
        self._health = Health(split.num_classes)
        self._summary_due = 0.0  # The first step is summarised.
        self._histograms_due = 0.0
        self._save_due = None
        self._made = None  # The steps before the one that is being made.
        self._marked = None  # When the rate was last computed, and the step then.
        self._steps_per_sec = None
        self._losses, self._accuracies, self._num_added = 0.0, 0.0, 0

    def step(self, session, train_op, global_step, kwargs):
        """Makes one step; slim calls it with these arguments and expects (loss, stop?).

        Raises:
          Diverged: the network has become NaN or infinite, where it would have been saved.
          WriteError: a checkpoint or an event cannot be written.
        """
        now = time.time()
        is_first = self._marked is None
        if is_first:
            self._marked = (now, int(session.run(self._ops.global_step)))
            self._save_due = now + self._logging.save_interval_secs
            if not self._place.is_chief and self._is_over(session, self._marked[1]):
                self.step_number = self._marked[1]
                return 0.0, True  # The others need no more of its steps.
        self._made = made = self._marked[1] if is_first else self.step_number
        comes_last = made + 1 >= self._num_steps
        fetches = {
            "loss": self._ops.train_op,
            "step": self._ops.step_after,
            "cross_entropy": self._ops.cross_entropy,
            "accuracy": self._ops.batch_accuracy,
            "rate": self._ops.rate,
            "update": self._ops.update,
        }
        every = self._logging.log_every_n_steps
        if every and _passes(every, made, made + self._num_under_way):
            fetches["largest"] = self._ops.largest
        if self._writer is not None and (now >= self._summary_due or comes_last):
            fetches["summary"] = self._ops.summary
            if self._ops.predictions is not None:
                fetches["predictions"] = self._ops.predictions.fetches
        # The first histograms come with the second step: they take seconds, and somebody waits to
        # see the first one.
        if (
            self._writer is not None
            and self._ops.histograms is not None
            and ((now >= self._histograms_due and not is_first) or comes_last)
        ):
            fetches["histograms"] = self._ops.histograms
        # One by one takes a tenth less memory at its peak, and the same in every step. Several
        # histograms at a time are computed faster.
        takes_more = "summary" in fetches or "histograms" in fetches
        fetched = session.run(fetches, options=None if takes_more else devices.ONE_BY_ONE)

        self.step_number, self.rate = int(fetched["step"]), float(fetched["rate"])
        self._losses += float(fetched["loss"])
        self._accuracies += float(fetched["accuracy"])
        self._num_added += 1
        is_last = self.signal is not None or self._is_over(session, self.step_number)
        try:
            self._summarise(fetched)
        except WriteError:
            self._save(session, is_last=True)  # The checkpoints may lie on another disk.
            raise
        self._log(is_last)
        self._warn(fetched)
        self._save(session, is_last)
        return fetched["loss"], is_last

    def _is_over(self, session, step_number):
        """Says whether this worker makes no more steps.

        As many steps may be under way as there are workers, and none may be one too many. So the
        others stop as many before the end, and the chief makes the last ones by itself.
        """
        if step_number + self._num_under_way <= self._num_steps:
            return False
        if not self._place.is_chief:
            return True
        if self._num_under_way > 1:
            self._place.wait_for_others()
            self._num_under_way = 1
            self.step_number = int(session.run(self._ops.global_step))
        return self.step_number >= self._num_steps

    def _summarise(self, fetched):
        now = time.time()
        if "summary" in fetched:
            self._writer.add_summary(fetched["summary"], self.step_number)
            if "predictions" in fetched:
                drawn = self._ops.predictions.summary(fetched["predictions"])
                self._writer.add_summary(drawn, self.step_number)
            rate = {tags.IMAGES_PER_SEC: self._measure_speed() * self._images_per_step}
            event_writer.write_scalars(self._writer, rate, self.step_number)
            self._summary_due = now + self._logging.save_summaries_secs
        if "histograms" in fetched:
            self._writer.add_summary(fetched["histograms"], self.step_number)
            self._histograms_due = now + self._logging.save_histograms_secs
        if "summary" in fetched or "histograms" in fetched:
            self._writer.flush()
            memory.give_back()  # Such a step takes more of it than the others.

    def _measure_speed(self):
        """Returns the steps per second since this was last asked for at another step."""
        now = time.time()
        since, step_then = self._marked
        if self.step_number > step_then:
            self._steps_per_sec = (self.step_number - step_then) / max(now - since, 1e-9)
            self._marked = (now, self.step_number)
        return self._steps_per_sec

    def _log(self, is_last):
        every = self._logging.log_every_n_steps
        if not every or not (_passes(every, self._made, self.step_number) or is_last):
            return
        steps_per_sec = self._measure_speed()
        self._report(
            "step %*d/%d  epoch %.2f  loss %.4f  accuracy %.3f  %.1f images/s  %s left"
            % (
                len(str(self._num_steps)),
                self.step_number,
                self._num_steps,
                self.step_number * self._images_per_step / float(self._num_samples),
                self._losses / self._num_added,
                self._accuracies / self._num_added,
                steps_per_sec * self._images_per_step,
                _duration((self._num_steps - self.step_number) / steps_per_sec),
            )
        )
        self._losses, self._accuracies, self._num_added = 0.0, 0.0, 0

    def _warn(self, fetched):
        warnings = [self._health.observe_loss(self.step_number, float(fetched["cross_entropy"]))]
        warnings += self._health.observe_layers(self.step_number, fetched.get("largest", {}))
        for warning in filter(None, warnings):
            self._report(warning)

    def _save(self, session, is_last):
        by_steps = self._logging.save_interval_steps
        is_due = (by_steps and _passes(by_steps, self._made, self.step_number)) or (
            self._logging.save_interval_secs and time.time() >= self._save_due
        )
        if self._saver is None or not (is_due or is_last):
            return
        # The loss is checked at every step, but before its update; what it has made of the
        # variables must not reach a checkpoint.
        if not session.run(self._ops.is_finite):
            raise Diverged(
                "step %d, learning rate %g: the loss or a variable has become NaN or infinite"
                % (self.step_number, self.rate)
            )
        self._saver.save(session, self._path, global_step=self.step_number)
        self._save_due = time.time() + self._logging.save_interval_secs

    def stopped_by(self, *signals):
        """Returns a context in which the first of these signals ends the loop after a step."""
        return _Signals(self, signals)


class _Signals:
    """Notes a signal in a loop; a second one has its usual effect at once."""

    def __init__(self, loop, signals):
        self._loop = loop
        self._previous = dict.fromkeys(signals)

    def __enter__(self):
        for number in self._previous:
            self._previous[number] = signal.signal(number, self._note)

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number, _):
        self._loop.signal = number
        signal.signal(number, self._previous[number])


def _passes(every, before, after):
    """Says whether a multiple lies in (before, after]: of many workers' steps, one sees a few."""
    return after // every > before // every


def _duration(secs):
    minutes = int(round(secs / 60))
    if minutes < 1:
        return "%ds" % round(secs)
    return "%dh %02dm" % divmod(minutes, 60) if minutes >= 60 else "%dm" % minutes
