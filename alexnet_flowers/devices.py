"""Where the arithmetic runs."""

import contextlib
import glob
import os
import re
import subprocess
import typing

from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import quiet, runtime, tf

DEVICES = ("auto", "cpu", "gpu")


class Compute(typing.NamedTuple):
    """What a training runs on, and how.

    Attributes:
      device: one of ``DEVICES``.
      num_clones: int, copies of the network, each on a GPU of its own with a batch of its own.
      gradient_rules: bool, see ``plan.Plan.uses_gradient_rules``; None: on a CPU.
      intra_op_threads: int, TensorFlow's; 0: one a core.
      inter_op_threads: int, TensorFlow's; 0: one a core.
      input: one of ``training_input.INPUTS``, whether the photos stay on the device.
      xla: bool, whether XLA compiles what runs on a GPU.
      tf32: bool, see ``set_tf32``.
    """

    device: str = "auto"
    num_clones: int = 1
    gradient_rules: typing.Optional[bool] = None
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    input: str = "auto"
    xla: bool = False
    tf32: bool = True


# Reading, decoding and preprocessing run here whatever the network runs on: a GPU is kept for
# the layers, and JPEGs are decoded on the CPU in any case.
INPUT_DEVICE = "/cpu:0"

# NVIDIA's driver; that of Windows' subsystem for Linux.
_OF_GPUS = ("/dev/nvidia[0-9]*", "/dev/dxg")
# What a CPU with arithmetic in bfloat16 has at least one of, as Linux calls it.
_BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
_BFLOAT16_OPTION = "auto_mixed_precision_onednn_bfloat16"
# The compute capability from which on NVIDIA's GPUs compute in bfloat16: Ampere's.
_BFLOAT16_CAPABILITY = 8.0
# Which groups this process is in, and where Linux tells what each of them may take.
_OWN_GROUPS = "/proc/self/cgroup"
_GROUPS = "/sys/fs/cgroup"
# NVIDIA's libraries read it when they are loaded: 0 forbids TF32.
_TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"


def one_by_one():
    """Returns options for ``Session.run``: the operations one after the other.

    They run in the thread that asks for them, instead of several at a time in a pool of threads.
    Each may still use all cores for itself.
    """
    return tf.RunOptions(inter_op_thread_pool=-1)


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
            "(it needs %s); leave the flag out to use the CPU" % (tf.__version__, runtime.GPU_NEEDS)
        )
    return "cpu"


def expected(device):
    """Returns in words where the network is going to run, before TensorFlow is asked.

    Args:
      device: as of ``resolve``.
    """
    if device == "auto" and _may_see_gpus() and any(map(glob.glob, _OF_GPUS)):
        return "the GPU, if TensorFlow can use it"
    return "the GPU" if device == "gpu" else "the CPU"


