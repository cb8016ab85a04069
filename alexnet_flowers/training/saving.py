"""Variables and checkpoints: saving, restoring, and whether a checkpoint fits a network."""

import contextlib
import math
import os
import resource
import shutil
import time

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError, WriteError, first_line
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, upkeep
from alexnet_flowers.training.optimization import split_scopes

# The layer whose variables belong to the classes, one after the other.
_CLASS_SCORES = alexnet_v2.SCOPE + "/fc8"
_AVERAGE_SUFFIX = "/ExponentialMovingAverage"


class Saver:
    """A ``tf.train.Saver`` that saves each step once, and keeps ``max_to_keep`` checkpoints.

    slim saves the last step again, and takes no notice if that fails. TensorFlow removes one
    checkpoint for each that it writes, however many a run has that was begun with another number;
    it finds what it removes, and what it restores, by taking names for patterns; and what it lists
    may be lost with the machine. Which ones it keeps for good is as TensorFlow has it.
    """

    def __init__(self, var_list=None, max_to_keep=5, keep_checkpoint_every_n_hours=10000.0):
        """Takes ``tf.train.Saver``'s arguments of these names; 0 hours: none is kept for good.

        ``max_to_keep`` is at least 1.
        """
        self._saver = tf.train.Saver(var_list)
        self._max_to_keep = max_to_keep
        self._keep_every_secs = keep_checkpoint_every_n_hours * 3600 or math.inf
        # Times of a clock that nobody sets.
        self._next_to_keep = time.monotonic() + self._keep_every_secs
        self._kept = []  # (path, time of its save) of those that make room one day, oldest first.
        self._saved_step = None
        self.is_finished = False  # Whether nothing more is to be saved.

    def __getattr__(self, name):
        """Is TensorFlow's in everything else."""
        return getattr(self._saver, name)

    def restore(self, session, path):
        """Restores the variables from a checkpoint; ``checkpoints.Removed`` if it has just gone."""
        with checkpoints.plain_name(path) as plain:
            try:
                self._saver.restore(session, plain)
            except (ValueError, tf.errors.DataLossError) as error:
                raise checkpoints.error_about(path, "cannot be restored (%s)" % first_line(error))

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes on the checkpoints that a run has, oldest first; slim calls it on resuming."""
        self._kept = [
            (path, -math.inf)  # Before this start, whenever that was.
            for path in checkpoint_paths
            if os.path.exists(path + ".index")
        ]
        if self._kept:  # slim saves also where no step was made; it stays as it is.
            self._saved_step = checkpoints.number_of(self._kept[-1][0])

    def save(self, session, path, global_step, **kwargs):
        """Saves, unless that step is saved; ``global_step`` is an int or the step's variable.

        Raises:
          WriteError: it cannot be written, and nothing is left of it; or the list cannot.
        """
        step = int(global_step if isinstance(global_step, int) else session.run(global_step))
        if self.is_finished or step == self._saved_step:
            return
        while len(self._kept) > self._max_to_keep:
            with contextlib.suppress(OSError):  # One that has to stay costs no new one.
                upkeep.remove(self._kept.pop(0)[0])
        checkpoint = "%s-%d" % (path, step)
        try:
            self._saver.save(session, path, global_step=step, write_state=False, **kwargs)
            upkeep.make_lasting(checkpoint)
            self._note(checkpoint)
        except (tf.errors.OpError, OSError, ValueError) as error:
            # A ValueError of TensorFlow's: the folder is gone.
            if not checkpoints.is_complete(checkpoint):
                upkeep.remove(checkpoint)  # It takes the room that the next one needs.
            # Not the error itself: slim takes some of its kinds for the end of the training.
            if isinstance(error, OSError):
                reason = "%s: %s" % (error.filename or checkpoint, error.strerror)
            else:
                reason = first_line(error)
            raise WriteError("the step cannot be saved: %s" % reason)
        self._saved_step = step

    def _note(self, checkpoint):
        """Removes the one that makes room for a new checkpoint, and lists this one.

        In this order: a kill between the two would leave one that is there and not listed, which
        ``upkeep.recover`` takes for one that is to stay for good.
        """
        self._kept = [one for one in self._kept if one[0] != checkpoint]
        self._kept.append((checkpoint, time.monotonic()))
        if len(self._kept) > self._max_to_keep:
            oldest, saved_at = self._kept.pop(0)
            if saved_at > self._next_to_keep:
                self._next_to_keep += self._keep_every_secs
            else:
                with contextlib.suppress(OSError):
                    upkeep.remove(oldest)
        names = [os.path.basename(path) for path, _ in self._kept]
        upkeep.write_list(os.path.dirname(checkpoint), names)


def check_size_limit(variables):
    """Checks that this process may write a file as large as a checkpoint of some variables.

    slim's start takes TensorFlow's "File too large" for the end of the data, and a run that can
    save nothing need not begin.

    Raises:
      WriteError: it may not.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    needed = _num_bytes(variables)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise WriteError(
            "a checkpoint takes %d MB, and ulimit -f allows files of %d MB"
            % (math.ceil(needed / 1e6), limit // 10**6)
        )


def lack_of_room(folder, variables):
    """Returns a warning where a disk has no room for two checkpoints of some variables, else None.

    A new one is complete before an old one makes room.
    """
    free, needed = shutil.disk_usage(folder).free, _num_bytes(variables)
    if free >= 2 * needed:
        return None
    return "warning: %s: %d MB are free, and two checkpoints take %d MB; make room" % (
        folder,
        free // 10**6,
        math.ceil(2 * needed / 1e6),
    )


def _num_bytes(variables):
    return sum(one.shape.num_elements() * one.dtype.base_dtype.size for one in variables)


class Restorer:
    """Restores variables from one checkpoint after another; their averages where it has some."""

    def __init__(self, variables, raw_weights=False):
        """Takes the variables to restore; their graph has to be the default one.

        Args:
          variables: a list of them.
          raw_weights: restore the variables themselves also where there are averages.
        """
        self._variables = variables
        self._raw_weights = raw_weights
        self._savers = {}

    def restore(self, session, path):
        """Restores the variables in a session of their graph.

        Raises:
          DataError: the checkpoint does not hold one of them, or in another shape.
          checkpoints.Removed: it is not there any more.
        """
        shapes = checkpoints.shapes_of(path)
        names = {}
        for variable in self._variables:
            name = variable.op.name
            if name + _AVERAGE_SUFFIX in shapes and not self._raw_weights:
                name += _AVERAGE_SUFFIX
            names[name] = variable
        _check_fits(path, shapes, names, "it belongs to another network or other classes")
        key = tuple(sorted(names))
        if key not in self._savers:  # A saver adds to the graph.
            with session.graph.as_default():
                self._savers[key] = Saver(names)
        try:
            self._savers[key].restore(session, path)
        except tf.errors.OpError as error:
            raise checkpoints.error_about(path, "cannot be restored (%s)" % first_line(error))


def check_continues(path, variables):
    """Checks that a run with these variables can go on from a checkpoint.

    Raises:
      DataError: it lacks one, or has it in another shape: another optimizer has written it.
    """
    names = {variable.op.name: variable for variable in variables}
    _check_fits(
        path,
        checkpoints.shapes_of(path),
        names,
        "its run cannot go on with these settings; start another from its weights, with "
        "--run_name and --checkpoint_path",
    )


def warm_start(settings, labels_to_names=None, report=print):
    """Returns a function of a session that starts the model from another run's checkpoint.

    All model variables are taken from it but those in ``checkpoint_exclude_scopes``; the step and
    the optimizer's state begin anew. Without a ``checkpoint_path`` there is no such function: None.

    Args:
      settings: a ``Settings``. Where ``ignore_missing_vars`` is set, variables that the checkpoint
        lacks, or has in another shape, keep their initial values instead of being an error.
      labels_to_names: the dataset's classes; None: they are not compared with the checkpoint's.
      report: called with a line for each variable that is ignored.

    Raises:
      DataError: a variable is missing there or has another shape; the message names its scope.
      UsageError: a scope without any variable, nothing left to take, or scores of other classes.
    """
    if not settings.checkpoint_path:
        return None
    path = checkpoints.resolve(settings.checkpoint_path, None)
    variables = _without(settings.checkpoint_exclude_scopes, slim.get_model_variables())
    shapes = checkpoints.shapes_of(path)
    if settings.ignore_missing_vars:
        fitting = [v for v in variables if shapes.get(v.op.name) == v.shape.as_list()]
        for variable in variables:
            if variable not in fitting:
                there = shapes.get(variable.op.name)
                what = "has no such variable" if there is None else "has it as %s" % there
                report(
                    "--ignore_missing_vars: %s, %s, keeps its initial values: %s %s"
                    % (variable.op.name, variable.shape.as_list(), path, what)
                )
        variables = fitting
    if not variables:
        raise UsageError("--checkpoint_path %s: nothing is left to take from it" % path)
    names = {variable.op.name: variable for variable in variables}
    _check_fits(path, shapes, names, "pass --checkpoint_exclude_scopes %(scope)s")
    if labels_to_names and any(name.startswith(_CLASS_SCORES) for name in names):
        _check_classes(path, labels_to_names)
    saver = Saver(names)
    there = {variable.op.name: variable for variable in tf.global_variables()}
    averages = []
    with tf.name_scope("warm_start"):
        for name, variable in names.items():
            if name + _AVERAGE_SUFFIX in there:
                averages.append(tf.assign(there[name + _AVERAGE_SUFFIX], variable))

    def start(session):
        saver.restore(session, path)
        session.run(averages)  # They would begin at the random weights.

    return start


def initialization(init_fn, global_step):
    """Returns slim's arguments for a start by a function such as ``warm_start`` returns.

    The step is the last variable to be initialized: other workers of a cluster begin when all are,
    and must not begin from the values that the function replaces.

    Args:
      init_fn: a function of a session.
      global_step: the variable.
    """
    others = [variable for variable in tf.global_variables() if variable is not global_step]

    def replace(session):
        init_fn(session)
        session.run(global_step.initializer)

    return {"init_op": tf.variables_initializer(others), "init_fn": replace}


def _without(exclude_scopes, variables):
    for scope in split_scopes(exclude_scopes):
        kept = [v for v in variables if not v.op.name.startswith(scope)]
        if len(kept) == len(variables):
            raise UsageError("--checkpoint_exclude_scopes: no variable in %r" % scope)
        variables = kept
    return variables


def _check_classes(path, labels_to_names):
    """Raises ``UsageError`` if the labels beside a checkpoint are others than a dataset's."""
    # slim's have none beside them.
    differing = records.differing_classes(os.path.dirname(path) or os.curdir, labels_to_names)
    if differing:
        raise UsageError(
            "--checkpoint_path %s: scores the classes %s, the dataset has %s; take all but the "
            "scores with --checkpoint_exclude_scopes %s" % (path, *differing, _CLASS_SCORES)
        )


def _check_fits(path, shapes, names, advice):
    """Raises ``DataError`` unless a checkpoint has variables of these names and shapes."""
    for name, variable in sorted(names.items()):
        scope = {"scope": variable.op.name.rsplit("/", 1)[0]}
        if name not in shapes:
            raise DataError("%s: has no variable %s; %s" % (path, name, advice % scope))
        if shapes[name] != variable.shape.as_list():
            raise DataError(
                "%s: %s is %s there and %s here (another number of classes?); %s"
                % (path, name, shapes[name], variable.shape.as_list(), advice % scope)
            )
