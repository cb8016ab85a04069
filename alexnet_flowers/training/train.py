"""Training: the graph, what a run keeps, and ``slim.learning.train`` around the loop.

What it leaves::

    runs/checkpoints/<run>/checkpoint, model.ckpt-<step>.*   resumed from
    runs/checkpoints/<run>/graph.pbtxt
    runs/checkpoints/<run>/settings.json                     what the run means
    runs/checkpoints/<run>/labels.txt                        its classes
    runs/summaries/<run>/events.*                            for TensorBoard

A start that fails before the first step of a new run leaves nothing.
"""

import collections
import contextlib
import errno
import math
import os
import shutil
import signal
import types

from alexnet_flowers import devices, lock, memory
from alexnet_flowers.data import conversion, dataset, record_check, records
from alexnet_flowers.distributed import cluster
from alexnet_flowers.errors import DataError, UsageError, WriteError, first_line
from alexnet_flowers.events import event_writer
from alexnet_flowers.input import pipeline, resident, training_input
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, optimization, settings, training_graph
from alexnet_flowers.training.loop import Diverged, Loop, Saver

Logging = collections.namedtuple(
    "Logging",
    [
        "log_every_n_steps",
        "save_summaries_secs",
        "save_histograms_secs",
        "save_interval_secs",
        "save_interval_steps",
        "max_to_keep",
        "keep_checkpoint_every_n_hours",
        "max_images",
    ],
)
Logging.__new__.__defaults__ = (10, 60, 300, 600, 0, 5, 10000.0, 4)
Logging.__doc__ = """What is written down of a run, and when.

Attributes:
  log_every_n_steps: a line on the console; 0: none.
  save_summaries_secs: scalars and images, always of a batch that was trained on; 0: no summaries.
  save_histograms_secs: histograms of end points and weights, which take seconds; 0: none.
  save_interval_secs: checkpoints by time; 0: none.
  save_interval_steps: checkpoints by steps too; 0: none.
  max_to_keep: how many of the newest checkpoints stay.
  keep_checkpoint_every_n_hours: one of each so many hours stays for good.
  max_images: how many images of the batch the summaries hold; 0: none.
"""

DEFAULT_LOGGING = Logging()
DEFAULT_COMPUTE = devices.Compute()


