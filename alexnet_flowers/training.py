"""Training: ``slim.learning.train`` with a step that saves, summarises and stops when it should.

What it leaves::

    runs/checkpoints/<run>/checkpoint, model.ckpt-<step>.*   resumed from
    runs/checkpoints/<run>/graph.pbtxt
    runs/checkpoints/<run>/settings.json                     what the run means
    runs/checkpoints/<run>/labels.txt                        its classes
    runs/summaries/<run>/events.*                            for TensorBoard

slim saves and summarises from threads of its own, while the variables change: a checkpoint can
then hold half of a step, and a summary shows a batch that was never trained on. Here both happen
between steps, in the loop; slim keeps the session, the recovery and the last save.
"""

import collections
import math
import os
import signal
import time
import warnings

from alexnet_flowers import (
    batches,
    checkpoints,
    conversion,
    dataset,
    devices,
    memory,
    network,
    optimization,
    records,
    settings,
    summaries,
)
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import slim, tf

Logging = collections.namedtuple(
    "Logging",
    [
        "log_every_n_steps",
        "save_summaries_secs",
        "save_interval_secs",
        "save_interval_steps",
        "max_to_keep",
        "keep_checkpoint_every_n_hours",
        "histograms",
        "max_images",
    ],
)
Logging.__new__.__defaults__ = (10, 60, 600, 0, 5, 10000.0, True, 4)
Logging.__doc__ = """What is written down of a run, and when.

Attributes:
  log_every_n_steps: a line on the console; 0: none.
  save_summaries_secs: summaries, always of a batch that was trained on; 0: none.
  save_interval_secs: checkpoints by time; 0: none.
  save_interval_steps: checkpoints by steps too; 0: none.
  max_to_keep: how many of the newest checkpoints stay.
  keep_checkpoint_every_n_hours: one of each so many hours stays for good.
  histograms: whether summaries hold the histograms of end points and weights.
  max_images: how many images of the batch they hold; 0: none.
"""

Queues = collections.namedtuple(
    "Queues",
    [
        "num_readers",
        "num_preprocessing_threads",
        "common_queue_capacity",
        "common_queue_min",
        "batch_queue_capacity",
    ],
)
Queues.__new__.__defaults__ = (4, 4, None, None, None)
Queues.__doc__ = """How the photos are read; see ``batches.training_batches``."""

DEFAULT_LOGGING = Logging()
DEFAULT_QUEUES = Queues()


