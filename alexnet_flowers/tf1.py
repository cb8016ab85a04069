"""The one door to TensorFlow: every other module takes ``tf``, ``slim`` and ``alexnet`` from here.

It is loaded when something of it is first used, which takes seconds: by then a command has read its
flags and said what it is about to do. A module that a command imports for its flags uses nothing of
it while it is imported; annotations of tensors are texts there.

TensorFlow is 1.15 with the slim in its ``contrib`` where it is installed, else current
TensorFlow through its ``compat.v1`` with ``tf_slim``; no other module knows which. Its C++ log
shows errors only, unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``; its Python log likewise,
unless a program calls ``tf.logging.set_verbosity`` of this ``tf``, or after its first use.
"""

import contextlib
import functools
import os
import threading
import types
import warnings

from alexnet_flowers import native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Keras, which nothing here uses, would take half a second to import.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# Current TensorFlow leaves this to the processes it starts; in 1.15 it would change shapes.
os.environ.pop("TF2_BEHAVIOR", None)

# A line such as "I0000 00:00:1795685889.650231   21382 auto_mixed_precision.cc:2331] Running ...".
_NOTE = r"^([IW][0-9]{4} [0-9:.]+ +[0-9]+ [^ ]+:[0-9]+\] |INFO: Created TensorFlow Lite )"


def quiet():
    """Returns a context in which TensorFlow reports nothing to the console from its C++ code.

    That is for lines that it logs as errors although they are none, or although it raises them.
    """
    if _is_quiet():
        return native_output.discarded()
    return contextlib.ExitStack()  # Does nothing.


def without_notes():
    """Returns a context in which TensorFlow's C++ code writes no notes and warnings to the console.

    That is for parts of current TensorFlow that write them whatever ``TF_CPP_MIN_LOG_LEVEL`` says.
    """
    if _is_quiet():
        return native_output.without_lines(_NOTE)
    return contextlib.ExitStack()


def _is_quiet():
    """Says whether the environment wants errors only, or not even those."""
    return os.environ["TF_CPP_MIN_LOG_LEVEL"] in ("2", "3")


_importing = threading.RLock()


class _Lazy:
    """What a function returns, which is called when something of it is first used."""

    def __init__(self, loaded):
        self._loaded = loaded

    def __getattr__(self, name):
        with _importing:
            value = getattr(self._loaded(), name)
        setattr(self, name, value)  # Which Python finds by itself the next time.
        return value


tf = _Lazy(lambda: _imported()["tf"])
# What is to be known of the TensorFlow that there is; see ``_imported``.
runtime = _Lazy(lambda: _imported()["runtime"])
# Apart, as they bring all of TensorFlow 1.15's ``contrib``, which is a third of the time.
slim = _Lazy(lambda: _imported_slim()["slim"])
alexnet = _Lazy(lambda: _imported_slim()["alexnet"])


@contextlib.contextmanager
def _without_warnings():
    with warnings.catch_warnings():
        # numpy >= 1.17 warns about TensorFlow 1.15's and TensorBoard's own type definitions.
        warnings.simplefilter("ignore", category=FutureWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        yield


@functools.lru_cache(maxsize=None)
def _imported():
    with _without_warnings():
        with quiet():
            import tensorflow
        parts = _of_tf1(tensorflow) if _is_tf1(tensorflow) else _of_tf2()
        from tensorflow.python.client.device_lib import list_local_devices
        from tensorflow.python.framework import kernels
        from tensorflow.python.summary.writer.writer import SummaryToEventTransformer

    known = parts["runtime"]
    known.list_local_devices = list_local_devices
    known.SummaryToEventTransformer = SummaryToEventTransformer
    # Whether it can compile graphs.
    known.HAS_XLA = bool(kernels.get_registered_kernels_for_op("XlaLaunch").kernel)
    return parts


def _is_tf1(tf):
    return tf.__version__.startswith("1.")


def _of_tf1(tf):
    """Returns the parts of TensorFlow 1.15."""
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    known = types.SimpleNamespace(
        # Whether the optimizer of GPU layouts meets something in slim's dropout that it cannot do,
        # and says so as an error at each start.
        LAYOUT_OPTIMIZER_FAILS=False,
        # Whether its kernels are Intel's MKL-DNN, today called oneDNN: they have other strengths.
        HAS_MKL=tf.pywrap_tensorflow.IsMklEnabled(),
        # The program that pip installs with it, which it starts to convert to TensorFlow Lite.
        LITE_CONVERTER="toco_from_protos",
        GPU_NEEDS="an NVIDIA driver, CUDA 10.0 and a card up to Turing; for newer ones RUNTIME=tf2",
    )
    return {"tf": tf, "runtime": known}


def _of_tf2():
    """Returns the parts of current TensorFlow."""
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    with quiet():
        tf.disable_v2_behavior()
    from tensorflow.python.util import _pywrap_util_port

    known = types.SimpleNamespace(
        LAYOUT_OPTIMIZER_FAILS=True,
        HAS_MKL=_pywrap_util_port.IsMklEnabled(),
        LITE_CONVERTER=None,
        GPU_NEEDS="an NVIDIA driver and the CUDA libraries of tensorflow[and-cuda]",
    )
    return {"tf": tf, "runtime": known}


@functools.lru_cache(maxsize=None)
def _imported_slim():
    tf = _imported()["tf"]
    with _without_warnings():
        if _is_tf1(tf):
            import tensorflow.contrib.slim as slim
            from tensorflow.contrib.slim.nets import alexnet
        else:
            import tf_slim as slim
            from tensorflow.python.framework import ops
            from tensorflow.python.ops import control_flow_ops
            from tf_slim.nets import alexnet

            # tf_slim looks for these where they once were.
            control_flow_ops.case, control_flow_ops.cond = tf.case, tf.cond
            ops.IndexedSlices = tf.IndexedSlices
    # That is what slim's layers are made with.
    warnings.filterwarnings("ignore", message="`layer.apply` is deprecated")
    return {"slim": slim, "alexnet": alexnet}
