"""The one door to TensorFlow: every other module takes ``tf``, ``slim`` and ``alexnet`` from here.

That is TensorFlow 1.15 with the slim in its ``contrib`` where it is installed, else current
TensorFlow through its ``compat.v1`` with ``tf_slim``; no other module knows which. Its C++ log
shows errors only, unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``; its Python log likewise,
unless a program calls ``tf.logging.set_verbosity``.
"""

import contextlib
import os
import warnings

from alexnet_flowers import native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Keras, which nothing here uses, would take half a second to import.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# Current TensorFlow leaves this to the processes it starts; in 1.15 it would change shapes.
os.environ.pop("TF2_BEHAVIOR", None)

# A line such as "I0000 00:00:1795685889.650231   21382 auto_mixed_precision.cc:2331] Running ...".
_NOTE = r"^[IW][0-9]{4} [0-9:.]+ +[0-9]+ [^ ]+:[0-9]+\] "


def quiet():
    """Returns a context in which TensorFlow reports nothing to the console from its C++ code.

    That is for lines that it logs as errors although they are none, or although it raises them.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2":
        return native_output.discarded()
    return contextlib.suppress()  # noqa: B022 - Nothing, as contextlib.nullcontext; not in 3.6.


def without_notes():
    """Returns a context in which TensorFlow's C++ code writes no notes and warnings to the console.

    That is for parts of current TensorFlow that write them whatever ``TF_CPP_MIN_LOG_LEVEL`` says.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2":
        return native_output.without_lines(_NOTE)
    return contextlib.suppress()  # noqa: B022 - As above.


with warnings.catch_warnings():
    # numpy >= 1.17 warns about TensorFlow 1.15's and TensorBoard's own type definitions.
    warnings.simplefilter("ignore", category=FutureWarning)
    warnings.simplefilter("ignore", category=DeprecationWarning)
    with quiet():
        import tensorflow

    if tensorflow.__version__.startswith("1."):
        tf = tensorflow
        tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
        import tensorflow.contrib.slim as slim
        from tensorflow.contrib.slim.nets import alexnet

        # Whether the optimizer of GPU layouts meets something in slim's dropout that it cannot do,
        # and says so as an error at each start.
        LAYOUT_OPTIMIZER_FAILS = False
        # Whether its kernels are Intel's MKL-DNN, today called oneDNN: they have other strengths.
        HAS_MKL = tf.pywrap_tensorflow.IsMklEnabled()
        GPU_NEEDS = (
            "an NVIDIA driver, CUDA 10.0 and a card up to Turing; for newer ones RUNTIME=tf2"
        )
    else:
        import tensorflow.compat.v1 as tf

        tf.logging.set_verbosity(tf.logging.ERROR)
        with quiet():
            tf.disable_v2_behavior()
            # The first session of a process says how its graph is optimized.
            with tf.Graph().as_default(), tf.Session(
                config=tf.ConfigProto(device_count={"GPU": 0})
            ) as _session:
                _session.run(tf.constant(0) + tf.constant(0))
        import tf_slim as slim
        from tensorflow.python.framework import ops
        from tensorflow.python.ops import control_flow_ops
        from tensorflow.python.util import _pywrap_util_port
        from tf_slim.nets import alexnet

        LAYOUT_OPTIMIZER_FAILS = True
        HAS_MKL = _pywrap_util_port.IsMklEnabled()
        GPU_NEEDS = "an NVIDIA driver and the CUDA libraries of tensorflow[and-cuda]"
        # tf_slim looks for these where they once were.
        control_flow_ops.case, control_flow_ops.cond = tf.case, tf.cond
        ops.IndexedSlices = tf.IndexedSlices
    from tensorflow.python.client.device_lib import list_local_devices
    from tensorflow.python.framework import kernels
    from tensorflow.python.summary.writer.writer import SummaryToEventTransformer


def kernels_of(op_type):
    """Returns the ``KernelDef`` of each of TensorFlow's kernels for a type of operation."""
    return kernels.get_registered_kernels_for_op(op_type).kernel


# Whether it can compile graphs.
HAS_XLA = bool(kernels_of("XlaLaunch"))

# That is what slim's layers are made with.
warnings.filterwarnings("ignore", message="`layer.apply` is deprecated")

__all__ = [
    "GPU_NEEDS",
    "HAS_MKL",
    "HAS_XLA",
    "LAYOUT_OPTIMIZER_FAILS",
    "SummaryToEventTransformer",
    "alexnet",
    "kernels_of",
    "list_local_devices",
    "quiet",
    "slim",
    "tf",
    "without_notes",
]