def train(
    run,
    dataset_dir,
    run_settings,
    num_epochs=700,
    max_number_of_steps=None,
    logging=DEFAULT_LOGGING,
    queues=DEFAULT_QUEUES,
    device="auto",
    use_gradient_rules=None,
    intra_op_threads=0,
    inter_op_threads=0,
    allow_changed_settings=False,
    report=print,
):
    """Trains a run to its end, from its newest checkpoint if it has one.

    SIGINT and SIGTERM end it after the current step, with a checkpoint of that step.

    Args:
      run: a ``checkpoints.Run``.
      dataset_dir: where the shards are.
      run_settings: a ``settings.Settings``.
      num_epochs: the length of the run, unless ``max_number_of_steps`` gives it.
      max_number_of_steps: its length in steps, or None.
      logging: a ``Logging``.
      queues: a ``Queues``.
      device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
      use_gradient_rules: see ``network.alexnet_v2``; None: on a CPU.
      intra_op_threads: TensorFlow's; 0: one a core.
      inter_op_threads: TensorFlow's; 0: one a core.
      allow_changed_settings: continue a run although its settings differ.
      report: called with each line of the console.

    Returns:
      The signal that ended it early, None if it is finished.

    Raises:
      DataError: the dataset, a checkpoint or a folder is not as it has to be; or the loss is NaN.
      UsageError: settings that cannot be meant, or that differ from those of the run so far.
    """
    _check(run_settings, logging, queues)
    device = devices.resolve(device)
    if device == "cpu":
        memory.keep_freed()
    split = dataset.get_split("train", dataset_dir)
    if run_settings.batch_size > split.num_samples:
        raise UsageError(
            "--batch_size %d: the train split has only %d photos"
            % (run_settings.batch_size, split.num_samples)
        )
    num_steps = max_number_of_steps or int(
        math.ceil(num_epochs * split.num_samples / float(run_settings.batch_size))
    )
    num_decay_steps = optimization.decay_steps(
        run_settings.learning_rate_decay_type,
        run_settings.num_epochs_per_decay,
        split.num_samples,
        run_settings.batch_size,
        num_steps,
    )
    run_settings = _complete(run_settings)
    newest = checkpoints.newest(run.checkpoints_dir)
    _keep_settings(
        run,
        dataset_dir,
        split,
        run_settings,
        num_decay_steps,
        num_steps,
        newest,
        allow_changed_settings,
        report,
    )
    if newest:
        step = checkpoints.global_step_of(newest)
        if step >= num_steps:
            report(
                "%s: finished already, at step %d of %d; more steps continue it"
                % (run.name, step, num_steps)
            )
            return None
        report("%s: continued from %s" % (run.name, newest))
        if run_settings.checkpoint_path:
            report("--checkpoint_path is where the run once started; its own checkpoint is newer")

    graph = tf.Graph()
    with graph.as_default():
        if run_settings.seed is not None:
            tf.set_random_seed(run_settings.seed)
        step_ops, init_fn = _build(
            split,
            run_settings,
            num_decay_steps,
            logging,
            queues,
            device == "cpu" if use_gradient_rules is None else use_gradient_rules,
            warm=bool(run_settings.checkpoint_path and not newest),
        )
        saver = tf.train.Saver(
            max_to_keep=logging.max_to_keep,
            keep_checkpoint_every_n_hours=logging.keep_checkpoint_every_n_hours,
            save_relative_paths=True,  # So that a run can be moved.
        )
        writer = tf.summary.FileWriter(run.summaries_dir) if logging.save_summaries_secs else None
        loop = _Loop(
            step_ops,
            saver,
            writer,
            os.path.join(run.checkpoints_dir, "model.ckpt"),
            num_steps,
            split.num_samples,
            run_settings.batch_size,
            logging,
            report,
        )
        with loop.stopped_by(signal.SIGINT, signal.SIGTERM), warnings.catch_warnings():
            # slim stops its supervisor twice; the second time finds the writer closed.
            warnings.filterwarnings("ignore", "Attempting to use a closed FileWriter")
            try:
                slim.learning.train(
                    step_ops.train_op,
                    run.checkpoints_dir,
                    train_step_fn=loop.step,
                    train_step_kwargs={},
                    graph=graph,
                    global_step=step_ops.global_step,
                    number_of_steps=num_steps,
                    init_fn=init_fn,
                    summary_op=None,
                    summary_writer=writer,
                    save_summaries_secs=0,
                    saver=saver,
                    save_interval_secs=0,
                    session_config=devices.session_config(
                        device, intra_op_threads, inter_op_threads
                    ),
                    ignore_live_threads=True,
                )
            except tf.errors.OpError as error:
                raise _explained(error, loop, run)
        report(loop.last_words(run))
        return loop.signal


def _check(run_settings, logging, queues):
    """Raises ``UsageError`` for a number that cannot be meant."""
    network.check_image_size(run_settings.image_size)

    def check(name, value, is_right, rule):
        if value is not None and not is_right(value):
            raise UsageError("--%s=%s: must be %s" % (name, value, rule))

    for name in ("batch_size",):
        check(name, getattr(run_settings, name), lambda x: x >= 1, "at least 1")
    for name in (
        "learning_rate",
        "dropout_keep_prob",
        "learning_rate_decay_factor",
        "num_epochs_per_decay",
        "opt_epsilon",
    ):
        check(name, getattr(run_settings, name), lambda x: x > 0, "above 0")
    for name in ("weight_decay", "clip_gradient_norm", "end_learning_rate", "warmup_steps"):
        check(name, getattr(run_settings, name), lambda x: x >= 0, "at least 0")
    for name in ("label_smoothing", "moving_average_decay"):
        check(name, getattr(run_settings, name), lambda x: 0 <= x < 1, "in [0, 1)")
    check("dropout_keep_prob", run_settings.dropout_keep_prob, lambda x: x <= 1, "at most 1")
    for part in (logging, queues):
        for name, value in part._asdict().items():
            check(name, value, lambda x: x >= 0, "at least 0")
    for name in ("num_readers", "num_preprocessing_threads"):
        check(name, getattr(queues, name), lambda x: x >= 1, "at least 1")
    if run_settings.optimizer not in optimization.OPTIMIZERS:
        raise UsageError(
            "--optimizer: %r is none of %s"
            % (run_settings.optimizer, ", ".join(optimization.OPTIMIZERS))
        )
    if run_settings.weight_decay and not run_settings.arg_scope:
        raise UsageError("--weight_decay needs --arg_scope: it is what applies it")


