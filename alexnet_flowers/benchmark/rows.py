"""What is compared with what: functions that measure the rows of the table."""

import contextlib
import functools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import typing

from alexnet_flowers import devices
from alexnet_flowers.benchmark.sides import Worker, command, in_turn
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf

BATCH_SIZE = 56
_STEP = {"kind": "step", "batch_size": BATCH_SIZE}
_SYNTHETIC_STEP = "training step, batch %d, synthetic images" % BATCH_SIZE
_THERE = ", on TensorFlow %(tensorflow)s"
START_UP = "from the command to the end of the first step, summaries included"
PYTORCH = "PyTorch %(torch)s, %(arithmetic)s, %(layout)s"
IN_BFLOAT16 = ["--dtype=bfloat16"]
COMPILED = ["--dtype=bfloat16", "--compile"]


class Row(typing.NamedTuple):
    """A comparison.

    Attributes:
      name: str, for programs.
      what: str, what was measured.
      against: str, the rival.
      ours: list of float, each measurement.
      rival: the same of the rival; None where it was not measured.
      unit: str.
    """

    name: str
    what: str
    against: str
    ours: typing.List[float]
    rival: typing.Optional[typing.List[float]]
    unit: str

    @property
    def ratio(self):
        """How many times better our median is, above 1 in our favor; None without a rival."""
        if not self.rival:
            return None
        ratio = statistics.median(self.rival) / statistics.median(self.ours)
        return 1 / ratio if self.unit == "images/s" else ratio  # Else less is better.


def machine():
    """Returns a line about the machine and the software."""
    return "%s, %d cores, %.0f GiB, %s, Python %s, TensorFlow %s" % (
        devices.of_cpu("model name") or platform.processor() or platform.machine(),
        devices.num_cores(),
        devices.memory_bytes("cpu") / 2.0**30,
        platform.system(),
        platform.python_version(),
        tf.__version__,
    )


def training_step_real(dataset_dir, rounds):
    """End to end, from JPEGs; also returns the reference's peak memory in MB."""
    what = dict(_STEP, dataset_dir=dataset_dir)
    with Worker(what) as ours, Worker(dict(what, way="reference")) as rival:
        secs = in_turn(ours, rival, rounds, ours_each=3, warm_up=2)
        peak_mb = rival.peak_mb
    return Row(
        "train_step_real",
        "training step, batch %d, from JPEGs" % BATCH_SIZE,
        "TensorFlow's own gradients, the reference's pipeline",
        *secs,
        unit="s",
    ), peak_mb


def _synthetic_step(name, ours, rival, rounds, against, on=""):
    """Measures training steps on synthetic images; returns a ``Row``, None without bfloat16.

    Args:
      name: the row's.
      ours: the arguments of our ``Worker``.
      rival: those of the rival's.
      rounds: int.
      against: the row's, in which ``%(...)s`` is what the rival says of itself.
      on: added to what was measured, in which ``%(...)s`` is what our worker says of itself.
    """
    with Worker(*ours) as our_worker:
        if "mixed_precision" in ours[0] and not our_worker.about["has_mixed_precision"]:
            return None
        with Worker(*rival) as rival_worker:
            secs = in_turn(our_worker, rival_worker, rounds, ours_each=2, rival_each=2, warm_up=2)
        what = _SYNTHETIC_STEP + on % our_worker.about
        return Row(name, what, against % rival_worker.about, *secs, unit="s")


@functools.lru_cache(maxsize=None)
def has_torch(python):
    """Says whether a Python program has PyTorch."""
    found = subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL)
    return found.returncode == 0


def pytorch_step(options=(), batch_size=BATCH_SIZE):
    """Returns the argument of a ``Worker`` that makes PyTorch's step."""
    return ["alexnet_flowers.benchmark.torch_worker", str(batch_size), *options]


