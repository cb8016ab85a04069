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


def without_kernel(operations):
    """Returns those of whose type TensorFlow has no kernel for a GPU: a CPU would compute them."""
    from tensorflow.python.framework import kernels  # After ``tf1``, which silences it.

    return [
        (op.type, op.name)
        for op in operations
        if not any(
            _serves(kernel, op) for kernel in kernels.get_registered_kernels_for_op(op.type).kernel
        )
    ]


def _serves(kernel, op):
    return kernel.device_type in ("GPU", "DEFAULT") and all(
        int(tf.as_dtype(op.get_attr(one.name)).as_datatype_enum) in one.allowed_values.list.type
        for one in kernel.constraint
    )
