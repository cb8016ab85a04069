"""What is compared with what; each function measures one row of the table."""

import collections
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf

BATCH_SIZE = 56
_STEP = {"kind": "step", "batch_size": BATCH_SIZE}
_SYNTHETIC_STEP = "training step, batch %d, synthetic images" % BATCH_SIZE
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

Row = collections.namedtuple("Row", ["name", "what", "against", "ours", "rival", "unit", "ratio"])
Row.__doc__ = """A comparison.

Attributes:
  name: str, for programs.
  what: str, what was measured.
  against: str, the rival.
  ours: list of float, each measurement.
  rival: the same of the rival; None where it was not measured.
  unit: str.
  ratio: float or None, how many times better ours is; above 1 is in our favour.
"""


def row(name, what, against, ours, rival, unit, more_is_better=False):
    """Returns a ``Row``, its ratio being that of the medians."""
    ratio = None
    if rival:
        ratio = statistics.median(rival) / statistics.median(ours)
        if more_is_better:
            ratio = 1 / ratio
    return Row(name, what, against, ours, rival, unit, ratio)


class Worker:
    """A process that makes things and says how long each took; see ``worker``.

    It is stopped (``SIGSTOP``) whenever it is not asked for anything, so that its threads, which
    would fill its queues, take nothing from its rival.
    """

    def __init__(self, what, python=None):
        """Starts it; ``with`` waits until it is ready and ends it."""
        if isinstance(what, dict):
            args = ["-m", "alexnet_flowers.benchmark.worker", json.dumps(what)]
        else:
            args = what
        self._process = subprocess.Popen(
            [python or sys.executable, *args],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.peak_mb = None

    def __enter__(self):
        self.about = self._answer()["ready"]
        self._process.send_signal(signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()

    def make(self, count, uncounted=0):
        """Has some made that are not counted, and ``count`` more; returns the seconds of these."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write("%d %d\n" % (uncounted, count))
        self._process.stdin.flush()
        answer = self._answer()
        self._process.send_signal(signal.SIGSTOP)
        self.peak_mb = answer["peak_mb"]
        return answer["secs"]

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise DataError("a process of the benchmark ended early; its error is above")
        return json.loads(line)


def in_turn(ours, rival, rounds, ours_each=1, rival_each=1, warm_up=1):
    """Has two workers make things in turn, A B A B; returns the seconds of both.

    The first ``warm_up`` of each are not counted.
    """
    ours.make(warm_up)
    rival.make(warm_up)
    secs = ([], [])
    for _ in range(rounds):
        for worker, each, part in ((ours, ours_each, secs[0]), (rival, rival_each, secs[1])):
            part.extend(worker.make(each))
    return secs


def machine():
    """Returns a line about the machine and the software."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            found = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
        model = found[0] if found else model
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2.0**30
    return "%s, %d cores, %.0f GiB, %s, Python %s, TensorFlow %s" % (
        model,
        os.cpu_count(),
        memory_gib,
        platform.system(),
        platform.python_version(),
        tf.__version__,
    )


def training_step_real(dataset_dir, rounds):
    """End to end, from JPEGs; also returns the reference's peak memory in MB."""
    what = dict(_STEP, dataset_dir=dataset_dir)
    with Worker(what) as ours, Worker(dict(what, ours=False)) as rival:
        secs = in_turn(ours, rival, rounds, ours_each=3, warm_up=2)
        peak_mb = rival.peak_mb
    return row(
        "train_step_real",
        "training step, batch 56, from JPEGs",
        "TensorFlow's own gradients, the reference's pipeline",
        *secs,
        unit="s",
    ), peak_mb


def _synthetic_step(name, ours, rival, against, rounds, on=""):
    """Returns the row of two workers that make training steps of synthetic images."""
    secs = in_turn(ours, rival, rounds, ours_each=2, rival_each=2, warm_up=2)
    return row(name, _SYNTHETIC_STEP + on, against, *secs, unit="s")


def training_step_torch(torch_python, rounds):
    """Synthetic images; None for the rival where there is no PyTorch."""
    has_torch = subprocess.run(
        [torch_python, "-c", "import torch"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with Worker(_STEP) as ours:
        if has_torch.returncode:
            ours.make(2)
            return row("train_step_torch", _SYNTHETIC_STEP, "PyTorch", ours.make(rounds), None, "s")
        with Worker(
            ["-m", "alexnet_flowers.benchmark.torch_worker", str(BATCH_SIZE)], python=torch_python
        ) as rival:
            against = "PyTorch %(torch)s, fp32, %(layout)s" % rival.about
            return _synthetic_step("train_step_torch", ours, rival, against, rounds)


def training_step_floor(rounds):
    """Against the time that its arithmetic alone would take at the best matrix product's speed."""
    with Worker(_STEP) as ours:
        with Worker({"kind": "products"}) as products:
            secs, secs_a_gflop = in_turn(ours, products, rounds, ours_each=2, warm_up=2)
        gflop = ours.about["flops"] / 1e9
    against = "%.1f GFLOP at the best matrix product, %.0f GFLOP/s" % (gflop, 1 / min(secs_a_gflop))
    # The best product of all, not each round's: a floor is what the machine can do.
    return row(
        "train_step_floor",
        _SYNTHETIC_STEP,
        against,
        secs,
        [gflop * min(secs_a_gflop)],
        "s",
    )


def training_step_other_tensorflow(python, rounds):
    """The same step by the same code in another environment."""
    with Worker(_STEP) as ours, Worker(_STEP, python=python) as rival:
        against = "the same code on TensorFlow " + rival.about["tensorflow"]
        return _synthetic_step("train_step_other_tensorflow", ours, rival, against, rounds)


def gradient_rules(python, rounds):
    """The gradient rules against the gradients of another TensorFlow, both in its environment."""
    with Worker(_STEP, python) as ours, Worker(dict(_STEP, ours=False), python) as rival:
        on = ", on TensorFlow " + ours.about["tensorflow"]
        against = "the reference's step there"
        return _synthetic_step("gradient_rules", ours, rival, against, rounds, on)


def mixed_precision(python, rounds):
    """The step in bfloat16 against float32, in another environment; None where there is none."""
    with Worker(_STEP, python) as rival:
        if not rival.about["has_mixed_precision"]:
            return None
        with Worker(dict(_STEP, mixed_precision=True), python) as ours:
            on = ", on TensorFlow %s, --mixed_precision" % rival.about["tensorflow"]
            return _synthetic_step(
                "mixed_precision", ours, rival, "the same in float32", rounds, on
            )


def input_pipeline(dataset_dir, rounds, python=None):
    """Images a second, nothing but input; by default in this environment."""
    what = {"kind": "input", "dataset_dir": dataset_dir, "batch_size": BATCH_SIZE}
    with Worker(dict(what, way="ours"), python) as ours, Worker(
        dict(what, way="reference"), python
    ) as rival:
        rates = ([], [])
        for _ in range(rounds):
            for worker, part in ((ours, rates[0]), (rival, rates[1])):
                part.append(_images_per_sec(worker))
    return row(
        "input_pipeline",
        "input pipeline, 4 readers and 4 threads"
        + (", on TensorFlow " + ours.about["tensorflow"] if python else ""),
        "the reference's",
        *rates,
        unit="images/s",
        more_is_better=True,
    )


# A side's queues may be full when its turn begins: five batches of the reference's batch queue,
# two of the prefetch queue, and one under way.
_QUEUED_BATCHES = 8
# Single batches only say how full a queue was; turns of a second or two, in which both sides meet
# the same machine.
_COUNTED_BATCHES = 20


def _images_per_sec(worker):
    secs = worker.make(_COUNTED_BATCHES, uncounted=_QUEUED_BATCHES)
    return BATCH_SIZE * _COUNTED_BATCHES / sum(secs)


def input_methods(dataset_dir, rounds):
    """Images a second of the same preprocessing through queues, ``tf.data`` and ``feed_dict``."""
    what = {"kind": "input", "dataset_dir": dataset_dir, "batch_size": BATCH_SIZE}
    found = collections.OrderedDict()
    with Worker(dict(what, way="ours")) as queues, Worker(
        dict(what, way="tf.data")
    ) as data, Worker(dict(what, way="feed_dict")) as fed:
        workers = {"queues": queues, "tf.data": data, "feed_dict": fed}
        for _ in range(rounds):
            for name, worker in workers.items():
                found.setdefault(name, []).append(_images_per_sec(worker))
    return {name: statistics.median(rates) for name, rates in found.items()}


def input_threads(dataset_dir, rounds):
    """Images a second by number of readers and of preprocessing threads."""
    found = collections.OrderedDict()
    for readers in (1, 4):
        for threads in (1, 2, 4, 8):
            what = {
                "kind": "input",
                "way": "ours",
                "dataset_dir": dataset_dir,
                "batch_size": BATCH_SIZE,
                "num_readers": readers,
                "num_preprocessing_threads": threads,
            }
            with Worker(what) as worker:
                rates = [_images_per_sec(worker) for _ in range(rounds)]
            found["%d readers, %d threads" % (readers, threads)] = statistics.median(rates)
    return found


def conversion(archive, rounds):
    """Seconds for a whole archive, read, checked, split and written."""
    what = {"kind": "conversion", "archive": archive}
    with Worker(dict(what, ours=True)) as ours, Worker(dict(what, ours=False)) as rival:
        secs = in_turn(ours, rival, rounds)
    return row(
        "conversion",
        "conversion of an archive, every photo decoded",
        "one photo at a time through a session",
        *secs,
        unit="s",
    )


def memory_and_start(dataset_dir, num_steps, reference_peak_mb):
    """Two rows from ``scripts/train.py`` itself: its peak memory, and the time to its first step.

    The run has all of its summaries and its checkpoint; the rival is the reference's bare step.

    Returns:
      The two rows, and the growth in MB of the resident size over the run's second half.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            [
                sys.executable,
                os.path.join(_ROOT, "scripts", "train.py"),
                "--dataset_dir=" + dataset_dir,
                "--checkpoints_dir=" + os.path.join(folder, "checkpoints"),
                "--summaries_dir=" + os.path.join(folder, "summaries"),
                "--batch_size=%d" % BATCH_SIZE,
                "--max_number_of_steps=%d" % num_steps,
                "--log_every_n_steps=1",
                "--save_summaries_secs=20",
                "--device=cpu",
            ],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        sizes_mb = []
        for line in process.stdout:
            if line.startswith("step"):
                if not sizes_mb:
                    first_step_secs = time.perf_counter() - start
                sizes_mb.append(_resident_mb(process.pid))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        raise DataError("scripts/train.py failed; its error is above")
    half = len(sizes_mb) // 2
    growth_mb = max(sizes_mb[half:]) - max(sizes_mb[:half]) if half else 0.0
    memory = row(
        "memory",
        "peak resident size of training, batch 56, %d steps with summaries" % num_steps,
        "the reference's bare step",
        [usage.ru_maxrss / 1024.0],
        [reference_peak_mb],
        "MB",
    )
    start_up = row(
        "start_up",
        "from the command to the end of the first step, summaries included",
        "",
        [first_step_secs],
        None,
        "s",
    )
    return memory, start_up, growth_mb


def _resident_mb(pid):
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2.0**20
