"""Where the arithmetic runs, and what a machine without a GPU prints about it."""

import fnmatch
import os
import subprocess
import sys
import types

import gpus as gpus_of_tests
import processes
import pytest
from conftest import PRETENDED_GPU, ROOT

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import plan
from alexnet_flowers.training.settings import Settings


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
        optimizers = config.graph_options.rewrite_options
        is_off = optimizers.layout_optimizer == optimizers.OFF
        assert is_off == (device == "gpu" and not tf.__version__.startswith("1."))
        assert config.graph_options.optimizer_options.global_jit_level == 0
        assert dict(config.device_count) == count and config.gpu_options.allow_growth
        assert config.intra_op_parallelism_threads == 3
        assert config.inter_op_parallelism_threads == 4


def test_xla_is_asked_for_where_it_compiles(monkeypatch):
    config = devices.session_config("gpu", xla=True)
    assert config.graph_options.optimizer_options.global_jit_level == tf.OptimizerOptions.ON_1
    assert devices.xla_obstacle("gpu") is None
    assert "compiles only what runs on a GPU" in devices.xla_obstacle("cpu")
    monkeypatch.setattr(devices.runtime, "HAS_XLA", False)
    assert "%s was built without it" % tf.__version__ in devices.xla_obstacle("gpu")


def found_by_tensorflow(*descriptions):
    """Stands in for TensorFlow's list of devices."""
    gpus = [
        types.SimpleNamespace(
            device_type="GPU",
            physical_device_desc="device: %d, name: %s, pci bus id: 0000:00:0%d.0, compute "
            "capability: %s" % (number, name, number, capability),
        )
        for number, (name, capability) in enumerate(descriptions)
    ]
    return [types.SimpleNamespace(device_type="CPU", physical_device_desc="")] + gpus


def test_cards_are_named(monkeypatch):
    def describe(num_used, *descriptions):
        found = found_by_tensorflow(*descriptions)
        monkeypatch.setattr(devices.runtime, "list_local_devices", lambda config: found)
        return devices.describe_cards(num_used)

    h100, t4 = ("NVIDIA H100 80GB HBM3", "9.0"), ("Tesla T4", "7.5")
    assert describe(1, h100, t4) == "GPU: NVIDIA H100 80GB HBM3, compute capability 9.0"
    assert describe(2, t4, t4) == "GPU: 2 x Tesla T4, compute capability 7.5"
    assert describe(2, h100, t4) == (
        "GPU: 1 x NVIDIA H100 80GB HBM3, compute capability 9.0; "
        "1 x Tesla T4, compute capability 7.5"
    )
    assert describe(1) == describe(2) == "GPU: unknown"


def test_the_card_is_expected_that_the_driver_names(tmp_path, monkeypatch):
    def expected(device, *names, visible=None):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "0")
        program = tmp_path / "nvidia-smi"
        says = "echo '%s'" % "\n".join(names) if names else "exit 9"
        program.write_text("#!/bin/sh\n%s\n" % says)
        program.chmod(0o700)
        return devices.expected_card(device)

    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    monkeypatch.setattr(devices.glob, "glob", lambda pattern: ["/dev/nvidia0"])
    h100 = "NVIDIA H100 80GB HBM3"
    assert expected("gpu", h100, h100) == "GPU: " + h100
    assert expected("auto", h100) == "GPU: %s, if TensorFlow can use it" % h100
    # It is not known which, or there is none.
    assert expected("gpu", h100, "Tesla T4") is expected("gpu") is expected("cpu", h100) is None
    assert expected("auto", h100, visible="-1") is expected("gpu", h100, visible="-1") is None


