"""A run's events, read from its files as arrays.

::

    runs/summaries/<run>/events.*           while it was trained
    runs/summaries/<run>/<split>/events.*   when it was evaluated on a split, under the same tags
    runs/summaries/<run>/<split>_<view>/events.*    the same of other views: validation_259px
"""

import collections
import glob
import os
from typing import Dict, List, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from alexnet_flowers import regular_file
from alexnet_flowers.data import record_frames
from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.events import tags
from alexnet_flowers.tf1 import tf

# Beyond it the axis of a figure, of float64, cannot tell two steps apart, and never ends.
_MAX_STEP = 2**53


class Scalars(NamedTuple):
    """A number over time.

    Attributes:
      steps: int64 [n], ascending, each once.
      values: float64 [n].
    """

    steps: np.ndarray
    values: np.ndarray


class Histogram(NamedTuple):
    """How the values of a tensor were distributed at a step.

    Attributes:
      step: the step.
      edges: float64 [buckets + 1], ascending; the first is the least value, the last the largest.
      counts: float64 [buckets], how many values are in each bucket.
    """

    step: int
    edges: np.ndarray
    counts: np.ndarray


class Events(NamedTuple):
    """What a folder of event files holds.

    Attributes:
      scalars: by tag.
      histograms: by tag, ascending by step, each step once.
      starts: ascending, the step at which each process began that wrote them.
    """

    scalars: Dict[str, Scalars]
    histograms: Dict[str, List[Histogram]]
    starts: List[int]


class RunEvents(NamedTuple):
    """What a run has written down.

    Attributes:
      name: the run's.
      training: of its training.
      evaluation: of its evaluations on one split.
    """

    name: str
    training: Events
    evaluation: Events


def run_names(summaries_parent):
    """Returns the sorted names of the runs that have event files, of training or evaluation."""
    found = glob.glob(os.path.join(glob.escape(summaries_parent), "*", "*tfevents*"))
    found += glob.glob(os.path.join(glob.escape(summaries_parent), "*", "*", "*tfevents*"))
    return sorted({os.path.relpath(path, summaries_parent).split(os.sep)[0] for path in found})


def choose_run_names(names, summaries_parent, max_runs, without_events=()):
    """Returns the names of the runs that a command is about.

    Args:
      names: list of str, as given to the command; empty for all runs there are.
      summaries_parent: the parent of all runs' event files.
      max_runs: int, how many may be chosen at most; None: any number.
      without_events: names of runs that may be chosen by name, or where there are no others,
        although they may not have written any.

    Raises:
      DataError: there is no run, or none of one of these names.
      UsageError: there are too many, or one is named twice.
    """
    there = run_names(summaries_parent)
    if names or not there:
        there = sorted({*there, *without_events})
    if not there:
        raise DataError(
            "%s: no events of any run yet; train first, with scripts/train.py" % summaries_parent
        )
    # A run's name may have commas, and spaces beside them, which the flag's list drops.
    whole = [one for one in there if [part.strip() for part in one.split(",")] == names]
    whole.sort(key=lambda one: one != ",".join(names))
    chosen = whole[:1] or names or there
    for name in chosen:
        if name not in there:
            raise DataError(
                "%s: no events of a run %r; there are those of %s"
                % (summaries_parent, name, ", ".join(there))
            )
    if len(set(chosen)) < len(chosen):
        raise UsageError("--run_name %s: names a run twice" % ",".join(names))
    if max_runs is not None and len(chosen) > max_runs:
        raise UsageError("--run_name: at most %d; which of %s?" % (max_runs, ", ".join(chosen)))
    return chosen


def read_run(run, split_name, report=print):
    """Returns a ``RunEvents``; the ``Events`` of that of which there are no files are empty.

    Args:
      run: a ``runs.Run``.
      split_name: str, the split of the evaluations.
      report: called with a line about each file that is damaged.

    Raises:
      DataError: there are no events of either.
    """
    folders = (run.summaries_dir, os.path.join(run.summaries_dir, split_name))
    training, evaluation = (
        read(folder, report) if _event_files(folder) else Events({}, {}, []) for folder in folders
    )
    if not any(part.scalars or part.histograms for part in (training, evaluation)):
        raise DataError(
            "%s: no events yet; they come with the first steps of scripts/train.py"
            % run.summaries_dir
        )
    return RunEvents(run.name, training, evaluation)


