"""The best checkpoint of a run, kept while training goes on and removes the older ones.

It leaves::

    runs/checkpoints/<run>/best/checkpoint, model.ckpt-<step>.*   one checkpoint
    runs/checkpoints/<run>/best/settings.json, labels.txt         as of the run
    runs/checkpoints/<run>/best/best.json                         what it was chosen by

At every moment there is a complete one, once there has been a first. Other files there stay.
"""

import contextlib
import os
import shutil

from alexnet_flowers import atomic, json_file, lock, regular_file
from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.training import checkpoints, settings, upkeep

_RESULT_FILENAME = "best.json"
_CHOSEN_BY = (
    "split", "curve", "num_images", "accuracy", "recall_at_2", "cross_entropy", "global_step",
)  # fmt: skip
# What the one before was chosen by, until the new one is complete.
_BEFORE = "before"
# Another process needs a moment; more where the disk is slow and has no second names for a file.
_WAIT_SECS = 60


def keep(run, result, report=print, flag="keep_best"):
    """Keeps a checkpoint if it is more accurate than the one kept so far.

    Args:
      run: a ``runs.Run``.
      result: what ``evaluator.Evaluator.evaluate`` returns of one of its checkpoints.
      report: called with a line if the one so far has to be set aside, as nothing says how
        accurate it was, or if training has removed meanwhile what would be kept.
      flag: see ``check_curve``.

    Returns:
      bool, whether it was kept.

    Raises:
      DataError: another process keeps one for a minute, or the folder is none.
      UsageError: the one kept so far was chosen by other photos or another view of them.
    """
    folder = run.best_dir
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError:
        raise DataError("%s: is no folder; move it away" % folder)
    with lock.held(folder, "written", _WAIT_SECS):
        upkeep.remove_temporary(folder)
        before = _read_or_set_aside(run, report)
        _check_curve(run, before, result["curve"], flag)
        if before is not None and result["accuracy"] <= before["accuracy"]:
            return False
        is_kept = _replace(run, result, before)
        if not is_kept:
            report(
                "%s: step %d would be the best one, but training has removed it meanwhile; a "
                "larger --max_to_keep leaves it longer" % (folder, result["global_step"])
            )
        return is_kept


def _read_or_set_aside(run, report):
    """Returns ``result_of(run)``; where that is damaged, sets it and its checkpoint aside."""
    try:
        return result_of(run)
    except DataError as error:
        folder = run.best_dir
        there = [os.path.join(folder, _RESULT_FILENAME)]
        for path in checkpoints.all_begun(folder):
            there += checkpoints.parts(path)
        report("%s: %s" % (folder, upkeep.set_aside(there, error)))
        return None


def check_curve(run, curve, flag):
    """Raises ``UsageError`` if a run's best checkpoint was chosen by other photos or another view.

    A damaged one is passed over: a better one sets it aside.

    Args:
      run: a ``runs.Run``.
      curve: see ``evaluator.Evaluator``.
      flag: the one that asks for a best checkpoint, for the message.
    """
    with contextlib.suppress(DataError):
        _check_curve(run, result_of(run), curve, flag)


def _check_curve(run, kept, curve, flag):
    if kept is not None and kept["curve"] != curve:
        raise UsageError(
            "--%s: %s was chosen by %s, not %s; choose by the same, or move it away"
            % (flag, run.best_dir, kept["curve"], curve)
        )


