"""What is due after a step, each a small object: summarise, log, watch, save.

Before a step ``loop.Loop`` asks every callback what to fetch with it; afterwards it shows the step
to each in turn.
"""

import contextlib
import os
import time

from alexnet_flowers import memory
from alexnet_flowers.errors import DataError, WriteError
from alexnet_flowers.events import event_writer, step_table, tags
from alexnet_flowers.training import settings
from alexnet_flowers.training.callback import HEAVY, Callback
from alexnet_flowers.training.health import Health
from alexnet_flowers.training.speed import Speed, duration


class Interval:
    """A time that comes every so many seconds, whatever happens to the wall clock; 0: never."""

    def __init__(self, secs, at_once=False):
        """Starts it; ``at_once``: it is due now for the first time."""
        self._secs = secs
        self._due = time.monotonic() + (0 if at_once else secs)

    def is_due(self):
        """Says whether the time has come."""
        return self._secs > 0 and time.monotonic() >= self._due

    def restart(self):
        """Starts it again."""
        self._due = time.monotonic() + self._secs


class _Summaries(Callback):
    """Writes scalars and images every so many seconds, and of the first and the last step."""

    def __init__(self, writer, ops, speed, plan, report):
        self._writer = writer
        self._ops = ops
        self._report = report
        self._speed = speed
        self._images_per_step = plan.images_per_step
        self._interval = Interval(plan.options.logging.save_summaries_secs, at_once=True)

    def fetches(self, upcoming):
        if not (self._interval.is_due() or upcoming.is_last):
            return {}
        pictures = [one.fetches for one in self._ops.pictures]
        return {"summary": self._ops.summary, "pictures": pictures}

    def after(self, step):
        if "summary" not in step.fetched:
            return
        self._writer.add_summary(step.fetched["summary"], step.number)
        for picture, fetched in zip(self._ops.pictures, step.fetched["pictures"]):
            try:
                drawn = picture.summary(fetched)
            except Exception as error:  # Whatever it is, a picture is not worth a run.
                self._report(
                    "step %d: a picture for TensorBoard is left out: %s" % (step.number, error)
                )
                continue
            self._writer.add_summary(drawn, step.number)
        images_per_sec = self._speed.steps_per_sec() * self._images_per_step
        event_writer.write_scalars(self._writer, {tags.IMAGES_PER_SEC: images_per_sec}, step.number)
        self._writer.flush()
        self._interval.restart()


class _Histograms(Callback):
    """Writes histograms every so many seconds, and of the last step.

    The first ones come with the second step: they take seconds, and a user waits for the first.
    """

    _is_first_step = True

    def __init__(self, writer, histograms, secs):
        self._writer = writer
        self._histograms = histograms
        self._interval = Interval(secs, at_once=True)

    def fetches(self, upcoming):
        is_due = self._interval.is_due() and not self._is_first_step
        self._is_first_step = False
        return {"histograms": self._histograms} if is_due or upcoming.is_last else {}

    def after(self, step):
        if "histograms" in step.fetched:
            self._writer.add_summary(step.fetched["histograms"], step.number)
            self._writer.flush()
            self._interval.restart()


class _TrimMemory(Callback):
    """Gives back the memory that a heavy step took beyond that of other steps."""

    def after(self, step):
        if HEAVY & set(step.fetched):
            memory.give_back()


class _Log(Callback):
    """Reports a line every so many steps, and after the last one."""

    def __init__(self, plan, speed, report):
        self._plan = plan
        self._speed = speed
        self._report = report
        self._losses, self._accuracies = [], []

    def after(self, step):
        self._losses.append(float(step.fetched["loss"]))
        self._accuracies.append(float(step.fetched["accuracy"]))
        if not (_passes(self._plan.options.logging.log_every_n_steps, step) or step.is_last):
            return
        plan = self._plan
        self._report(
            "step %*d/%d  epoch %.2f  loss %.4f  accuracy %.3f  %.1f images/s  %s left"
            % (
                len(str(plan.num_steps)),
                step.number,
                plan.num_steps,
                plan.epoch(step.number),
                sum(self._losses) / len(self._losses),
                sum(self._accuracies) / len(self._accuracies),
                self._speed.steps_per_sec() * plan.images_per_step,
                duration(plan.num_steps - step.number, self._speed.steps_per_sec_of_all()),
            )
        )
        self._losses, self._accuracies = [], []


class _Forecast(Callback):
    """Says once, after the first steps that are a measure, how long the run is going to take."""

    _LONG_SECS = 6 * 3600

    def __init__(self, plan, speed, report):
        self._plan = plan
        self._speed = speed
        self._report = report
        self._num_seen = 0

    def after(self, step):
        if self._report is None or not self._speed.is_known():
            self._num_seen += 1
            return
        num_left = self._plan.num_steps - step.number
        steps_per_sec = self._speed.steps_per_sec()
        is_long = num_left / steps_per_sec > self._LONG_SECS
        # A line of the console may have told it already.
        if is_long or num_left and self._num_seen < self._plan.options.logging.log_every_n_steps:
            hint = "; --max_number_of_steps makes fewer, and docs/recipes.md has shorter runs"
            self._report(
                "%s for the %d steps that are left%s"
                % (duration(num_left, steps_per_sec), num_left, hint if is_long else "")
            )
        self._report = None