def last_step(run):
    """Returns the last step of which a ``RunEvents``, which are not empty, hold anything."""
    parts = (run.training, run.evaluation)
    steps = [int(one.steps[-1]) for part in parts for one in part.scalars.values()]
    return max(steps + [one[-1].step for part in parts for one in part.histograms.values()])


def read(folder, report=print):
    """Reads all event files of a folder; those of its subfolders belong to others.

    A run that was continued has several. Steps that it had made after its last checkpoint were
    made again: of two events of a step, the later counts. What older runs have under other tags is
    returned under those of today.

    Args:
      folder: a path.
      report: called with a line for each file of which a part is damaged, and so left out.

    Returns:
      ``Events``; all empty where the files hold nothing yet. A file that ends in the middle of
      an event, as one does that is being written, is read up to there.

    Raises:
      DataError: there is no event file, or one cannot be read.
    """
    paths = _event_files(folder)
    if not paths:
        raise DataError("%s: no event files" % folder)
    for path in paths:
        regular_file.check(path)
    try:
        scalars, histograms, starts = _collected(paths, report)
    except DecodeError as error:
        raise DataError("%s: cannot be read (%s)" % (folder, first_line(error)))
    steps = [step for points in (*scalars.values(), *histograms.values()) for step in points]
    if max(steps, default=0) > _MAX_STEP:
        raise DataError("%s: step %d cannot be; move its event file away" % (folder, max(steps)))
    # Of tags whose steps are all to be made again only the names are left.
    return Events(
        {tag: _scalars(points) for tag, points in scalars.items() if points},
        {
            tag: [_histogram("%s: %r" % (folder, tag), *one) for one in sorted(points.items())]
            for tag, points in histograms.items()
            if points
        },
        starts,
    )


def _event_files(folder):
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*tfevents*")))


def _collected(paths, report):
    """Returns scalars and histograms by tag and step, and ``Events.starts``, as TensorBoard would.

    Of two events of a step the later counts; a checkpoint may be evaluated twice, too.
    """
    scalars, histograms = collections.defaultdict(dict), collections.defaultdict(dict)
    starts = []
    for path in paths:
        for record in _whole_records(path, report):
            event = tf.Event.FromString(record)
            if event.session_log.status == tf.SessionLog.START:
                # What was written of its step and later ones is made again.
                starts = [step for step in starts if step < event.step] + [event.step]
                for points in (*scalars.values(), *histograms.values()):
                    for step in [step for step in points if step >= event.step]:
                        del points[step]
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    scalars[tags.current(value.tag)][event.step] = value.simple_value
                elif value.HasField("histo"):
                    histograms[value.tag][event.step] = value.histo
    return scalars, histograms, starts


def _whole_records(path, report):
    """Yields a file's records up to a damaged one, which is reported."""
    for number, frame in enumerate(record_frames.read(path)):
        if frame.problem:
            if frame.problem != record_frames.CUT_OFF:
                report(
                    "warning: %s: damaged after %d records (%s); what comes later in this file is "
                    "left out" % (path, number, frame.problem)
                )
            return
        yield frame.record


def _scalars(points):
    steps = sorted(points)
    return Scalars(
        np.array(steps, np.int64), np.array([points[step] for step in steps], np.float64)
    )


def _histogram(name, step, value):
    limits, counts = np.array(value.bucket_limit, float), np.array(value.bucket, float)
    if not (
        len(limits) == len(counts) > 0
        and (limits[:-1] <= limits[1:]).all()
        and (counts >= 0).all()
        and counts.any()
        and value.min <= value.max
        and np.isfinite([value.max - value.min, counts.sum()]).all()
    ):
        raise DataError("%s of step %d: is no histogram; move its event file away" % (name, step))
    # TensorFlow names the upper limit of each bucket; the outer ones reach beyond all values.
    edges = np.concatenate([[value.min], limits])
    return Histogram(step, edges.clip(value.min, value.max), counts)
