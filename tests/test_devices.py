"""Where the arithmetic runs, and what a machine without a GPU prints about it."""

import os
import subprocess
import sys

import pytest

from alexnet_flowers import devices, memory
from alexnet_flowers.data import dataset
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture
def gpus(monkeypatch):
    """A list: what TensorFlow is made to find."""
    found = []
    monkeypatch.setattr(devices, "_list_gpus", lambda: found)
    return found


def test_auto_takes_a_gpu_where_there_is_one(gpus):
    assert devices.resolve("auto") == "cpu"
    with pytest.raises(UsageError, match="--device gpu: TensorFlow .* finds no GPU"):
        devices.resolve("gpu")
    gpus.append("GPU:0")
    assert [devices.resolve(name) for name in ("auto", "gpu", "cpu")] == ["gpu", "gpu", "cpu"]
    with pytest.raises(UsageError, match="'tpu' is none of auto, cpu, gpu"):
        devices.resolve("tpu")


def test_sessions_share_a_gpu_or_do_without():
    for device, count in (("cpu", {"GPU": 0}), ("gpu", {})):
        config = devices.session_config(device, 3, 4)
        assert dict(config.device_count) == count and config.gpu_options.allow_growth
        assert config.intra_op_parallelism_threads == 3
        assert config.inter_op_parallelism_threads == 4


def test_input_stays_on_the_cpu(tiny_dataset):
    with tf.Graph().as_default() as graph:
        pipeline.training_batches(dataset.get_split("train", tiny_dataset), 2, 32)
        decoding = [op for op in graph.get_operations() if op.type == "DecodeAndCropJpeg"]
        queues = [op for op in graph.get_operations() if op.type.endswith("QueueV2")]
    assert decoding and queues
    assert {op.device for op in decoding + queues} == {"/device:CPU:0"}


def test_nothing_is_printed_by_import_and_a_first_session():
    program = (
        "from alexnet_flowers import devices, training\n"
        "from alexnet_flowers.tf1 import tf\n"
        "tf.Session(config=devices.session_config(devices.resolve('cpu'))).run(tf.constant(1))\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def test_freed_memory_is_kept():
    """What a process frees stays in it, where its C library is glibc."""
    program = (
        "import ctypes, os\n"
        "from alexnet_flowers import memory\n"
        "kept = memory.keep_freed()\n"
        "block = bytearray(300 << 20); del block\n"
        "pages = int(open('/proc/self/statm').read().split()[1])\n"
        "print(kept, pages * os.sysconf('SC_PAGE_SIZE') > 300 << 20)\n"
    )
    out = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, encoding="utf-8")
    assert out in ("True True\n", "False False\n")
    assert memory.keep_freed.__doc__
