"""Trains with several processes on this machine, as it is done on several machines.

    python scripts/launch_local.py --workers 2 --servers 1 -- --batch_size 28 --run_name cluster

What stands behind -- are the flags of the command train.
"""

import functools
import os
import sys

from absl import flags

import alexnet_flowers
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.distributed import local_cluster

FLAGS = flags.FLAGS

with group("Cluster"):
    # Each needs a port; of more there would not be enough.
    define_count = functools.partial(flags.DEFINE_integer, lower_bound=1, upper_bound=1000)
    define_count("workers", 2, "Start so many processes that compute gradients.")
    define_count("servers", 1, "Start so many processes that hold the variables.")


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