def training_step_torch(torch_python, rounds):
    """Synthetic images; None for the rival where there is no PyTorch."""
    name = "train_step_torch"
    if has_torch(torch_python):
        rival = (pytorch_step(), torch_python)
        return _synthetic_step(name, (_STEP,), rival, rounds, PYTORCH)
    with Worker(_STEP) as ours:
        secs = ours.make(rounds, uncounted=2)
        return Row(name, _SYNTHETIC_STEP, "PyTorch", secs, None, "s")


def other_tensorflow(python, torch_python, rounds):
    """Compares with another TensorFlow, and in its environment: gradient rules and bfloat16.

    Yields:
      A ``Row`` each.
    """
    against = "the same code on TensorFlow %(tensorflow)s"
    yield _synthetic_step("train_step_other_tensorflow", (_STEP,), (_STEP, python), rounds, against)
    rival = (dict(_STEP, way="reference"), python)
    against = "the reference's step there"
    yield _synthetic_step("gradient_rules", (_STEP, python), rival, rounds, against, _THERE)
    yield from mixed_precision(torch_python, rounds, python)


def mixed_precision(torch_python, rounds, python=None):
    """The step in bfloat16 on the CPU against ours in float32 and PyTorch's in bfloat16.

    Args:
      torch_python: a Python program, which may have PyTorch.
      rounds: int.
      python: whose TensorFlow computes; None: this one's.

    Yields:
      A ``Row`` each; none where the machine or that TensorFlow has no bfloat16, and none of
      PyTorch's where that is not there.
    """
    ours = (dict(_STEP, mixed_precision=True), python)
    on = (_THERE if python else "") + ", --mixed_precision"
    rivals = [("", (_STEP, python), "the same in float32")]
    for suffix, options in (("_torch", IN_BFLOAT16), ("_torch_compiled", COMPILED)):
        rivals.append((suffix, (pytorch_step(options), torch_python), PYTORCH))
    for suffix, rival, against in rivals:
        if suffix and not has_torch(torch_python):
            return
        found = _synthetic_step("mixed_precision" + suffix, ours, rival, rounds, against, on)
        if found is None:
            return
        yield found


def training_step_floor(rounds):
    """Against the time that its arithmetic alone would take at the best matrix product's speed."""
    with Worker(_STEP) as ours, Worker({"kind": "products"}) as products:
        secs, secs_a_gflop = in_turn(ours, products, rounds, ours_each=2, warm_up=2)
        gflop = ours.about["flops"] / 1e9
    # The best product of all, not each round's: a floor is what the machine can do.
    best = min(secs_a_gflop)
    against = "%.1f GFLOP at the best matrix product, %.0f GFLOP/s" % (gflop, 1 / best)
    return Row("train_step_floor", _SYNTHETIC_STEP, against, secs, [gflop * best], "s")


# A side's queues may be full when its turn begins: five batches of the reference's batch queue,
# two of the prefetch queue, and one under way.
_QUEUED_BATCHES = 8
# Single batches only say how full a queue was; turns of a second or two, in which both sides meet
# the same machine.
_COUNTED_BATCHES = 20


def input_rates(whats, rounds, python=None):
    """Measures input pipelines in turn: images a second of each, and what the first one is.

    Args:
      whats: list of dict, the arguments of ``benchmark.worker`` but for the batch size.
      rounds: int.
      python: of the workers.

    Returns:
      A list of float for each pipeline, one a round; and the first worker's ``about``.
    """
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(dict(what, kind="input", batch_size=BATCH_SIZE), python))
            for what in whats
        ]
        rates = [[] for _ in workers]
        for _ in range(rounds):
            for worker, part in zip(workers, rates):
                secs = worker.make(_COUNTED_BATCHES, uncounted=_QUEUED_BATCHES)
                part.append(BATCH_SIZE * _COUNTED_BATCHES / sum(secs))
        return rates, workers[0].about


