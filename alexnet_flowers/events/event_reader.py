"""What a run has written down for TensorBoard, as arrays.

::

    runs/summaries/<run>/events.*           while it was trained
    runs/summaries/<run>/<split>/events.*   when it was evaluated on a split, under the same tags
    runs/summaries/<run>/<split>_<view>/events.*    the same of other views: validation_259px
"""

import collections
import glob
import logging
import os

import numpy as np

from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.tf1 import tf

# After tf1, which silences what numpy says about TensorBoard's own types.
from tensorboard.backend.event_processing import event_accumulator  # isort: skip

Scalars = collections.namedtuple("Scalars", ["steps", "values", "wall_times"])
Scalars.__doc__ = """A number over time.

Attributes:
  steps: int64 [n], ascending, each once.
  values: float64 [n].
  wall_times: float64 [n], seconds since 1970.
"""

Histogram = collections.namedtuple("Histogram", ["step", "edges", "counts"])
Histogram.__doc__ = """How the values of a tensor were distributed at a step.

Attributes:
  step: int.
  edges: float64 [buckets + 1], ascending; the first is the least value, the last the largest.
  counts: float64 [buckets], how many values are in each bucket.
"""

Events = collections.namedtuple("Events", ["scalars", "histograms"])
Events.__doc__ = """What a folder of event files holds.

Attributes:
  scalars: a dict of tag to ``Scalars``.
  histograms: a dict of tag to a list of ``Histogram``, ascending by step, each step once.
"""

RunEvents = collections.namedtuple("RunEvents", ["name", "training", "evaluation"])
RunEvents.__doc__ = """What a run has written down.

Attributes:
  name: str.
  training: ``Events``.
  evaluation: ``Events``, of one split.
"""

# 0 keeps everything; of what is not wanted here, as little as there can be.
_KEPT = {"scalars": 0, "histograms": 0, "distributions": 1, "images": 1, "audio": 1, "tensors": 1}


def run_names(summaries_parent):
    """Returns the sorted names of the runs that have event files, of training or evaluation."""
    found = glob.glob(os.path.join(glob.escape(summaries_parent), "*", "*tfevents*"))
    found += glob.glob(os.path.join(glob.escape(summaries_parent), "*", "*", "*tfevents*"))
    return sorted({os.path.relpath(path, summaries_parent).split(os.sep)[0] for path in found})


def choose_run_names(names, summaries_parent, most):
    """Returns the names of the runs that a person means.

    Args:
      names: list of str; empty for all runs there are.
      summaries_parent: the parent of all runs' event files.
      most: int, how many there may be.

    Raises:
      DataError: there is no run, or none of such a name.
      UsageError: there are too many, or one is named twice.
    """
    there = run_names(summaries_parent)
    if not there:
        raise DataError(
            "%s: no events of any run yet; train first, with scripts/train.py" % summaries_parent
        )
    chosen = names or there
    for name in chosen:
        if name not in there:
            raise DataError(
                "%s: no events of a run %r; there are those of %s"
                % (summaries_parent, name, ", ".join(there))
            )
    if len(set(chosen)) < len(chosen):
        raise UsageError("--run_name %s: names a run twice" % ",".join(names))
    if len(chosen) > most:
        raise UsageError("--run_name: at most %d; which of %s?" % (most, ", ".join(chosen)))
    return chosen


def read_run(run, split_name):
    """Reads what a run has written down.

    Args:
      run: a ``runs.Run``.
      split_name: str, whose evaluation.

    Returns:
      A ``RunEvents``; where there are no files of the one or the other, its ``Events`` are empty.

    Raises:
      DataError: there is nothing of either.
    """
    folders = (run.summaries_dir, os.path.join(run.summaries_dir, split_name))
    training, evaluation = (
        read(folder) if _event_files(folder) else Events({}, {}) for folder in folders
    )
    if not any(training + evaluation):
        raise DataError(
            "%s: no events yet; they come with the first steps of scripts/train.py"
            % run.summaries_dir
        )
    return RunEvents(run.name, training, evaluation)


def read(folder):
    """Reads all event files of a folder; those of its subfolders belong to others.

    A run that was continued has several. What it wrote before it was stopped, but after the
    checkpoint that it went on from, has been done again: the later of the two counts.

    Returns:
      ``Events``; both empty where the files hold nothing yet. A file that ends in the middle of
      an event, as one does that is being written, is read up to there.

    Raises:
      DataError: there is no event file, or one cannot be read.
    """
    if not _event_files(folder):
        raise DataError("%s: no event files" % folder)
    # It warns about each restart.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    accumulator = event_accumulator.EventAccumulator(folder, _KEPT)
    try:
        accumulator.Reload()
    except tf.errors.OpError as error:
        raise DataError("%s: cannot be read (%s)" % (folder, first_line(error)))
    tags = accumulator.Tags()
    return Events(
        {tag: _scalars(accumulator.Scalars(tag)) for tag in tags["scalars"]},
        {tag: _histograms(accumulator.Histograms(tag)) for tag in tags["histograms"]},
    )


def _event_files(folder):
    return glob.glob(os.path.join(glob.escape(folder), "*tfevents*"))


def _by_step(events):
    """Returns the events in the order of their steps, the later of two of the same step."""
    # TensorBoard has dropped what a restart repeats; a checkpoint may be evaluated twice, too.
    return [event for _, event in sorted({event.step: event for event in events}.items())]


def _scalars(events):
    events = _by_step(events)
    return Scalars(
        np.array([event.step for event in events], np.int64),
        np.array([event.value for event in events], np.float64),
        np.array([event.wall_time for event in events], np.float64),
    )


def _histograms(events):
    return [_histogram(event.step, event.histogram_value) for event in _by_step(events)]


def _histogram(step, value):
    # TensorFlow names the upper limit of each bucket; the outer ones reach beyond all values.
    edges = np.concatenate([[value.min], value.bucket_limit])
    return Histogram(step, edges.clip(value.min, value.max), np.array(value.bucket, np.float64))
