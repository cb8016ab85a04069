"""Where the arithmetic runs."""

import os
import typing

from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import GPU_NEEDS, HAS_MKL, quiet, tf

DEVICES = ("auto", "cpu", "gpu")


class Compute(typing.NamedTuple):
    """What a training runs on, and how.

    Attributes:
      device: one of ``DEVICES``.
      num_clones: int, copies of the network, each on a GPU of its own with a batch of its own.
      gradient_rules: bool, see ``alexnet_v2.alexnet_v2``; None: on a CPU.
      intra_op_threads: int, TensorFlow's; 0: one a core.
      inter_op_threads: int, TensorFlow's; 0: one a core.
      input: one of ``training_input.INPUTS``, whether the photos stay on the device.
    """

    device: str = "auto"
    num_clones: int = 1
    gradient_rules: typing.Optional[bool] = None
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    input: str = "auto"


# For ``Session.run``: the operations one after the other, in the thread that asks for them, instead
# of several at a time in a pool of threads. Each may still use all cores for itself.
ONE_BY_ONE = tf.RunOptions(inter_op_thread_pool=-1)

# Reading, decoding and preprocessing run here whatever the network runs on: a GPU is kept for
# the layers, and JPEGs are decoded on the CPU in any case.
INPUT_DEVICE = "/cpu:0"

# What a CPU with arithmetic in bfloat16 has at least one of, as Linux calls it.
_BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
_BFLOAT16_OPTION = "auto_mixed_precision_onednn_bfloat16"


def resolve(device, num_clones=1):
    """Says where the network will run: ``"cpu"`` or ``"gpu"``.

    Args:
      device: ``"auto"`` (the GPU where TensorFlow can use one), ``"cpu"`` or ``"gpu"``.
      num_clones: how many GPUs are needed, where GPUs are used.

    Raises:
      UsageError: another name, or ``"gpu"`` where TensorFlow finds none, or fewer GPUs than needed.
    """
    if device not in DEVICES:
        raise UsageError("--device: %r is none of %s" % (device, ", ".join(DEVICES)))
    # Also for the CPU: TensorFlow's first search for GPUs prints what is silenced here.
    gpus = _list_gpus()
    if device == "cpu":
        return "cpu"
    if gpus:
        if len(gpus) < num_clones:
            raise UsageError("--num_clones %d: there are only %d GPUs" % (num_clones, len(gpus)))
        return "gpu"
    if device == "gpu":
        raise UsageError(
            "--device gpu: TensorFlow %s finds no GPU that it can use "
            "(it needs %s); leave the flag out to use the CPU" % (tf.__version__, GPU_NEEDS)
        )
    return "cpu"


def of_clones(device, num_clones):
    """Returns where each of several copies of the network runs, for ``tf.device``.

    A single one runs where TensorFlow puts it.
    """
    if num_clones == 1 or device == "cpu":
        return [""] * num_clones
    return ["/gpu:%d" % number for number in range(num_clones)]


def num_cores():
    """Returns how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only.
        return os.cpu_count() or 1


def memory_bytes(device):
    """Returns the memory of the smallest GPU that TensorFlow may use, or the host's for a CPU."""
    if device == "cpu":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with tf.Graph().as_default(), tf.Session(config=session_config(device)) as session:
        found = session.list_devices()
    return min(one.memory_limit_bytes for one in found if one.device_type == "GPU")


def _list_gpus():
    """Lists the GPUs without the error line that a machine without a driver would cause.

    TensorFlow's GPU build logs "failed call to cuInit" as an error, from C++, the first time it
    looks for a GPU. Where there is none, none is missing.
    """
    with quiet():
        return tf.config.experimental.list_physical_devices("GPU")


def mixed_precision_obstacle(device):
    """Says why bfloat16 would not be used, or not be fast, on ``"cpu"`` or ``"gpu"``, else None."""
    options = tf.ConfigProto().graph_options.rewrite_options
    if device != "cpu":
        return "is for CPUs only; leave it out, or pass --device cpu"
    if not HAS_MKL or _BFLOAT16_OPTION not in options.DESCRIPTOR.fields_by_name:
        return "needs today's TensorFlow, not %s: make install RUNTIME=tf2" % tf.__version__
    if not _BFLOAT16_INSTRUCTIONS & _cpu_instructions():
        return "this CPU computes no bfloat16 (it has none of %s); leave it out" % ", ".join(
            sorted(_BFLOAT16_INSTRUCTIONS)
        )
    return None


def _cpu_instructions():
    """Returns the names of the CPU's instruction sets; none where Linux does not tell."""
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file if line.startswith("flags")]
    except OSError:
        return set()
    return set(lines[0].split()) if lines else set()


def session_config(device, intra_op_threads=0, inter_op_threads=0, mixed_precision=False):
    """Returns the ``tf.ConfigProto`` of a session on ``device`` (``"cpu"`` or ``"gpu"``).

    GPU memory grows as it is needed, so that several processes can share one card. The two
    thread counts are TensorFlow's (0: one thread a core). With ``mixed_precision`` (see
    ``mixed_precision_obstacle``) the graph stays as it is, and TensorFlow rewrites what it runs:
    layers and their gradients in bfloat16, variables, their updates and the loss in float32.
    """
    config = tf.ConfigProto(
        allow_soft_placement=True,
        intra_op_parallelism_threads=intra_op_threads,
        inter_op_parallelism_threads=inter_op_threads,
        device_count={"GPU": 0} if device == "cpu" else {},
        gpu_options=tf.GPUOptions(allow_growth=True),
    )
    if mixed_precision:
        options = config.graph_options.rewrite_options
        setattr(options, _BFLOAT16_OPTION, options.ON)
    return config
