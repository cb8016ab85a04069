"""Whether there is a GPU, for tests that have to know where they run."""

import functools

from alexnet_flowers import devices
from alexnet_flowers.tf1 import tf


@functools.lru_cache(maxsize=None)
def is_there():
    """Says whether TensorFlow would use a GPU."""
    return devices.resolve("auto") == "gpu"


def cpu_session(graph=None):
    """Returns a session that sees no GPU.

    That is for comparisons to the last digits: a GPU adds in another order, and from Ampere on
    rounds the factors of products to TF32.
    """
    return tf.Session(graph=graph, config=devices.session_config("cpu"))


def tolerance(on_cpu, on_gpu):
    """Returns what a network on the default device may differ by.

    On a GPU that is more: TF32 has 10 bits of mantissa, and sums are in another order each time.
    """
    return on_gpu if is_there() else on_cpu