def _complete(run_settings):
    """Returns the settings with the numbers that None stood for."""
    completed = {}
    if run_settings.learning_rate is None:
        completed["learning_rate"] = optimization.default_learning_rate(run_settings.optimizer)
    if run_settings.opt_epsilon is None:
        completed["opt_epsilon"] = optimization.default_epsilon(run_settings.optimizer)
    return run_settings._replace(**completed)


def _keep_settings(
    run, dataset_dir, split, run_settings, num_decay_steps, num_steps, newest, allow, report
):
    """Compares with the settings the run was started with, and writes those of now."""
    info = conversion.read_info(dataset_dir)
    now = {
        "settings": dict(run_settings._asdict(), decay_steps=num_decay_steps),
        "dataset": {
            "archive_sha256": info["archive_sha256"] if info else None,
            "split_seed": info["request"]["seed"] if info else None,
            "num_photos": split.num_samples,
            "classes": [split.labels_to_names[label] for label in range(split.num_classes)],
        },
        "num_steps": num_steps,
    }
    before = settings.read(run.checkpoints_dir) if newest else None
    if before is not None:
        for difference in settings.check_unchanged(run.checkpoints_dir, before, now, allow):
            report("changed: " + difference)
    os.makedirs(run.summaries_dir, exist_ok=True)
    settings.write(run.checkpoints_dir, now)
    records.write_labels(
        os.path.join(run.checkpoints_dir, records.LABELS_FILENAME), now["dataset"]["classes"]
    )


_StepOps = collections.namedtuple(
    "_StepOps",
    ["train_op", "step_after", "global_step", "total_loss", "rate", "metrics", "summary"],
)


def _build(split, run_settings, num_decay_steps, logging, queues, use_gradient_rules, warm):
    """Builds the training graph; returns its ``_StepOps`` and slim's ``init_fn``."""
    with tf.device(devices.INPUT_DEVICE):
        global_step = tf.train.get_or_create_global_step()
    batch = batches.training_batches(
        split,
        run_settings.batch_size,
        run_settings.image_size,
        fast_mode=run_settings.fast_mode,
        seed=run_settings.seed,
        **queues._asdict(),
    )
    logits, end_points = network.alexnet_v2(
        batch.images,
        split.num_classes,
        is_training=True,
        dropout_keep_prob=run_settings.dropout_keep_prob,
        use_arg_scope=run_settings.arg_scope,
        weight_decay=run_settings.weight_decay,
        use_gradient_rules=use_gradient_rules,
    )
    cross_entropy, total_loss = optimization.losses(
        logits, batch.labels, run_settings.label_smoothing
    )
    rate = optimization.learning_rate(run_settings, num_decay_steps, global_step)
    metrics = summaries.streaming_metrics(logits, batch.labels)
    init_fn = None
    if warm:
        init_fn = checkpoints.warm_start(
            run_settings.checkpoint_path, run_settings.checkpoint_exclude_scopes
        )
    train_op = optimization.train_op(run_settings, total_loss, rate, global_step)
    with tf.control_dependencies([train_op, metrics.update]):
        step_after = global_step.read_value()
        # Written after the update, so that no histogram sees a variable that is half of a step on.
        summary = [summaries.scalars(total_loss, cross_entropy, metrics, rate)]
        if logging.histograms:
            summary.append(summaries.histograms(end_points))
        if logging.max_images:
            shown = min(logging.max_images, run_settings.batch_size)
            summary.append(summaries.images(batch, run_settings.image_size, shown))
    ops = _StepOps(
        train_op, step_after, global_step, total_loss, rate, metrics, tf.summary.merge(summary)
    )
    return ops, init_fn


