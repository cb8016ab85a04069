"""A cluster on this machine ends with the command that started it."""

import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from processes import as_from_a_terminal

from alexnet_flowers.distributed import local_cluster

START = """
import sys
from alexnet_flowers.distributed import local_cluster
deaf = "from signal import *; signal(SIGINT, SIG_IGN); print(1); import time; time.sleep(600)"
local_cluster.run([sys.executable, "-c", deaf], 2, 1)
"""


def test_another_ctrl_c_ends_all_of_it_at_once():
    launcher = subprocess.Popen(
        [sys.executable, "-uc", START], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=as_from_a_terminal,
    )  # fmt: skip
    for _ in range(3):  # All three are there.
        assert launcher.stdout.readline().endswith(b"1\n")
    launcher.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert launcher.poll() is None  # It waits for the chief.
    until = time.monotonic() + 20  # It would wait for 30 seconds.
    while launcher.poll() is None:  # A slow machine may take two signals for one.
        assert time.monotonic() < until
        launcher.send_signal(signal.SIGINT)
        time.sleep(0.5)
    # Its output ends with the last of its processes.
    _, errors = launcher.communicate(timeout=10)
    assert b"KeyboardInterrupt" in errors


def test_its_processes_take_a_ctrl_c_though_a_shell_ignores_it_in_the_background():
    code, lines = "import signal; print(signal.getsignal(signal.SIGINT).__name__)", []
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert local_cluster.run([sys.executable, "-c", code], 1, 1, lines.append) == 0
    finally:
        signal.signal(signal.SIGINT, usual)
    assert sorted(lines) == ["[ps 0] default_int_handler", "[worker 0] default_int_handler"]


@pytest.mark.parametrize(
    "end, status, said",
    [
        ("os.kill(os.getpid(), 9)", 137, "was killed (signal 9)"),
        ("sys.exit(2)", 2, "ended with status 2"),
    ],
)
def test_a_process_that_ends_badly_is_named_before_the_others_are_ended(end, status, said):
    code = "import os, sys, time; '--task_index=1' in sys.argv and %s; time.sleep(600)" % end
    lines = []
    assert local_cluster.run([sys.executable, "-c", code], 2, 1, lines.append) == status
    assert lines == ["[worker 1] %s; ending the others, within 30 seconds" % said]
