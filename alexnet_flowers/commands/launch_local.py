"""Trains with several processes on this machine, as it is done on several machines.

    python scripts/launch_local.py --workers 2 --servers 1 -- --batch_size 28 --run_name cluster

What stands behind -- are the flags of the command train.
"""

import os
import sys

from absl import flags

import alexnet_flowers
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.distributed import local_cluster

FLAGS = flags.FLAGS

with group("Cluster"):
    flags.DEFINE_integer(
        "workers", 2, "Start so many processes that compute gradients.", lower_bound=1
    )
    flags.DEFINE_integer(
        "servers", 1, "Start so many processes that hold the variables.", lower_bound=1
    )


def main(train_flags):
    # Where this package is, installed or not, the processes find it, too.
    there = os.path.dirname(os.path.dirname(os.path.abspath(alexnet_flowers.__file__)))
    path = [there] + list(filter(None, [os.environ.get("PYTHONPATH")]))
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    return local_cluster.run(
        [sys.executable, *_train(), *train_flags],
        FLAGS.workers,
        FLAGS.servers,
        lambda line: print(line + "\n", end="", flush=True),  # Whole, whichever thread has it.
    )


def _train():
    """Returns how Python starts the command train: as this one was, so that it says so, too."""
    script = os.path.join(os.path.dirname(sys.argv[0]), "train.py")
    if sys.argv[0].endswith(".py") and os.path.isfile(script):
        return [script]
    return ["-m", "alexnet_flowers", "train"]
