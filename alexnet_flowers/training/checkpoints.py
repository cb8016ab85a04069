"""Checkpoints: where a run keeps them, which is the newest, and whether one fits a network."""

import collections
import os
import re
import shutil

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training.optimization import in_scope, split_scopes

Run = collections.namedtuple("Run", ["name", "checkpoints_dir", "summaries_dir"])
Run.__doc__ = """Where a run keeps its files: never checkpoints and events in one folder.

Attributes:
  name: str.
  checkpoints_dir: the run's own folder of checkpoints, settings and recovery state.
  summaries_dir: the run's own folder of event files.
"""

# Within a run's folder, for the checkpoint that was the most accurate.
BEST_DIRNAME = "best"
_AVERAGE_SUFFIX = "/ExponentialMovingAverage"

# What TensorFlow calls a part of a checkpoint, the list of checkpoints or the graph until it is
# complete; and the parts of a checkpoint.
_TEMPORARY = re.compile(
    r"^(model\.ckpt-.*(\.tempstate|_temp_|\.meta\.tmp)|checkpoint\.tmp|graph\.pbtxt\.tmp)"
)
_PART = re.compile(r"^(model\.ckpt-\d+)\.(index|meta|data-\d{5}-of-\d{5})$")


def locate_run(name, checkpoints_parent, summaries_parent):
    """Returns the ``Run`` of a name.

    Raises:
      UsageError: a name that is no single folder.
    """
    if not name or name in (".", "..") or os.path.basename(name) != name:
        raise UsageError("--run_name %r: must be the name of one folder" % name)
    return Run(name, os.path.join(checkpoints_parent, name), os.path.join(summaries_parent, name))


def choose_run(name, checkpoint_path, checkpoints_parent, summaries_parent):
    """Returns the ``Run`` that a person means who may not have named it.

    Without a name that is the run whose folder ``checkpoint_path`` lies in, also as its best one,
    or, without that too, the only run there is. The settings and labels are those beside the
    checkpoint. A checkpoint from outside ``checkpoints_parent`` belongs to no run here: unless a
    name says otherwise, its ``summaries_dir`` is None.

    Raises:
      DataError: there is no run.
      UsageError: there are several.
    """
    if checkpoint_path is not None:
        path = os.path.abspath(checkpoint_path)
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        within = os.path.relpath(folder, os.path.abspath(checkpoints_parent)).split(os.sep)
        is_known = within[0] not in (os.pardir, os.curdir) and within[1:] in ([], [BEST_DIRNAME])
        its_name = within[0] if is_known else os.path.basename(folder)
        run = locate_run(name or its_name, checkpoints_parent, summaries_parent)
        return run._replace(
            checkpoints_dir=folder,
            summaries_dir=run.summaries_dir if name or is_known else None,
        )
    if name is None:
        there = []
        if os.path.isdir(checkpoints_parent):
            there = [
                name
                for name in sorted(os.listdir(checkpoints_parent))
                if newest(os.path.join(checkpoints_parent, name))
            ]
        if not there:
            raise DataError(
                "%s: no run with a checkpoint yet; train first, with scripts/train.py"
                % checkpoints_parent
            )
        if len(there) > 1:
            raise UsageError("--run_name: which of %s?" % ", ".join(there))
        (name,) = there
    return locate_run(name, checkpoints_parent, summaries_parent)


def check_labels(run, labels_to_names):
    """Raises ``DataError`` if a run was trained on other classes than a dataset has."""
    if not os.path.exists(os.path.join(run.checkpoints_dir, records.LABELS_FILENAME)):
        return
    trained_on = records.read_labels(run.checkpoints_dir)
    if trained_on != labels_to_names:
        raise DataError(
            "%s: was trained on the classes %s, the dataset has %s; pass the --dataset_dir of the "
            "run"
            % (
                run.checkpoints_dir,
                ", ".join(trained_on.values()),
                ", ".join(labels_to_names.values()),
            )
        )


def newest(run_dir):
    """Returns the path (without suffix) of a folder's newest complete checkpoint, or None."""
    complete = all_complete(run_dir)
    return complete[-1] if complete else None


def all_complete(run_dir):
    """Returns the paths of a folder's complete checkpoints, oldest first."""
    state = tf.train.get_checkpoint_state(run_dir) if os.path.isdir(run_dir) else None
    if state is None:
        return []
    # By name only: a run may have been moved since, and its paths may be absolute.
    paths = [
        os.path.join(run_dir, os.path.basename(path)) for path in state.all_model_checkpoint_paths
    ]
    return [path for path in paths if is_complete(path)]


def is_complete(path):
    """Says whether a checkpoint's index and all of its data are there."""
    return tf.train.checkpoint_exists(path) and os.path.exists(path + ".data-00000-of-00001")


