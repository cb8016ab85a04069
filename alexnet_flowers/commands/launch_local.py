"""Trains with several processes on this machine, as it is done on several machines.

    python scripts/launch_local.py --workers 2 --servers 1 -- --batch_size 28 --run_name cluster

What stands behind -- are the flags of scripts/train.py.
"""

import functools
import os
import sys

from absl import flags

from alexnet_flowers.commands import command_line
from alexnet_flowers.distributed import local_cluster

FLAGS = flags.FLAGS

flags.DEFINE_integer("workers", 2, "Processes that compute gradients.", lower_bound=1)
flags.DEFINE_integer("servers", 1, "Processes that hold the variables.", lower_bound=1)


def main(train_flags):
    train = os.path.join(command_line.ROOT, "scripts", "train.py")
    return local_cluster.run(
        [sys.executable, train, *train_flags],
        FLAGS.workers,
        FLAGS.servers,
        functools.partial(print, flush=True),
    )