class _Table(Callback):
    """Adds a line to ``training.csv`` for each step."""

    def __init__(self, table, speed, plan):
        self._table = table
        self._speed = speed
        self._plan = plan

    def after(self, step):
        if step.number <= step.before:  # In a cluster: it is counted with a later one.
            return
        names = step_table.TRAINING_COLUMNS[2:-1]
        images_per_sec = self._speed.steps_per_sec() * self._plan.images_per_step
        self._table.add(
            [step.number, self._plan.epoch(step.number)]
            + [step.fetched[name] for name in names]
            + [images_per_sec]
        )

    def after_failure(self, step):
        with contextlib.suppress(WriteError):  # The step is saved, so it is not made again.
            self.after(step)


class _Watch(Callback):
    """Reports signs that the run is going nowhere; see ``health``."""

    def __init__(self, ops, plan, report):
        self._largest = ops.largest
        self._every = plan.options.logging.log_every_n_steps
        self._health = Health(plan.split.num_classes)
        self._report = report

    def fetches(self, upcoming):
        is_due = _lies_in(self._every, upcoming.before, upcoming.latest)
        return {"largest": self._largest} if is_due else {}

    def after(self, step):
        cross_entropy = float(step.fetched["cross_entropy"])
        warnings = [self._health.observe_cross_entropy(step.number, cross_entropy)]
        warnings += self._health.observe_layers(step.number, step.fetched.get("largest", {}))
        for warning in filter(None, warnings):
            self._report(warning)


class Diverged(DataError):
    """The network has become NaN or infinite."""


class _Save(Callback):
    """Writes a checkpoint every so many steps or seconds, and after the last step.

    Raises ``Diverged`` where it would write NaN or infinity, the ``WriteError`` of its saver, and
    ``DataError`` where the run's folder is gone: TensorFlow would make one that has no settings.
    """

    def __init__(self, saver, path, ops, logging, speed, table):
        """Takes the checkpoints' path, to which ``-<step>`` is added."""
        self._speed = speed
        self._saver = saver
        self._path = path
        self._ops = ops
        self._table = table
        self._every = logging.save_interval_steps, logging.eval_every_n_steps
        self._interval = Interval(logging.save_interval_secs)

    def after(self, step):
        is_due = any(_passes(every, step) for every in self._every)
        if step.is_last or is_due or self._interval.is_due():
            try:
                self._table.make_lasting()  # A run that goes on from here misses no line.
            finally:  # The checkpoints may lie on another disk.
                self._save(step)
            # Other workers may go on; slim, which saves at its end, would save that unchecked.
            self._saver.is_finished = step.is_last

    def after_failure(self, step):
        self._save(step)  # The checkpoints may lie on another disk.

    def _save(self, step):
        self._speed.disturb()
        kept = os.path.join(os.path.dirname(self._path), settings.FILENAME)
        if not os.path.exists(kept):
            raise DataError("%s: is gone; step %d is not saved" % (kept, step.number))
        # The loss is checked at every step, but before its update; what it has made of the
        # variables must not reach a checkpoint.
        if not step.session.run(self._ops.is_finite, self._ops.noise):
            raise Diverged(
                "step %d, learning rate %g: the loss or a variable has become NaN or infinite"
                % (step.number, step.fetched["learning_rate"])
            )
        self._saver.save(step.session, self._path, global_step=step.number)
        self._interval.restart()


class _Evaluate(Callback):
    """Has the checkpoint of every so many steps evaluated, and that of the last step of the run."""

    def __init__(self, evaluate, path, plan, speed):
        self._evaluate = evaluate
        self._path = path
        self._every = plan.options.logging.eval_every_n_steps
        self._num_steps = plan.num_steps
        self._speed = speed

    def after(self, step):
        is_end = step.number >= self._num_steps
        if step.is_last and not is_end:
            return False  # Whoever has sent a signal does not wait for it.
        if not (is_end or _passes(self._every, step)):
            return False
        self._speed.disturb()
        is_enough = self._evaluate("%s-%d" % (self._path, step.number), is_end)
        memory.give_back()
        return is_enough


def build(ops, plan, saver, writer, table, path, report, evaluate=None):
    """Returns the callbacks of a training process, in their order.

    Args:
      ops: a ``training_graph.StepOps``.
      plan: a ``plan.Plan``.
      saver: a ``saving.Saver``; None: no checkpoints.
      writer: an ``event_writer.EventWriter``; None: no summaries.
      table: a ``step_table.StepTable``, None where ``saver`` is.
      path: the checkpoints' path, to which ``-<step>`` is added.
      report: called with each line of the console.
      evaluate: see ``train.train``.
    """
    logging = plan.options.logging
    speed = Speed()
    built = [speed]
    if writer is not None:
        built.append(_Summaries(writer, ops, speed, plan, report))
        if ops.histograms is not None:
            built.append(_Histograms(writer, ops.histograms, logging.save_histograms_secs))
    built.append(_TrimMemory())
    if table is not None:
        built.append(_Table(table, speed, plan))
    if logging.log_every_n_steps:
        built += [_Log(plan, speed, report), _Forecast(plan, speed, report)]
    built.append(_Watch(ops, plan, report))
    if saver is not None:
        built.append(_Save(saver, path, ops, logging, speed, table))
        if evaluate is not None:
            built.append(_Evaluate(evaluate, path, plan, speed))
    return built


def _passes(every, step):
    return _lies_in(every, step.before, step.number)


def _lies_in(every, before, after):
    """Says whether a multiple lies in (before, after]: a worker sees only some step numbers."""
    return every > 0 and after // every > before // every
