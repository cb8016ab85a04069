"""What several machines bring: the bytes are the variables', the model keeps its limits."""

import pytest

from alexnet_flowers.distributed import scaling


def test_a_step_sends_the_bytes_of_the_variables():
    # Kernels and biases of slim's alexnet_v2 with five classes, four bytes each.
    kernels = [11 * 11 * 3 * 64, 5 * 5 * 64 * 192, 3 * 3 * 192 * 384, 3 * 3 * 384 * 384]
    kernels += [3 * 3 * 384 * 256, 5 * 5 * 256 * 4096, 4096 * 4096, 4096 * 5]
    biases = [64, 192, 384, 384, 256, 4096, 4096, 5]
    num_bytes = 4 * sum(kernels + biases)
    assert scaling.traffic(5, 1) == (num_bytes, num_bytes)
    two = scaling.traffic(5, 2)
    assert two.num_bytes == num_bytes and 4 * kernels[5] <= two.fullest < 0.61 * num_bytes


def test_the_model():
    traffic = scaling.Traffic(num_bytes=100, fullest=60)
    for steps_per_sec in (scaling.asynchronous_steps_per_sec, scaling.synchronous_steps_per_sec):
        # 2 s of arithmetic, 1 s there and 1 s back.
        assert steps_per_sec(1, 2.0, traffic, 100.0) == pytest.approx(1 / 4.0)
        # A network without end: each worker is as fast as alone.
        assert steps_per_sec(1, 2.0, traffic, 1e12) == pytest.approx(0.5)
    assert scaling.asynchronous_steps_per_sec(2, 2.0, traffic, 100.0) == pytest.approx(2 / 4.0)
    assert scaling.asynchronous_steps_per_sec(64, 2.0, traffic, 100.0) == pytest.approx(100 / 60.0)
    assert scaling.synchronous_steps_per_sec(4, 2.0, traffic, 100.0) == pytest.approx(1 / 6.8)


def test_the_table_needs_the_compute_time(run_script):
    done = run_script("estimate_scaling")
    assert done.returncode == 2 and ": error: --compute_secs: needed" in done.stderr
    done = run_script("estimate_scaling", "--compute_secs=0")
    assert done.returncode == 2 and "--compute_secs=0.0: must be above 0" in done.stderr
    for flag in ("--servers=99999999999", "--batch_size=1" + "0" * 400):
        done = run_script("estimate_scaling", "--compute_secs=1", flag)
        assert done.returncode == 2 and "Traceback" not in done.stderr
    done = run_script("estimate_scaling", "--compute_secs=1.5", "--gbit_per_sec=1")
    assert done.returncode == 0
    assert "A worker fetches 184.9 MB a step" in done.stdout
    # Alone: 1.5 s and twice 184.9 MB at 125 MB a second.
    assert "| 1 | 4.46 | 13 | 0.34 | 4.46 | 13 | 0.34 |" in done.stdout
    assert done.stdout.count("\n| ") == 9