class _Loop:
    """One training step after the other, and what is due between them."""

    def __init__(
        self, ops, saver, writer, path, num_steps, num_samples, batch_size, logging, report
    ):
        self.signal = None
        self.step_number = None
        self.rate = None
        self._ops = ops
        self._saver = saver
        self._writer = writer
        self._path = path
        self._num_steps = num_steps
        self._num_samples = num_samples
        self._batch_size = batch_size
        self._logging = logging
        self._report = report
        self._fetches = {
            "loss": ops.train_op,
            "step": ops.step_after,
            "accuracy": ops.metrics.batch_accuracy,
            "rate": ops.rate,
        }
        self._summary_due = 0.0  # The first step is summarised.
        self._save_due = None
        self._saved_step = None
        self._logged = None
        self._losses = []
        self._accuracies = []

    def step(self, session, train_op, global_step, kwargs):
        """Makes one step; slim calls it with these arguments and expects (loss, stop?)."""
        now = time.time()
        if self._logged is None:
            self._start(session, now)
        summarise = self._writer is not None and now >= self._summary_due
        fetches = dict(self._fetches)
        if summarise:
            fetches["summary"] = self._ops.summary
        fetched = session.run(fetches)

        self.step_number, self.rate = int(fetched["step"]), float(fetched["rate"])
        self._losses.append(float(fetched["loss"]))
        self._accuracies.append(float(fetched["accuracy"]))
        is_last = self.step_number >= self._num_steps or self.signal is not None
        if summarise:
            self._writer.add_summary(fetched["summary"], self.step_number)
            self._summary_due = time.time() + self._logging.save_summaries_secs
        self._log(is_last, summarise)
        if not is_last:  # slim saves the last step.
            self._save_if_due(session)
        return fetched["loss"], is_last

    def _start(self, session, now):
        self._logged = (now, int(session.run(self._ops.global_step)))
        self._save_due = now + self._logging.save_interval_secs

    def _log(self, is_last, summarise):
        due = self._logging.log_every_n_steps and (
            self.step_number % self._logging.log_every_n_steps == 0 or is_last
        )
        if not due and not summarise:
            return
        now = time.time()
        since, step_then = self._logged
        steps_per_sec = (self.step_number - step_then) / max(now - since, 1e-9)
        images_per_sec = steps_per_sec * self._batch_size
        if summarise:
            summaries.write_scalars(
                self._writer, {summaries.IMAGES_PER_SEC_TAG: images_per_sec}, self.step_number
            )
            self._writer.flush()
        if due:
            self._report(
                "step %*d/%d  epoch %.2f  loss %.4f  accuracy %.3f  %.1f images/s  %s left"
                % (
                    len(str(self._num_steps)),
                    self.step_number,
                    self._num_steps,
                    self.step_number * self._batch_size / float(self._num_samples),
                    sum(self._losses) / len(self._losses),
                    sum(self._accuracies) / len(self._accuracies),
                    images_per_sec,
                    _duration((self._num_steps - self.step_number) / steps_per_sec),
                )
            )
            self._losses, self._accuracies = [], []
            self._logged = (now, self.step_number)

    def _save_if_due(self, session):
        by_steps = self._logging.save_interval_steps
        now = time.time()
        due = (by_steps and self.step_number % by_steps == 0) or (
            self._logging.save_interval_secs and now >= self._save_due
        )
        if due:
            self._saver.save(session, self._path, global_step=self.step_number)
            self._saved_step = self.step_number
            self._save_due = time.time() + self._logging.save_interval_secs

    def stopped_by(self, *signals):
        """Returns a context in which the first of these signals ends the loop after a step."""
        return _Signals(self, signals)

    def last_words(self, run):
        """Returns the line that ends the console's output."""
        how = "stopped" if self.signal is not None else "finished"
        return "%s: %s at step %d of %d; checkpoint %s" % (
            run.name,
            how,
            self.step_number,
            self._num_steps,
            checkpoints.newest(run.checkpoints_dir),
        )


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


def _duration(secs):
    minutes = int(round(secs / 60))
    if minutes < 1:
        return "%ds" % round(secs)
    return "%dh %02dm" % divmod(minutes, 60) if minutes >= 60 else "%dm" % minutes


def _explained(error, loop, run):
    """Returns the error for a person behind one of TensorFlow's."""
    message = error.message.split("\n")[0]
    if "LossTensor is inf or nan" in error.message:
        return DataError(
            "%s: the loss is NaN or infinite after step %s (learning rate %s); the last good "
            "checkpoint is %s; lower --learning_rate or set --clip_gradient_norm"
            % (run.name, loop.step_number or 0, loop.rate, checkpoints.newest(run.checkpoints_dir))
        )
    return DataError("%s: stopped after step %s: %s" % (run.name, loop.step_number or 0, message))