def test_a_gpu_that_a_command_is_asked_for_is_named(run_script, random_run, tiny_dataset):
    done = run_script(
        "predict", "--device=gpu", "--split=validation", "--dataset_dir", tiny_dataset,
        "--checkpoints_dir", os.path.dirname(random_run.checkpoints_dir),
        PYTHONPATH=PRETENDED_GPU, CUDA_VISIBLE_DEVICES="0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "GPU: Pretended GPU, compute capability 9.0\n"


def test_no_card_is_named_where_there_is_none():
    if not gpus_of_tests.is_there():
        assert devices.cards() == []


def test_a_training_on_a_gpu_names_it_first(gpus, monkeypatch, tiny_dataset):
    monkeypatch.setattr(
        devices.runtime, "list_local_devices", lambda _: found_by_tensorflow(("Tesla T4", "7.5"))
    )
    gpus.append("GPU:0")
    lines = []
    options = plan.Options(compute=devices.Compute(device="gpu"))
    made = plan.make(tiny_dataset, Settings(batch_size=4), options, report=lines.append)
    assert lines == ["GPU: Tesla T4, compute capability 7.5"]
    assert made.stages_batches and not made.builds_bfloat16 and not made.uses_gradient_rules
    with pytest.raises(UsageError, match="--mixed_precision: "):
        plan.make(tiny_dataset, Settings(batch_size=4, mixed_precision=True), options)


def test_xla_on_a_cpu_is_refused(tiny_dataset):
    options = plan.Options(compute=devices.Compute(device="cpu", xla=True))
    with pytest.raises(UsageError, match="--xla: compiles only what runs on a GPU; leave it out"):
        plan.make(tiny_dataset, Settings(batch_size=4), options)


def test_tf32_can_be_forbidden(monkeypatch):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    experimental = tf.config.experimental
    is_known = hasattr(experimental, "enable_tensor_float_32_execution")
    for allowed in (True, False, True):
        devices.set_tf32(allowed)
        if is_known:
            assert experimental.tensor_float_32_execution_enabled() == allowed
        elif not allowed:
            assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"


def test_input_stays_on_the_cpu(tiny_dataset):
    with tf.Graph().as_default() as graph:
        pipeline.training_batches(dataset.get_split("train", tiny_dataset), 2, 32)
        decoding = [op for op in graph.get_operations() if op.type == "DecodeAndCropJpeg"]
        queues = [op for op in graph.get_operations() if op.type.endswith("QueueV2")]
    assert decoding and queues
    assert {op.device for op in decoding + queues} == {"/device:CPU:0"}


@pytest.mark.parametrize("environment", [{}, {"TF_CPP_MIN_LOG_LEVEL": "3"}])
def test_nothing_is_printed_by_import_and_a_first_session(environment):
    program = (
        "from alexnet_flowers import devices, training\n"
        "from alexnet_flowers.tf1 import tf\n"
        "tf.Session(config=devices.session_config(devices.resolve('cpu'))).run(tf.constant(1))\n"
    )
    environment = dict(os.environ, **environment)
    ended = processes.run([sys.executable, "-c", program], ROOT, env=environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


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


def test_the_first_session_of_a_program_decides_its_threads():
    """It is the program's own: importing TensorFlow has none."""
    code = """
import os, sys
sys.path.insert(0, %r)
from alexnet_flowers.tf1 import tf
config = tf.ConfigProto(intra_op_parallelism_threads=int(sys.argv[1]), device_count={"GPU": 0})
with tf.Graph().as_default(), tf.Session(config=config) as session:
    session.run(tf.matmul(tf.zeros([500, 500]), tf.zeros([500, 500])))
    print(len(os.listdir("/proc/self/task")))
"""
    few, many = (
        int(subprocess.check_output([sys.executable, "-c", code % ROOT, number]))
        for number in ("2", "12")
    )
    assert many - few >= 8


@pytest.mark.parametrize(
    "group, limit",
    [
        ("0::/job/step", "job/memory.max"),  # That of a group above it.
        ("0::/", "memory.max"),
        ("4:hugetlb,memory:/docker/1", "memory/memory.limit_in_bytes"),  # Seen from within.
        ("0::/../other", "memory.max"),
    ],
)
def test_a_container_has_the_memory_that_it_may_take(group, limit, tmp_path, monkeypatch):
    (tmp_path / "own").write_text("1:cpu:/a\n%s\n" % group)
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(devices, "_OWN_GROUPS", str(tmp_path / "own"))
    monkeypatch.setattr(devices, "_GROUPS", str(tmp_path))
    before = devices.memory_bytes("cpu")
    assert before == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    (tmp_path / limit).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / limit).write_text("4096\n")
    assert devices.memory_bytes("cpu") == 4096


def test_a_gpu_of_windows_is_expected(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    there = []
    monkeypatch.setattr(devices.glob, "glob", lambda pattern: fnmatch.filter(there, pattern))
    assert devices.expected("auto") == "the CPU"
    there.append("/dev/dxg")
    assert devices.expected("auto") == "the GPU, if TensorFlow can use it"
