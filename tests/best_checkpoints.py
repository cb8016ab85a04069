"""A run of which a best checkpoint can be kept, and what it is chosen by, for tests."""

import os

from saved_checkpoints import copy_of_run

from alexnet_flowers.training import checkpoints, runs, upkeep


def run_of_three(random_run, folder):
    """A run of its own in a folder (a ``Path``), with the checkpoints of the steps 7, 8 and 9."""
    copied = runs.locate_run("mine", str(folder / "c"), str(folder / "s"))
    copy_of_run(random_run, copied.checkpoints_dir)
    for name in os.listdir(copied.checkpoints_dir):
        for step in ("8", "9"):
            if name.startswith("model.ckpt-7."):
                os.link(
                    os.path.join(copied.checkpoints_dir, name),
                    os.path.join(copied.checkpoints_dir, name.replace("-7.", "-%s." % step)),
                )
    upkeep.write_list(copied.checkpoints_dir, ["model.ckpt-%d" % n for n in (7, 8, 9)])
    return copied


def measured(run, step, accuracy, curve="validation"):
    """What an evaluation of one of its checkpoints returns."""
    return {
        "split": "validation", "curve": curve, "num_images": 5, "accuracy": accuracy,
        "recall_at_2": 1.0, "cross_entropy": 1.0, "global_step": step,
        "checkpoint": os.path.join(run.checkpoints_dir, "model.ckpt-%d" % step),
    }  # fmt: skip


def kept_path(run):
    """The path of its best checkpoint."""
    return checkpoints.newest(os.path.join(run.checkpoints_dir, "best"))
