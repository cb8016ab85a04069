"""A run's events, read from its files as arrays.

::

    runs/summaries/<run>/events.*           while it was trained
    runs/summaries/<run>/<split>/events.*   when it was evaluated on a split, under the same tags
    runs/summaries/<run>/<split>_<view>/events.*    the same of other views: validation_259px
"""

import collections
import glob
import logging
import os
from typing import Dict, List, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from alexnet_flowers import regular_file
from alexnet_flowers.data import record_frames
from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.events import tags
from alexnet_flowers.tf1 import tf

# After tf1, which silences what numpy says about TensorBoard's own types.
from tensorboard.backend.event_processing import event_accumulator  # isort: skip

# How many of each kind TensorBoard's reader keeps; 0: all.
_KEPT = {"scalars": 0, "histograms": 0, "distributions": 1, "images": 1, "audio": 1, "tensors": 1}


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
    # TensorBoard warns about each restart.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    accumulator = event_accumulator.EventAccumulator(folder, _KEPT)
    try:
        starts = _starts(paths, report)
        accumulator.Reload()
    except (tf.errors.OpError, DecodeError) as error:
        raise DataError("%s: cannot be read (%s)" % (folder, first_line(error)))
    found = accumulator.Tags()
    scalars = collections.defaultdict(list)
    for tag in found["scalars"]:
        scalars[tags.current(tag)] += accumulator.Scalars(tag)
    histograms = {tag: accumulator.Histograms(tag) for tag in found["histograms"]}
    of_kinds = [*scalars.values(), *histograms.values()]
    step = max((event.step for events in of_kinds for event in events), default=0)
    if step > _MAX_STEP:
        raise DataError("%s: step %d cannot be; move its event file away" % (folder, step))
    return Events(
        # Of tags whose steps are all to be made again TensorBoard keeps the names.
        {tag: _scalars(events) for tag, events in scalars.items() if events},
        {
            tag: [_histogram("%s: %r" % (folder, tag), event) for event in _by_step(events)]
            for tag, events in histograms.items()
            if events
        },
        starts,
    )


def _event_files(folder):
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*tfevents*")))


def _starts(paths, report):
    """Returns the ``Events.starts`` of some files; TensorBoard's reader does not keep them."""
    starts = []
    for path in paths:
        for record in _whole_records(path, report):
            event = tf.Event.FromString(record)
            if event.session_log.status == tf.SessionLog.START:
                # As of all events, those are made again that come after a later one's step.
                starts = [step for step in starts if step < event.step] + [event.step]
    return starts


def _whole_records(path, report):
    """Yields a file's records up to a damaged one, which is reported: TensorBoard says nothing."""
    for number, frame in enumerate(record_frames.read(path)):
        if frame.problem:
            if frame.problem != record_frames.CUT_OFF:
                report(
                    "warning: %s: damaged after %d records (%s); what comes later in this file is "
                    "left out" % (path, number, frame.problem)
                )
            return
        yield frame.record


def _by_step(events):
    """Returns the events in the order of their steps, the later of two of the same step."""
    # TensorBoard has dropped what a restart repeats; a checkpoint may be evaluated twice, too.
    return [event for _, event in sorted({event.step: event for event in events}.items())]


def _scalars(events):
    events = _by_step(events)
    return Scalars(
        np.array([event.step for event in events], np.int64),
        np.array([event.value for event in events], np.float64),
    )


def _histogram(name, event):
    value = event.histogram_value
    limits, counts = np.array(value.bucket_limit, float), np.array(value.bucket, float)
    if not (
        len(limits) == len(counts) > 0
        and (limits[:-1] <= limits[1:]).all()
        and (counts >= 0).all()
        and counts.any()
        and value.min <= value.max
        and np.isfinite([value.max - value.min, counts.sum()]).all()
    ):
        raise DataError(
            "%s of step %d: is no histogram; move its event file away" % (name, event.step)
        )
    # TensorFlow names the upper limit of each bucket; the outer ones reach beyond all values.
    edges = np.concatenate([[value.min], limits])
    return Histogram(event.step, edges.clip(value.min, value.max), counts)
