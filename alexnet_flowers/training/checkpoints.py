"""The checkpoints in a folder: which are complete, which is the newest, what they hold.

A checkpoint ``model.ckpt-<step>`` has an ``.index``, its data in one or more parts
``.data-<i>-of-<n>``, and mostly a ``.meta``, its graph, which nothing here needs. What lies in the
folder decides, not the list, TensorFlow's file ``checkpoint``. Here nothing is changed; see
``upkeep.py``.
"""

import contextlib
import os
import re
import tempfile

import numpy as np

from alexnet_flowers.errors import DataError, first_line
from alexnet_flowers.first_of_many import some
from alexnet_flowers.tf1 import tf

_SUFFIX = re.compile(r"\.(index|meta|data-[0-9]{5}-of-[0-9]{5})$")
_PART = re.compile(r"(model\.ckpt-[0-9]+)" + _SUFFIX.pattern)
# What a reader raises about a damaged checkpoint, in one TensorFlow or the other.
_DAMAGED = (IndexError, ValueError, RuntimeError)


class Removed(DataError):
    """A checkpoint that went before it was read; training removes old ones at any moment."""


def newest(folder):
    """Returns the path (without suffix) of a folder's newest complete checkpoint, or None."""
    last = None
    while True:
        begun = all_begun(folder)
        found = next((path for path in reversed(begun) if is_complete(path)), None)
        if found or begun == last:
            return found
        last = begun  # Another process may have put a newer one in their place meanwhile.


def all_complete(folder):
    """Returns the paths of a folder's complete checkpoints, oldest first."""
    return [path for path in all_begun(folder) if is_complete(path)]


def all_begun(folder):
    """Returns the paths of all checkpoints of which a folder has any part, oldest first."""
    matches = filter(None, map(_PART.fullmatch, names_in(folder)))
    names = {match.group(1) for match in matches}
    in_order = sorted(names, key=lambda name: (number_of(name), name))
    return [os.path.join(folder, name) for name in in_order]


def number_of(path):
    """Returns the step that the name of a run's checkpoint says."""
    return int(path.rsplit("-", 1)[1])


def names_in(folder):
    """Returns what a folder holds; nothing if it is none."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError("%s: cannot be read (%s)" % (folder, error.strerror))


def parts(path):
    """Returns the paths of all the files of a checkpoint, its index first."""
    folder, start = os.path.split(path)
    found = [
        os.path.join(folder, name)
        for name in names_in(folder or os.curdir)
        if name != start and _SUFFIX.sub("", name) == start
    ]
    return sorted(found, key=lambda part: part != path + ".index")


def is_complete(path):
    """Says whether a checkpoint's index and all of its data are there; see ``defect``."""
    return defect(path) is None


def defect(path):
    """Returns what a checkpoint lacks, a text; None if it is complete.

    Its index has to be readable, and each of its parts of data there and, together, as long as
    the index says. What the data are is not examined; see ``unreadable``.
    """
    if not os.path.isfile(path + ".index"):
        return "its index is missing"
    try:
        with opened(path) as reader:
            wanted = _num_bytes(reader)
    except DataError:
        return "its index cannot be read"
    found = _num_data_bytes(path)
    if found is None:
        return "a part of its data is missing"
    if found < wanted:
        return "its data has %d bytes of %d" % (found, wanted)
    return None


def _num_bytes(reader):
    """Returns how many bytes the variables of a checkpoint take; of texts, at least."""
    dtypes = reader.get_variable_to_dtype_map()
    return sum(
        int(np.prod(shape, dtype=np.float64))
        * (1 if dtypes[name] == tf.string else dtypes[name].size)
        for name, shape in reader.get_variable_to_shape_map().items()
    )


def _num_data_bytes(path):
    """Returns the size of a checkpoint's data; None unless all parts are there."""
    sizes = {}
    for part in parts(path):
        if ".data-" not in part or not os.path.isfile(part):
            continue
        with contextlib.suppress(FileNotFoundError):  # It may be removed at any moment.
            sizes.setdefault(int(part[-5:]), []).append(os.path.getsize(part))
    complete = [sum(found) for count, found in sizes.items() if len(found) == count]
    return max(complete) if complete else None


def unreadable(path):
    """Returns why a complete checkpoint cannot be read, a text; None if all of it can.

    That takes as long as to restore it: the data are read, and their checksums compared.
    """
    try:
        with opened(path) as reader:
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
            _global_step(reader, path)
    except DataError as error:
        return str(error).replace(path + ": ", "", 1)
    return None


