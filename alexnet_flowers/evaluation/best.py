"""The best checkpoint of a run, kept while training goes on and removes the older ones.

It leaves::

    runs/checkpoints/<run>/best/checkpoint, model.ckpt-<step>.*   one checkpoint
    runs/checkpoints/<run>/best/settings.json, labels.txt         as of the run
    runs/checkpoints/<run>/best/best.json                         what it was chosen by

At every moment there is a complete one, once there has been a first.
"""

import json
import os
import shutil

from alexnet_flowers import json_file
from alexnet_flowers.data import records
from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, settings

_RESULT_FILENAME = "best.json"
_CHOSEN_BY = (
    "split", "curve", "num_images", "accuracy", "recall_at_2", "cross_entropy", "global_step",
)  # fmt: skip


def folder_of(run):
    """Returns the folder of a run's best checkpoint, whether or not there is one yet."""
    return os.path.join(run.checkpoints_dir, checkpoints.BEST_DIRNAME)


def keep(run, result):
    """Keeps a checkpoint if it is more accurate than the one kept so far.

    Args:
      run: a ``checkpoints.Run``.
      result: what ``evaluation.Evaluator.evaluate`` returns of one of its checkpoints.

    Returns:
      bool, whether it was kept. It is not either where training has removed it meanwhile.

    Raises:
      UsageError: the one kept so far was chosen by other photos or another view of them.
    """
    folder = folder_of(run)
    before = result_of(run)
    if before is not None:
        if before["curve"] != result["curve"]:
            raise UsageError(
                "--keep_best: %s was chosen by %s, not %s; choose by the same, or remove it"
                % (folder, before["curve"], result["curve"])
            )
        if result["accuracy"] <= before["accuracy"]:
            return False
    os.makedirs(folder, exist_ok=True)
    name = os.path.basename(result["checkpoint"])
    parts = [part for part in os.listdir(run.checkpoints_dir) if part.startswith(name + ".")]
    beside = [settings.FILENAME, records.LABELS_FILENAME]
    try:
        for part in parts + [one for one in beside if _is_file(run.checkpoints_dir, one)]:
            _link(os.path.join(run.checkpoints_dir, part), os.path.join(folder, part))
    except FileNotFoundError:
        return False
    if not checkpoints.is_complete(os.path.join(folder, name)):
        return False
    # From here on it is the best one, whatever happens.
    tf.train.update_checkpoint_state(folder, name, [name])
    chosen = {key: result[key] for key in _CHOSEN_BY}
    json_file.write(os.path.join(folder, _RESULT_FILENAME), chosen)
    wanted = set(parts + beside + ["checkpoint", _RESULT_FILENAME])
    for other in set(os.listdir(folder)) - wanted:
        os.remove(os.path.join(folder, other))
    return True


def result_of(run):
    """Returns what the best checkpoint of a run was chosen by, a dict; None if there is none."""
    folder = folder_of(run)
    path = os.path.join(folder, _RESULT_FILENAME)
    if checkpoints.newest(folder) is None or not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    # As older versions wrote it.
    result.setdefault("curve", result["split"])
    if "loss" in result:
        result["cross_entropy"] = result.pop("loss")
    return result


def _is_file(folder, name):
    return os.path.isfile(os.path.join(folder, name))


def _link(source, target):
    """Gives a file a second name, which costs nothing, or copies it where that cannot be."""
    if os.path.exists(target):
        os.remove(target)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
