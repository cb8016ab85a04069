"""Runs: their names, and where each keeps its files."""

import os
import typing

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.training import checkpoints

# Within a run's folder, for the checkpoint that was the most accurate.
BEST_DIRNAME = "best"
# TensorFlow, and shells, take names with these for patterns.
_OF_PATTERNS = "*?[]\\"


class Run(typing.NamedTuple):
    """Where a run keeps its files: checkpoints and events apart by default."""

    name: str
    # The run's own folder of checkpoints, settings and recovery state.
    checkpoints_dir: str
    # The run's own folder of event files; None where there is no place for them.
    summaries_dir: typing.Optional[str]

    @property
    def best_dir(self):
        """The folder of its best checkpoint, whether or not there is one yet."""
        return os.path.join(self.checkpoints_dir, BEST_DIRNAME)


def locate_run(name, checkpoints_parent, summaries_parent):
    """Returns the ``Run`` of a name.

    Raises:
      UsageError: a name that is no single folder, a pattern, or not printable; a parent's that is
        not UTF-8.
    """
    if not name or name in (".", "..") or os.path.basename(name) != name:
        raise UsageError("--run_name %r: must be the name of one folder" % name)
    if not name.isprintable() or set(name) & set(_OF_PATTERNS):
        raise UsageError(
            "--run_name %r: must be without %s and control characters; a run that has such a name "
            "goes on under another when its folders are renamed" % (name, " ".join(_OF_PATTERNS))
        )
    for flag, path in (("checkpoints", checkpoints_parent), ("summaries", summaries_parent)):
        if path.encode("utf-8", "ignore").decode("utf-8") != path:
            raise UsageError(
                "--%s_dir %s: TensorFlow takes names in UTF-8 only; name another" % (flag, path)
            )
    return _located(name, checkpoints_parent, summaries_parent)


def _located(name, checkpoints_parent, summaries_parent):
    return Run(name, os.path.join(checkpoints_parent, name), os.path.join(summaries_parent, name))


def choose_run(name, checkpoint_path, checkpoints_parent, summaries_parent):
    """Returns the ``Run`` that a person means who may not have named it.

    Without a name that is the run whose folder ``checkpoint_path`` lies in, also as its best one,
    or, without that too, the only run there is. The settings and labels are those beside the
    checkpoint. A checkpoint from outside ``checkpoints_parent`` belongs to no run here: unless a
    name says otherwise, its ``summaries_dir`` is None.

    Raises:
      DataError: there is no run.
      UsageError: there are several, the name cannot be one, or the checkpoint is another run's.
    """
    parents = (checkpoints_parent, summaries_parent)
    named = None if name is None else locate_run(name, *parents)
    if checkpoint_path is None:
        return named or _located(_only_run(checkpoints_parent), *parents)
    path = os.path.abspath(checkpoint_path)
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    within = os.path.relpath(folder, os.path.abspath(checkpoints_parent)).split(os.sep)
    is_known = within[0] not in (os.pardir, os.curdir) and within[1:] in ([], [BEST_DIRNAME])
    its_name = within[0] if is_known else os.path.basename(folder)
    if is_known and name not in (None, its_name):
        raise UsageError(
            "--run_name %s: %s lies in the run %s; leave out one of the flags"
            % (name, checkpoint_path, its_name)
        )
    run = named or _located(its_name, *parents)
    return run._replace(
        checkpoints_dir=folder, summaries_dir=run.summaries_dir if named or is_known else None
    )


def _only_run(checkpoints_parent):
    there = checkpoints.folders_with(checkpoints.newest, checkpoints_parent)
    if not there:  # A damaged one, if there is no other.
        there = checkpoints.folders_with(checkpoints.all_begun, checkpoints_parent)
    if not there:
        raise DataError(
            "%s: no run with a checkpoint yet; train first, with scripts/train.py"
            % checkpoints_parent
        )
    if len(there) > 1:
        raise UsageError("--run_name: which of %s?" % ", ".join(there))
    return there[0]


def check_labels(run, labels_to_names):
    """Raises ``DataError`` if a run was trained on other classes than a dataset has."""
    differing = records.differing_classes(run.checkpoints_dir, labels_to_names)
    if differing:
        raise DataError(
            "%s: was trained on the classes %s, the dataset has %s; pass the --dataset_dir of the "
            "run" % (run.checkpoints_dir, *differing)
        )