def remove_torn(run_dir):
    """Removes what a process that was killed in the middle of a save has left.

    Those are files under TensorFlow's temporary names, parts of checkpoints whose other parts are
    missing, and an old checkpoint, no longer listed, of which the removal had come no further than
    its ``.meta``. Complete checkpoints stay, also those that are not in the list of the newest.

    Returns:
      The names of the removed files, sorted.
    """
    parts = collections.defaultdict(set)
    torn = []
    for name in os.listdir(run_dir):
        if _TEMPORARY.search(name):
            torn.append(name)
        else:
            match = _PART.match(name)
            if match:
                parts[match.group(1)].add(name)
    listed = [_step_in(os.path.basename(path)) for path in all_complete(run_dir)]
    for prefix, names in parts.items():
        was_being_removed = prefix + ".meta" not in names and _step_in(prefix) < min(
            listed, default=0
        )
        if was_being_removed or not is_complete(os.path.join(run_dir, prefix)):
            torn.extend(names)
    for name in torn:
        path = os.path.join(run_dir, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return sorted(torn)


def list_complete(run_dir):
    """Puts the list of a folder's checkpoints right, from which slim resumes.

    A process that was killed between a save and its entry in the list has left a complete
    checkpoint that is newer than all listed ones; it is entered. Listed ones that are gone are
    struck out. Older ones that are not listed were to stay for good, and do.
    """
    state = tf.train.get_checkpoint_state(run_dir)
    before = state.all_model_checkpoint_paths if state else []
    names = [os.path.basename(path) for path in all_complete(run_dir)]
    last = max([_step_in(name) for name in names], default=-1)
    parts = filter(None, map(_PART.match, os.listdir(run_dir)))
    newer = {part.group(1) for part in parts if _step_in(part.group(1)) > last}
    names += sorted(
        (name for name in newer if is_complete(os.path.join(run_dir, name))), key=_step_in
    )
    if names and names != [os.path.basename(path) for path in before]:
        tf.train.update_checkpoint_state(run_dir, names[-1], names)


def _step_in(name):
    return int(name.rsplit("-", 1)[1])


def resolve(path, run_dir):
    """Returns the checkpoint that a person means.

    Args:
      path: a checkpoint, a folder of checkpoints (its newest is meant), or None.
      run_dir: the folder whose newest is meant by None.

    Raises:
      DataError: there is no such checkpoint.
    """
    if path is not None and not os.path.isdir(path):
        for suffix in (".index", ".meta", ".data-00000-of-00001"):
            if path.endswith(suffix):
                path = path[: -len(suffix)]
        if not is_complete(path):
            raise DataError("%s: no such checkpoint (or not all of its files)" % path)
        return path
    found = newest(path or run_dir)
    if found is None:
        raise DataError(
            "%s: no checkpoint yet; train first, with scripts/train.py" % (path or run_dir)
        )
    return found


def open_reader(path):
    """Opens a checkpoint for looking at it.

    Raises:
      DataError: it is damaged.
    """
    try:
        return tf.train.NewCheckpointReader(path)
    except tf.errors.OpError as error:
        raise DataError("%s: not a readable checkpoint (%s)" % (path, first_line(error)))


def global_step_of(path):
    """Returns the number of steps that a checkpoint was saved after; 0 if it does not say."""
    reader = open_reader(path)
    return int(reader.get_tensor("global_step")) if reader.has_tensor("global_step") else 0


class Restorer:
    """Restores variables from one checkpoint after another; their averages where it has some."""

    def __init__(self, variables):
        """Takes the variables to restore; their graph has to be the default one."""
        self._variables = variables
        self._savers = {}

    def restore(self, session, path):
        """Restores the variables in a session of their graph.

        Raises:
          DataError: the checkpoint does not hold one of them, or in another shape.
        """
        reader = open_reader(path)
        names = {}
        for variable in self._variables:
            name = variable.op.name
            if reader.has_tensor(name + _AVERAGE_SUFFIX):
                name += _AVERAGE_SUFFIX
            names[name] = variable
        _check_fits(path, reader, names, "it belongs to another network or other classes")
        key = tuple(sorted(names))
        if key not in self._savers:  # A saver adds to the graph.
            with session.graph.as_default():
                self._savers[key] = tf.train.Saver(names)
        try:
            self._savers[key].restore(session, path)
        except tf.errors.OpError as error:
            raise DataError("%s: cannot be restored (%s)" % (path, first_line(error)))


def check_continues(path, variables):
    """Checks that a run with these variables can go on from a checkpoint.

    Raises:
      DataError: it lacks one, or has it in another shape: another optimizer has written it.
    """
    names = {variable.op.name: variable for variable in variables}
    _check_fits(
        path,
        open_reader(path),
        names,
        "its run cannot go on with these settings; start another from its weights, with "
        "--run_name and --checkpoint_path",
    )


def warm_start(path, exclude_scopes):
    """Returns a function of a session that starts the model from another run's checkpoint.

    All model variables are taken from it but those in ``exclude_scopes``; the step and the
    optimizer's state begin anew.

    Args:
      path: a checkpoint, or a folder of them.
      exclude_scopes: comma-separated text, or None.

    Raises:
      DataError: a variable is missing there or has another shape; the message names its scope.
      UsageError: a scope without any variable.
    """
    path = resolve(path, None)
    variables = slim.get_model_variables()
    for scope in split_scopes(exclude_scopes):
        kept = [v for v in variables if not in_scope(v.op.name, scope)]
        if len(kept) == len(variables):
            raise UsageError("--checkpoint_exclude_scopes: no variable in %r" % scope)
        variables = kept
    if not variables:
        raise UsageError("--checkpoint_exclude_scopes: nothing is left to take from %s" % path)
    names = {variable.op.name: variable for variable in variables}
    _check_fits(path, open_reader(path), names, "pass --checkpoint_exclude_scopes %(scope)s")
    return slim.assign_from_checkpoint_fn(path, names)


def _check_fits(path, reader, names, advice):
    """Raises ``DataError`` unless a checkpoint has variables of these names and shapes."""
    shapes = reader.get_variable_to_shape_map()
    for name, variable in sorted(names.items()):
        scope = {"scope": variable.op.name.rsplit("/", 1)[0]}
        if name not in shapes:
            raise DataError("%s: has no variable %s; %s" % (path, name, advice % scope))
        if shapes[name] != variable.shape.as_list():
            raise DataError(
                "%s: %s is %s there and %s here (another number of classes?); %s"
                % (path, name, shapes[name], variable.shape.as_list(), advice % scope)
            )