def train(
    run,
    dataset_dir,
    run_settings,
    num_epochs=700,
    max_number_of_steps=None,
    logging=DEFAULT_LOGGING,
    queues=pipeline.DEFAULT_QUEUES,
    compute=DEFAULT_COMPUTE,
    members=None,
    give_up=None,
    allow_changed_settings=False,
    skip_bad_records=0,
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
      queues: a ``pipeline.Queues``.
      compute: a ``devices.Compute``.
      members: a ``cluster.Cluster`` with this process's place in it; None: it trains alone.
      give_up: of such a process: see ``cluster.Worker``.
      allow_changed_settings: continue a run although its settings differ.
      skip_bad_records: see ``dataset.get_split``.
      report: called with each line of the console.

    Returns:
      The signal that ended it early, None if it is finished.

    Raises:
      DataError: the dataset, a checkpoint or a folder is not as it has to be; the loss or a
        variable is NaN or infinite; the disk is full; the cluster's servers are not there.
      UsageError: settings that cannot be meant, or that differ from those of the run so far.
    """
    run_settings = settings.complete(run_settings)
    settings.check(run_settings)
    num_clones = compute.num_clones
    threads = (compute.intra_op_threads, compute.inter_op_threads)
    _check(logging, queues, run_settings.batch_size, num_epochs, max_number_of_steps, num_clones)
    if members is not None:
        cluster.check(members)
        if members.job_name == "ps":
            memory.keep_freed()
            devices.resolve("cpu")
            config = devices.session_config("cpu", *threads)
            return cluster.serve(members, config, report)
    device = devices.resolve(compute.device, num_clones)
    if device == "cpu":
        memory.keep_freed()
    obstacle = run_settings.mixed_precision and devices.mixed_precision_obstacle(device)
    if obstacle:
        raise UsageError("--mixed_precision: " + obstacle)
    split = dataset.get_split("train", dataset_dir, skip_bad_records, report)
    config = devices.session_config(device, *threads, run_settings.mixed_precision)
    place = cluster.Alone() if members is None else cluster.Worker(members, config, give_up)
    num_replicas = num_clones * (place.num_workers if place.sync_replicas else 1)
    part = dataset.part(split, place.task_index, place.num_workers)
    if run_settings.batch_size * num_clones > part.num_samples:
        raise UsageError(
            "--batch_size %d: the train split has only %d photos%s"
            % (
                run_settings.batch_size,
                part.num_samples,
                "" if part is split else " for this worker",
            )
        )
    num_steps = max_number_of_steps or int(
        math.ceil(num_epochs * split.num_samples / float(run_settings.batch_size * num_replicas))
    )
    num_decay_steps = optimization.decay_steps(
        run_settings, split.num_samples, num_steps, num_replicas
    )
    kept = {
        "settings": settings.meaning(run_settings, num_decay_steps, num_replicas),
        "dataset": _identity(dataset_dir, split),
        "num_steps": num_steps,
    }

    use_gradient_rules = compute.gradient_rules
    if use_gradient_rules is None:
        use_gradient_rules = device == "cpu"
    place.join()
    with _leaving(place), _own_folders(run if place.is_chief else None) as folders:
        newest = None
        if place.is_chief:
            newest = _to_continue(run, kept, allow_changed_settings, report)
            if newest and checkpoints.global_step_of(newest) >= num_steps:
                report(
                    "%s: finished already, at step %d of %d; more steps continue it"
                    % (run.name, checkpoints.global_step_of(newest), num_steps)
                )
                return None
        request = training_input.Request(
            run_settings.batch_size,
            resident.Distortions(
                run_settings.image_size, run_settings.fast_mode, run_settings.min_crop_area
            ),
            queues,
            run_settings.seed,
            devices.of_clones(device, num_clones),
        )
        photos = training_input.choose(compute.input, part, request, device, report)
        with tf.Graph().as_default():
            if run_settings.seed is not None:
                tf.set_random_seed(run_settings.seed + place.task_index)
            with tf.device(place.variables_device()):
                ops = training_graph.build(
                    part,
                    run_settings,
                    num_decay_steps,
                    logging,
                    request,
                    photos,
                    use_gradient_rules,
                    place,
                )
            init_fn = saver = writer = None
            if newest:
                checkpoints.check_continues(newest, tf.global_variables())
            elif place.is_chief and run_settings.checkpoint_path:
                init_fn = checkpoints.warm_start(
                    run_settings.checkpoint_path, run_settings.checkpoint_exclude_scopes
                )
            if place.is_chief:
                saver, writer = _begin(run, kept, logging)
            loop = Loop(
                ops,
                saver,
                writer,
                os.path.join(run.checkpoints_dir, "model.ckpt"),
                num_steps,
                split,
                run_settings.batch_size * num_replicas,
                logging,
                place,
                report,
            )
            try:
                with place.watched():
                    if not place.wait_for_chief():
                        report(
                            "%s: worker %d: nothing to do, the chief has left"
                            % (run.name, place.task_index)
                        )
                        return None
                    _run(run, part, loop, ops, saver, writer, init_fn, num_steps, config, place)
            except WriteError as error:
                # What the save that failed has left takes the room that the next one needs.
                checkpoints.remove_torn(run.checkpoints_dir)
                raise DataError(
                    "%s: stopped after step %d: %s; the last good checkpoint is %s; make room, "
                    "then the same command continues the run"
                    % (
                        run.name,
                        loop.step_number or 0,
                        error,
                        checkpoints.newest(run.checkpoints_dir) or "none",
                    )
                )
            finally:
                folders.are_used = loop.step_number is not None
        ended = "finished" if loop.signal is None else "stopped"
        if place.is_chief:
            newest = checkpoints.newest(run.checkpoints_dir)
            report(
                "%s: %s at step %d of %d; checkpoint %s"
                % (run.name, ended, loop.step_number, num_steps, newest)
            )
        else:
            report(
                "%s: worker %d %s at step %d of %d"
                % (run.name, place.task_index, ended, loop.step_number, num_steps)
            )
        return loop.signal


@contextlib.contextmanager
def _leaving(place):
    try:
        yield
    finally:
        place.leave()


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
    """Returns the checkpoint from which a run is continued, None for a new one.

    Raises:
      UsageError: it was started with other settings.
    """
    torn = checkpoints.remove_torn(run.checkpoints_dir)
    if torn:
        report(
            "%s: removed what a save that was broken off had left: %s" % (run.name, ", ".join(torn))
        )
    checkpoints.list_complete(run.checkpoints_dir)
    newest = checkpoints.newest(run.checkpoints_dir)
    if newest is None:
        return None
    before = settings.read(run.checkpoints_dir)
    changes = before and settings.check_unchanged(
        run.checkpoints_dir, before, kept, allow_changed_settings
    )
    if checkpoints.global_step_of(newest) < kept["num_steps"]:
        for change in changes or ():
            report("changed: " + change)
        report("%s: continued from %s" % (run.name, newest))
        if kept["settings"]["checkpoint_path"]:
            report("--checkpoint_path is where the run once started; its own checkpoint is newer")
    return newest


def _begin(run, kept, logging):
    """Writes down what a run means; returns its ``Saver``, and its ``EventWriter`` or None."""
    saver = Saver(
        max_to_keep=logging.max_to_keep,
        keep_checkpoint_every_n_hours=logging.keep_checkpoint_every_n_hours,
        save_relative_paths=True,  # So that a run can be moved.
    )
    settings.write(run.checkpoints_dir, kept)
    records.write_labels(
        os.path.join(run.checkpoints_dir, records.LABELS_FILENAME), kept["dataset"]["classes"]
    )
    writer = None
    if logging.save_summaries_secs:
        writer = event_writer.EventWriter(run.summaries_dir)
    return saver, writer


def _check(logging, queues, batch_size, num_epochs, max_number_of_steps, num_clones):
    """Raises ``UsageError`` for a number that cannot be meant."""
    for part in (logging, queues):
        for name, value in part._asdict().items():
            settings.check_number(name, value, lambda x: x >= 0, "at least 0")
    for name in ("num_readers", "num_preprocessing_threads", "batch_queue_capacity"):
        settings.check_number(name, getattr(queues, name), lambda x: x >= 1, "at least 1")
    settings.check_number("max_to_keep", logging.max_to_keep, lambda x: x >= 1, "at least 1")
    settings.check_number("num_clones", num_clones, lambda x: x >= 1, "at least 1")
    settings.check_number("num_epochs", num_epochs, lambda x: x > 0, "above 0")
    settings.check_number(
        "max_number_of_steps", max_number_of_steps, lambda x: x >= 1, "at least 1"
    )
    pipeline.common_queue_sizes(batch_size, queues.common_queue_capacity, queues.common_queue_min)


def _identity(dataset_dir, split):
    """Returns what tells one dataset from another."""
    info = conversion.read_info(dataset_dir)
    return {
        "archive_sha256": info["archive_sha256"] if info else None,
        "split_seed": info["request"]["seed"] if info else None,
        "num_photos": split.num_samples,
        "classes": list(split.labels_to_names.values()),
    }


def _run(run, split, loop, ops, saver, writer, init_fn, num_steps, session_config, place):
    """Has slim run the loop; translates TensorFlow's errors for a person."""
    with loop.stopped_by(signal.SIGINT, signal.SIGTERM):
        try:
            slim.learning.train(
                ops.train_op,
                run.checkpoints_dir,
                master=place.target,
                is_chief=place.is_chief,
                train_step_fn=loop.step,
                train_step_kwargs={},
                graph=tf.get_default_graph(),
                global_step=ops.global_step,
                number_of_steps=num_steps,
                init_fn=init_fn,
                summary_op=None,
                summary_writer=writer,
                save_summaries_secs=0,
                saver=saver,
                save_interval_secs=0,
                session_config=place.session_config(session_config),
                sync_optimizer=ops.sync_optimizer,
                ignore_live_threads=True,
            )
        except tf.errors.OpError as error:
            if "LossTensor is inf or nan" in error.message:
                what = "step %d, learning rate %s: the loss is NaN or infinite" % (
                    (loop.step_number or 0) + 1,
                    "unknown" if loop.rate is None else "%g" % loop.rate,
                )
                raise _diverged(run, what)
            if os.strerror(errno.ENOSPC) in error.message:
                raise WriteError(first_line(error))
            if isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError)):
                raise DataError(
                    "%s: stopped after step %d: a server of the cluster is gone (%s); start the "
                    "servers and workers again, which continues the run"
                    % (run.name, loop.step_number or 0, first_line(error))
                )
            bad = record_check.explanation(
                split.data_sources, split.nums_records, split.num_classes
            )
            raise DataError(
                "%s: stopped after step %d: %s"
                % (run.name, loop.step_number or 0, bad or first_line(error))
            )
        except Diverged as error:
            raise _diverged(run, error)


def _diverged(run, what):
    return DataError(
        "%s: %s; the last good checkpoint is %s; lower --learning_rate or set --clip_gradient_norm"
        % (run.name, what, checkpoints.newest(run.checkpoints_dir) or "none")
    )
