"""What is changed in a folder of checkpoints: the list, what is removed, and what was broken off.

The list, TensorFlow's file ``checkpoint``, is written for slim, which resumes from it; it is only
asked which of the complete ones are to make room one day.
"""

import contextlib
import errno
import glob
import itertools
import os
import re
import shutil

from alexnet_flowers import atomic
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints

LIST_FILENAME = "checkpoint"
# Where ``set_aside`` moves what no longer counts, in its own folder.
_SET_ASIDE_DIRNAME = "set_aside"
# What the index of a checkpoint is renamed to first when it is removed: from then on it is none.
_REMOVED_INDEX = ".index.removed"

# What TensorFlow calls a part of a checkpoint, the list or the graph until it is complete.
_TEMPORARY = re.compile(
    r"model\.ckpt-[0-9]+\.(index|meta|data-[0-9]{5}-of-[0-9]{5})\.tempstate[0-9]+"
    r"|(model\.ckpt-[0-9]+\.meta|checkpoint|graph\.pbtxt)\.tmp[0-9a-f]{32}"
    r"|model\.ckpt-[0-9]+_temp_[0-9a-f]{32}"
)
_REMOVED = re.compile(r"(model\.ckpt-[0-9]+)" + re.escape(_REMOVED_INDEX))


def recover(folder):
    """Readies a run's folder for going on from its newest complete checkpoint, if it has one.

    What a process that was killed has left under temporary names is removed, what it was removing
    too. Checkpoints that are not complete, and newest ones that cannot be read, are moved aside.
    The list is put right: it names those that it named before and the newer ones; older ones that
    it did not name were to stay for good, and do.

    Returns:
      The path of that checkpoint, or None; and lines about what was done, without the folder's
      name.

    Raises:
      DataError: this user may not read the folder or a checkpoint in it.
    """
    removed = remove_temporary(folder)
    lines = ["removed what was broken off: %s" % ", ".join(removed)] if removed else []
    complete = []
    for path in checkpoints.all_begun(folder):
        _check_may_be_read(path)
        problem = checkpoints.defect(path)
        if problem:
            lines.append(set_aside(checkpoints.parts(path), problem))
        else:
            complete.append(path)
    while complete:
        problem = checkpoints.unreadable(complete[-1])
        if not problem:
            break
        lines.append(set_aside(checkpoints.parts(complete.pop()), problem))
    lines += _put_list_right(folder, [os.path.basename(path) for path in complete])
    return (complete[-1] if complete else None), lines


def _check_may_be_read(path):
    """Raises ``DataError`` for files of another user, which are not damaged for that."""
    for part in checkpoints.parts(path):
        if os.path.exists(part) and not os.access(part, os.R_OK):
            raise DataError("%s: cannot be read (%s)" % (part, os.strerror(errno.EACCES)))


def remove_temporary(folder):
    """Removes what a save that was killed has left under TensorFlow's names; returns them sorted.

    A removal that was broken off is brought to its end.
    """
    removed = []
    for name in checkpoints.names_in(folder):
        path = os.path.join(folder, name)
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if _TEMPORARY.fullmatch(name) and is_folder == ("_temp_" in name):
            shutil.rmtree(path) if is_folder else os.remove(path)
            removed.append(name)
        elif _REMOVED.fullmatch(name):
            removed += [name] + _finish_removal(path[: -len(_REMOVED_INDEX)])
    return sorted(removed)


def remove(path):
    """Removes a checkpoint: all at once, even if the process is killed meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        os.replace(path + ".index", path + _REMOVED_INDEX)
    _finish_removal(path)


def _finish_removal(path):
    """Removes the rest of a checkpoint without an index; returns the names of the files."""
    rest = [] if os.path.exists(path + ".index") else checkpoints.parts(path)
    for part in rest + [path + _REMOVED_INDEX]:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)
    return [os.path.basename(part) for part in rest]


def set_aside(paths, problem):
    """Moves files of a folder into one within it; returns a line that says so."""
    folder = os.path.dirname(paths[0])
    names = [os.path.basename(path) for path in paths]
    for number in itertools.count(1):
        aside = os.path.join(folder, _SET_ASIDE_DIRNAME + ("" if number == 1 else "-%d" % number))
        is_free = not os.path.lexists(aside) or (os.path.isdir(aside) and not os.path.islink(aside))
        if is_free and not any(os.path.lexists(os.path.join(aside, name)) for name in names):
            break
    os.makedirs(aside, exist_ok=True)
    for name in names:
        os.rename(os.path.join(folder, name), os.path.join(aside, name))
    return "moved to %s: %s (%s)" % (os.path.basename(aside), ", ".join(names), problem)


def all_set_aside(path):
    """Returns where ``set_aside`` has moved what was at a path: a set of paths."""
    folder, name = map(glob.escape, os.path.split(path))
    return set(glob.glob(os.path.join(folder, _SET_ASIDE_DIRNAME + "*", name)))


def _put_list_right(folder, complete):
    """Writes the list unless it is right; returns lines about what had to be moved for that."""
    path = os.path.join(folder, LIST_FILENAME)
    before = set(_listed(folder))
    listed = [name for name in complete if name in before]
    # Without any that it named, all but the newest stay for good rather than being removed.
    last = complete.index(listed[-1]) + 1 if listed else len(complete) - 1
    names = listed + complete[max(last, 0) :]
    lines = []
    if os.path.lexists(path) and not (complete and os.path.isfile(path)):
        lines.append(set_aside([path], "no list of checkpoints that are there"))
    if names and not _says(path, _list_of(names)):
        write_list(folder, names)
    return lines


def _listed(folder):
    """Returns the names in a folder's list; none where it makes no sense."""
    if not os.path.isfile(os.path.join(folder, LIST_FILENAME)):
        return []
    try:
        state = tf.train.get_checkpoint_state(folder)
    except ValueError:  # No text, or without any names.
        return []
    return [os.path.basename(path) for path in state.all_model_checkpoint_paths] if state else []


def _says(path, text):
    try:
        with open(path, "rb") as file:
            return file.read(len(text) + 1) == text
    except OSError:
        return False


def _list_of(names):
    # TensorFlow rewrites names where the folder is a relative one; under "/" it leaves them.
    return str(tf.train.generate_checkpoint_state_proto(os.sep, names[-1], list(names))).encode()


def write_list(folder, names):
    """Writes the list of a folder's checkpoints, from which slim and TensorFlow resume.

    Args:
      folder: where they are.
      names: their names in it, oldest first; at least one.

    Raises:
      OSError: it cannot be written.
    """
    with atomic.opened(os.path.join(folder, LIST_FILENAME), "wb") as file:
        file.write(_list_of(names))


def make_lasting(path):
    """Waits until a checkpoint's files are on the disk, whatever becomes of the machine.

    Raises:
      OSError: they cannot be written.
    """
    for part in checkpoints.parts(path):
        atomic.sync(part)
    atomic.sync(os.path.dirname(path) or os.curdir)
