"""What a training is about to do, in lines for a person who has just started it.

It needs no TensorFlow, which takes seconds to load, unless there is a checkpoint, whose step has to
be read.
"""

import contextlib

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.errors import DataError
from alexnet_flowers.training import checkpoints, plan, settings


def lines(run, dataset_dir, run_settings, options, members=None):
    """Returns the lines; none for a process of a cluster that is not its chief.

    Args:
      run: a ``runs.Run``.
      dataset_dir: where the shards are.
      run_settings: a ``settings.Settings``, checked.
      options: a ``plan.Options``, checked.
      members: a ``cluster.Cluster``, or None.

    Raises:
      DataError: there is no dataset, or it is damaged.
      UsageError: the run was started with other settings.
    """
    if members is not None and members.task_index:
        return []
    info, labels_to_names = dataset.describe(dataset_dir)
    images_per_step = plan.images_per_step(run_settings, options, members)
    photos = "%d classes" % len(labels_to_names)
    step = _newest_step(run)
    if step is not None and not options.allow_changed_settings:
        _check_unchanged(run, run_settings, images_per_step // run_settings.batch_size)
    num_steps = options.max_number_of_steps
    epochs = "" if num_steps else ", %g epochs" % options.num_epochs
    if info is not None and "train" in info["splits"]:
        num_photos = info["splits"]["train"]["num_photos"]
        photos = "%d of %s" % (num_photos, photos)
        num_steps = plan.num_steps(options, num_photos, images_per_step)
        epochs = ", %.4g epochs" % (num_steps * images_per_step / num_photos)
    return [
        *filter(None, [devices.expected_card(options.compute.device)]),
        "run %s: %s" % (run.name, _state(run, step, num_steps)),
        "photos: %s in %s" % (photos, dataset_dir),
        "%ssteps of %d images%s, on %s, with %s"
        % (
            "%d " % num_steps if num_steps else "",
            images_per_step,
            epochs,
            devices.expected(options.compute.device),
            run_settings.optimizer,
        ),
        "checkpoints: %s; for TensorBoard: %s" % (run.checkpoints_dir, run.summaries_dir),
        "Ctrl-C saves the step it stops at; the same command then goes on from there",
    ]


def _check_unchanged(run, run_settings, num_replicas):
    """Compares all settings but what follows from the photos, which are not looked at yet."""
    kept = settings.read(run.checkpoints_dir)
    if kept is None:
        return
    now = settings.meaning(run_settings, kept["settings"].get("decay_steps"), num_replicas)
    settings.check_unchanged(run.checkpoints_dir, kept, dict(kept, settings=now), False)


def _state(run, step, num_steps):
    """Returns what there is of a run, and what becomes of it; see ``_newest_step``."""
    if step is None:
        return "new"
    if num_steps is not None and step >= num_steps:
        return "finished at step %d" % step
    kept = settings.read(run.checkpoints_dir)
    state = "continued from step %d" % step
    if kept and kept["num_steps"] <= step:
        state += ", where it was finished, with more steps"
    return state


def _newest_step(run):
    """Returns the step of the newest checkpoint that can be read; None where there is none.

    Damaged ones are no reason to stop here: the start sets them aside.
    """
    for path in reversed(checkpoints.all_complete(run.checkpoints_dir)):
        with contextlib.suppress(DataError):
            return checkpoints.global_step_of(path)
    return None