@contextlib.contextmanager
def plain_name(path):
    """Yields a name of a checkpoint that TensorFlow does not take for a pattern.

    It matches the name that it is to read with the names that there are, so that nothing is found
    under ``runs[1]/model.ckpt-3``. The name is valid in the ``with`` statement.
    """
    if not re.search(r"[*?[\\]", path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "checkpoint")
        for part in parts(path):
            os.symlink(os.path.abspath(part), plain + part[len(path) :])
        yield plain


@contextlib.contextmanager
def opened(path):
    """Yields a ``tf.train.NewCheckpointReader`` in a ``with`` statement.

    Raises:
      DataError: the checkpoint is damaged, also as far as that shows in the statement.
      Removed: it is not there any more.
    """
    with plain_name(path) as plain:
        try:
            yield tf.train.NewCheckpointReader(plain)
        except (tf.errors.OpError, *_DAMAGED) as error:
            raise error_about(path, "not a readable checkpoint (%s)" % first_line(error))


def error_about(path, problem):
    """Returns the ``DataError`` of a checkpoint that could not be read, or ``Removed``."""
    # ``upkeep.remove`` takes the index first, ``rm -r`` any part.
    is_there = os.path.lexists(path + ".index") and _num_data_bytes(path) is not None
    return (DataError if is_there else Removed)("%s: %s" % (path, problem))


def shapes_of(path):
    """Returns ``{variable's name: its shape}`` of a checkpoint; ``DataError`` if it is damaged."""
    with opened(path) as reader:
        return reader.get_variable_to_shape_map()


def global_step_of(path):
    """Returns how many steps a checkpoint was saved after, or 0; ``DataError`` if it is damaged."""
    with opened(path) as reader:
        return _global_step(reader, path)


def _global_step(reader, path):
    if not reader.has_tensor("global_step"):
        return 0
    try:
        return int(reader.get_tensor("global_step"))
    except (TypeError, ValueError):
        raise DataError("%s: its global_step is no number" % path)


def resolve(path, run_dir):
    """Returns the checkpoint that a person means.

    Args:
      path: a checkpoint, one of its files, a folder of checkpoints (its newest is meant), or None.
      run_dir: the folder whose newest is meant by None.

    Raises:
      DataError: there is no such checkpoint, or it is not complete.
    """
    if path is not None and not os.path.isdir(path):
        path = _SUFFIX.sub("", path)
        problem = defect(path)
        if problem:
            raise DataError("%s: %s" % (path, problem if parts(path) else "no such checkpoint"))
        return path
    folder = path or run_dir
    found = newest(folder) or (_only_foreign(folder) if path is not None else None)
    if found:
        return found
    there = all_begun(folder)
    if there:
        raise DataError(
            "%s: none of its %d checkpoints is complete; of the newest, %s, %s"
            % (folder, len(there), os.path.basename(there[-1]), defect(there[-1]))
        )
    others = folders_with(newest, os.path.dirname(folder)) if path is None else []
    raise DataError(
        "%s: no checkpoint yet; train first, with scripts/train.py%s"
        % (folder, ", or name another run: " + some(others, most=12) if others else "")
    )


def folders_with(checkpoints_in, parent):
    """Returns the sorted names of the folders in one where ``newest`` or the like finds any.

    What may not be read, as another user's or a disk's ``lost+found``, is passed over.
    """
    found = []
    for name in names_in(parent):
        with contextlib.suppress(DataError):
            if checkpoints_in(os.path.join(parent, name)):
                found.append(name)
    return found


def _only_foreign(folder):
    """Returns the one complete checkpoint of a folder under another name than this project's.

    None if there is none; slim's models to start from are called alexnet_v2.ckpt and the like.

    Raises:
      DataError: there are several.
    """
    paths = [
        os.path.join(folder, name[:-6]) for name in names_in(folder) if name.endswith(".index")
    ]
    found = [path for path in paths if is_complete(path)]
    if len(found) > 1:
        names = ", ".join(map(os.path.basename, found))
        raise DataError("%s: which of its checkpoints? pass one of %s" % (folder, names))
    return found[0] if found else None


def read_newest(path, run_dir, read):
    """Returns what a function makes of the checkpoint that a person means; see ``resolve``.

    Training, or a better one, may remove it at any moment: then it is another one's turn.

    Args:
      path: see ``resolve``.
      run_dir: see ``resolve``.
      read: a function of a checkpoint's path, which raises ``Removed`` where that is not there.
    """
    while True:
        found = resolve(path, run_dir)
        with contextlib.suppress(Removed):
            return read(found)