def _replace(run, result, before):
    """Makes a checkpoint the best one; returns whether it was still there."""
    source = os.path.join(run.checkpoints_dir, os.path.basename(result["checkpoint"]))
    if not checkpoints.is_complete(source):
        return False
    folder, name = run.best_dir, os.path.basename(source)
    best = os.path.join(folder, name)
    if before is not None:
        if name == _name_of(before, folder):
            before = _renamed(best, before)
        # Or what a kill has left of an older one of this name: no index fits other data.
        if os.path.lexists(best + ".index"):
            upkeep.remove(best)
    chosen = {key: result[key] for key in _CHOSEN_BY}
    chosen["checkpoint"] = name
    if before is not None:
        chosen[_BEFORE] = before
    beside = [
        os.path.join(run.checkpoints_dir, filename)
        for filename in (settings.FILENAME, records.LABELS_FILENAME)
    ]
    try:
        for part in checkpoints.parts(source)[1:]:
            _link(part, os.path.join(folder, os.path.basename(part)))
        for file in filter(os.path.isfile, beside):
            with atomic.replacing(os.path.join(folder, os.path.basename(file))) as partial:
                shutil.copyfile(file, partial)
        json_file.write(os.path.join(folder, _RESULT_FILENAME), chosen)
        # From here on it is the best one, whatever happens.
        _link(source + ".index", best + ".index")
    except FileNotFoundError:
        pass  # It is not complete then.
    if not checkpoints.is_complete(best):
        upkeep.remove(best)
        return False
    upkeep.make_lasting(best)
    upkeep.write_list(folder, [name])
    for other in checkpoints.all_begun(folder):
        if other != best:
            upkeep.remove(other)
    return True


def _renamed(path, result):
    """Gives the best one so far another name; returns its result with that name.

    Its step was made again, and the files of one checkpoint cannot be replaced all at once.
    """
    folder, name = os.path.split(path)
    other = os.path.join(folder, name.replace("-", "-0"))
    index, *others = checkpoints.parts(path)
    for part in others + [index]:
        _link(part, other + part[len(path) :])
    result = dict(result, checkpoint=os.path.basename(other))
    json_file.write(os.path.join(folder, _RESULT_FILENAME), result)
    upkeep.write_list(folder, [result["checkpoint"]])
    return result


def _name_of(result, folder):
    """Returns the name of a best checkpoint; older versions did not write it: there is one."""
    return os.path.basename(result.get("checkpoint") or checkpoints.newest(folder) or "")


def result_of(run):
    """Returns what a run's best checkpoint was chosen by, or None; ``DataError`` if damaged."""
    folder = run.best_dir
    reads = []
    while True:
        read = _read(os.path.join(folder, _RESULT_FILENAME))
        for result in read:
            # Older versions had no other curve, and another word for the cross entropy.
            result.setdefault("curve", result["split"])
            if "loss" in result:
                result["cross_entropy"] = result.pop("loss")
            name = _name_of(result, folder)
            if name and checkpoints.is_complete(os.path.join(folder, name)):
                return result
        # During a look a better checkpoint may take the place of those in the file, during the next
        # one another. There is none only where the file was the same before and after two looks.
        if reads[-2:] == [read, read]:
            return None
        reads.append(read)


def _read(path):
    """Returns the results in a file, the one that is meant first; none where there is no file."""
    regular_file.check(path)
    try:
        content = json_file.read(path)
        _check(content)
        before = content.pop(_BEFORE, None)
        if before is not None:
            _check(before)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError("%s: damaged (%s)" % (path, str(error)[:80] or type(error).__name__))
    return (content,) if before is None else (content, before)


def _check(result):
    """Raises ``ValueError``, or what else it is, unless a result can be compared with another."""
    if not 0 <= result["accuracy"] <= 1 or not isinstance(result["global_step"], int):
        raise ValueError("its accuracy is no share, or its step no number")
    texts = result["split"], result.get("curve", ""), result.get("checkpoint", "")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its split, curve or checkpoint is no text")


def _link(source, target):
    """Gives a file a second name, which costs nothing, or copies it where that cannot be.

    What was at the second name is replaced at once.
    """
    temporary = "%s.tempstate%d" % (target, os.getpid())
    try:
        try:
            os.link(os.path.realpath(source), temporary)  # Of a link, what it leads to.
        except FileNotFoundError:
            raise
        except OSError:
            with atomic.naming(temporary):
                shutil.copyfile(source, temporary)
            atomic.sync(temporary)
        os.replace(temporary, target)
    finally:  # It is still there after an error, or if both are one file.
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