def expected_card(device):
    """Returns a line that names the GPU on which the network is going to run, as ``expected``.

    The name is the driver's. It is None where no GPU is going to be used, or it is not known which:
    there is no ``nvidia-smi``, or it knows cards of several kinds, whose order is not TensorFlow's.
    """
    where = expected(device)
    if where == "the CPU" or not _may_see_gpus():
        return None
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        said = subprocess.check_output(
            query, stderr=subprocess.DEVNULL, timeout=10, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    names = set(said.splitlines())
    return where.replace("the GPU", "GPU: " + names.pop()) if len(names) == 1 else None


def _may_see_gpus():
    """Says whether this process may use GPUs, where there are any."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")


def num_cores():
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def memory_bytes(device):
    """Returns the memory of the smallest GPU that TensorFlow may use, or the host's for a CPU.

    Of the host's it is what a container, or a batch system's job, may take.
    """
    if device == "cpu":
        host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min([host, *_memory_limits()])
    with tf.Graph().as_default(), tf.Session(config=session_config(device)) as session:
        found = session.list_devices()
    return min(one.memory_limit_bytes for one in found if one.device_type == "GPU")


def _memory_limits():
    """Returns the limits of this process's groups and of those above them, in bytes."""
    limits = []
    with contextlib.suppress(OSError), open(_OWN_GROUPS) as file:
        for line in file:
            _, kinds, path = line.rstrip("\n").split(":", 2)
            if kinds and "memory" not in kinds.split(","):
                continue
            # Of all kinds together, or each kind by itself, as Linux had it before.
            names = ["memory", "memory.limit_in_bytes"] if kinds else ["memory.max"]
            within = path.strip("/").split("/")
            # A container mostly sees its own group as the uppermost one, whatever its path says.
            for depth in range(len(within) + 1):
                limit = os.path.join(_GROUPS, *names[:-1], *within[:depth], names[-1])
                # There is none, or it says "max".
                with contextlib.suppress(OSError, ValueError), open(limit) as file_of_limit:
                    limits.append(int(file_of_limit.read()))
    return limits


def _list_gpus():
    """Lists the GPUs without the error line that a machine without a driver would cause.

    TensorFlow's GPU build logs "failed call to cuInit" as an error, from C++, the first time it
    looks for a GPU. Where there is none, none is missing.
    """
    with quiet():
        return tf.config.experimental.list_physical_devices("GPU")


class Card(typing.NamedTuple):
    """A GPU."""

    name: str
    capability: float  # Its compute capability, 7.5 for Turing.

    def __str__(self):
        return "%s, compute capability %.1f" % self


# Such as "device: 0, name: Tesla T4, pci bus id: 0000:00:04.0, compute capability: 7.5".
_CARD = re.compile(r"name: (?P<name>.*), pci bus id: .*compute capability: (?P<capability>[0-9.]+)")


def cards():
    """Returns a ``Card`` for each GPU that TensorFlow uses."""
    with quiet():
        found = runtime.list_local_devices(session_config("gpu"))
    matches = [_CARD.search(one.physical_device_desc) for one in found if one.device_type == "GPU"]
    return [Card(match["name"], float(match["capability"])) for match in matches if match]


def describe_cards(num_used=1):
    """Returns a line that names the first ``num_used`` GPUs, alike ones once."""
    used = [str(card) for card in cards()[:num_used]]
    counted = ["%d x %s" % (used.count(one), one) for one in dict.fromkeys(used)]
    return "GPU: " + (("; ".join(counted) if num_used > 1 else "".join(used)) or "unknown")


def mixed_precision_obstacle(device):
    """Says why bfloat16 would not be used, or not be fast, on ``"cpu"`` or ``"gpu"``, else None."""
    options = tf.ConfigProto().graph_options.rewrite_options
    if _BFLOAT16_OPTION not in options.DESCRIPTOR.fields_by_name:
        return "needs today's TensorFlow, not %s: make install RUNTIME=tf2" % tf.__version__
    if device == "gpu":
        for card in cards():
            if card.capability < _BFLOAT16_CAPABILITY:
                return "%s computes no bfloat16, for which it needs %.1f; leave it out" % (
                    card,
                    _BFLOAT16_CAPABILITY,
                )
        return None
    if not _BFLOAT16_INSTRUCTIONS & set(of_cpu("flags").split()):
        return "this CPU computes no bfloat16 (it has none of %s); leave it out" % ", ".join(
            sorted(_BFLOAT16_INSTRUCTIONS)
        )
    if not runtime.HAS_MKL:
        return "needs oneDNN, which this TensorFlow does without; set TF_ENABLE_ONEDNN_OPTS=1"
    return None


def xla_obstacle(device):
    """Says why XLA would compile nothing on ``"cpu"`` or ``"gpu"``, else None."""
    if not runtime.HAS_XLA:
        return "TensorFlow %s was built without it; leave it out" % tf.__version__
    if device != "gpu":
        return "compiles only what runs on a GPU; leave it out, or pass --device gpu"
    return None


def set_tf32(allowed):
    """Says for the whole process whether a GPU may compute float32 products in TF32.

    GPUs from Ampere on do so by default: the factors of matrix products and convolutions are
    rounded to 10 bits of mantissa, of float32's 23, and the sums stay float32. To be called before
    anything has run on the GPU.
    """
    if hasattr(tf.config.experimental, "enable_tensor_float_32_execution"):
        tf.config.experimental.enable_tensor_float_32_execution(allowed)
    elif not allowed:  # TensorFlow 1.15: NVIDIA's own build of it uses TF32.
        os.environ[_TF32_VARIABLE] = "0"


def of_cpu(key):
    """Returns what Linux says of the first core: its ``"flags"``, say; empty where it does not."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return ""


def session_config(
    device,
    intra_op_threads=0,
    inter_op_threads=0,
    mixed_precision=False,
    xla=False,
    in_cluster=False,
):
    """Returns the ``tf.ConfigProto`` of a session on ``device`` (``"cpu"`` or ``"gpu"``).

    GPU memory grows as it is needed, so that several processes can share one card. The two
    thread counts are TensorFlow's (0: one thread a core). With ``mixed_precision`` (see
    ``mixed_precision_obstacle``) on a CPU the graph stays as it is, and TensorFlow rewrites what
    it runs: layers and their gradients in bfloat16, variables, their updates and the loss in
    float32. On a GPU it has no such rewriting; there ``nets.bfloat16`` builds the graph so. With
    ``xla`` TensorFlow compiles what runs on a GPU. ``in_cluster`` says that the session is one of
    several processes.
    """
    config = tf.ConfigProto(
        allow_soft_placement=True,
        intra_op_parallelism_threads=intra_op_threads,
        inter_op_parallelism_threads=inter_op_threads,
        device_count={"GPU": 0} if device == "cpu" else {},
        gpu_options=tf.GPUOptions(allow_growth=True),
    )
    options = config.graph_options
    if mixed_precision and device == "cpu":
        setattr(options.rewrite_options, _BFLOAT16_OPTION, options.rewrite_options.ON)
    if mixed_precision and in_cluster:
        # It fuses convolutions in bfloat16 into what no process takes from another.
        options.rewrite_options.remapping = options.rewrite_options.OFF
    if runtime.LAYOUT_OPTIMIZER_FAILS and device == "gpu":
        # In TF32, on TensorFlow 2.20, the step was as fast without it.
        options.rewrite_options.layout_optimizer = options.rewrite_options.OFF
    if xla:
        options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    return config