def input_pipeline(dataset_dir, rounds, python=None):
    """Images a second, nothing but input; by default in this environment."""
    # Both in as many threads as training takes by default, which follows the cores.
    whats = [{"way": way, "dataset_dir": dataset_dir} for way in ("ours", "reference")]
    rates, about = input_rates(whats, rounds, python)
    what = "input pipeline, %(readers)d readers and %(threads)d threads" % about
    if python:
        what += ", on TensorFlow " + about["tensorflow"]
    return Row("input_pipeline", what, "the reference's", *rates, unit="images/s")


def input_methods(dataset_dir, rounds):
    """Images a second of the same preprocessing through queues, ``tf.data`` and ``feed_dict``."""
    ways = {"queues": "ours", "tf.data": "tf.data", "feed_dict": "feed_dict"}
    whats = [{"way": way, "dataset_dir": dataset_dir} for way in ways.values()]
    rates, _ = input_rates(whats, rounds)
    return dict(zip(ways, map(statistics.median, rates)))


def input_threads(dataset_dir, rounds):
    """Images a second by number of readers and of preprocessing threads."""
    found = {}
    for readers in (1, 4):
        for threads in sorted({1, 2, 4, 8, devices.num_cores()}):
            what = {
                "way": "ours",
                "dataset_dir": dataset_dir,
                "num_readers": readers,
                "num_preprocessing_threads": threads,
            }
            ((rates,), _) = input_rates([what], rounds)
            found["%d readers, %d threads" % (readers, threads)] = statistics.median(rates)
    return found


def conversion(archive, rounds):
    """Seconds for a whole archive, read, checked, split and written."""
    what = {"kind": "conversion", "archive": archive}
    with Worker(dict(what, way="ours")) as ours, Worker(dict(what, way="reference")) as rival:
        secs = in_turn(ours, rival, rounds)
    return Row(
        "conversion",
        "conversion of an archive, every photo decoded",
        "one photo at a time through a session",
        *secs,
        unit="s",
    )


def memory_and_start(dataset_dir, num_steps, reference_peaks_mb):
    """Two rows from the command ``train`` itself: its peak memory, and the time to its first step.

    The run has all of its summaries and its checkpoint; the rival is the reference's bare step, as
    ``training_step_real`` found it, in a list that may be empty.

    Returns:
      The two rows, and the growth in MB of the resident size over the run's second half.
    """
    first_step_secs, sizes_mb, peak_mb = train(dataset_dir, num_steps, "--device=cpu")
    half = len(sizes_mb) // 2
    growth_mb = max(sizes_mb[half:]) - max(sizes_mb[:half]) if half else 0.0
    memory = Row(
        "memory",
        "peak resident size of training, batch %d, %d steps with summaries"
        % (BATCH_SIZE, num_steps),
        "the reference's bare step",
        [peak_mb],
        reference_peaks_mb,
        "MB",
    )
    return memory, Row("start_up", START_UP, "", [first_step_secs], None, "s"), growth_mb


def train(dataset_dir, num_steps, *flags):
    """Trains a run that is thrown away, by the command ``train`` with these flags.

    Returns:
      The seconds to the end of its first step, its resident size after each step, and its largest
      one, in MB.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            command(
                sys.executable,
                "alexnet_flowers",
                "train",
                "--dataset_dir=" + dataset_dir,
                "--checkpoints_dir=" + os.path.join(folder, "checkpoints"),
                "--summaries_dir=" + os.path.join(folder, "summaries"),
                "--batch_size=%d" % BATCH_SIZE,
                "--max_number_of_steps=%d" % num_steps,
                "--log_every_n_steps=1",
                "--save_summaries_secs=20",
                *flags,
            ),
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        sizes_mb = []
        try:
            for line in process.stdout:
                if line.startswith("step"):
                    if not sizes_mb:
                        first_step_secs = time.perf_counter() - start
                    sizes_mb.append(_resident_mb(process.pid))
        except BaseException:
            process.kill()
            process.wait()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        raise DataError("a training failed; its error is above")
    return first_step_secs, sizes_mb, usage.ru_maxrss / 1024.0


def _resident_mb(pid):
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2.0**20
