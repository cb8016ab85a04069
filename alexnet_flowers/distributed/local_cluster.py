"""A whole cluster on one machine: each of its processes, and what they print."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_PORTS = (10000, 32768)
# How long the chief may take to make its last step and save it.
_GRACE_SECS = 30


def run(command, num_workers, num_servers, report=print):
    """Starts servers and workers, and waits for them; leaves none behind, however it ends.

    Args:
      command: list of str that starts a process, e.g. ``["python", "scripts/train.py"]``; the
        flags of the cluster are added to it.
      num_workers: int.
      num_servers: int.
      report: called with each line that a process prints, its name before it.

    Returns:
      int, the exit status of the first process that failed, 0 if none did.

    Raises:
      KeyboardInterrupt: SIGINT or SIGTERM came; the chief has saved its last step, unless another
        one came while it did.
    """
    hosts = ["127.0.0.1:%d" % port for port in free_ports(num_servers + num_workers)]
    flags = [
        "--ps_hosts=" + ",".join(hosts[:num_servers]),
        "--worker_hosts=" + ",".join(hosts[num_servers:]),
    ]
    processes = {}  # By name.
    readers = []
    try:
        for job, count in (("ps", num_servers), ("worker", num_workers)):
            for index in range(count):
                process = _start(command + flags + ["--job_name=" + job, "--task_index=%d" % index])
                name = "%s %d" % (job, index)
                processes[name] = process
                for stream in (process.stdout, process.stderr):
                    # A daemon: should this one be ended at once, the kernel ends the others.
                    reader = threading.Thread(
                        target=_prefix, args=(name, stream, report), daemon=True
                    )
                    reader.start()
                    readers.append(reader)
        return _wait(processes, report)
    finally:
        try:
            _end(processes.values(), processes.get("worker 0"))
        finally:
            for reader in readers:
                reader.join()


def free_ports(count):
    """Returns ports at which nobody listens, in random order.

    They are below those that a kernel gives to outgoing connections, which might take one of them
    until it is listened at.
    """
    found = []
    while len(found) < count:
        port = random.randrange(*_PORTS)
        with contextlib.closing(socket.socket()) as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _start(command):
    parent = os.getpid()

    def tied_to_parent():
        # The kernel ends it should this process be killed and have no time to.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ``_end`` sends it, whatever a shell ignores.

    return subprocess.Popen(
        command,
        env=dict(os.environ, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,  # Else a Ctrl-C would reach it twice.
        preexec_fn=tied_to_parent,
    )


def _prefix(name, stream, report):
    for line in stream:
        report("[%s] %s" % (name, line.rstrip("\n")))
    stream.close()


def _wait(processes, report):
    """Waits until all have ended well, or one has not, and says so; returns the status."""
    running = dict(processes)
    while running:
        for name, process in list(running.items()):
            status = process.poll()
            if status is not None:
                del running[name]
                if status:
                    how = "ended with status %d" % status
                    if status < 0:
                        how, status = "was killed (signal %d)" % -status, 128 - status
                    what = "ending the others, within %d seconds" % _GRACE_SECS
                    report("[%s] %s; %s" % (name, how, what))
                    return status
        time.sleep(0.1)
    return 0


def _end(processes, chief):
    """Ends those that still run: the chief as this process ends, and after it all others.

    The chief needs them for its last step, and to save it. They hold nothing that would be lost.
    """
    number = signal.SIGINT if isinstance(sys.exc_info()[1], KeyboardInterrupt) else signal.SIGTERM
    try:
        if chief and chief.poll() is None:
            chief.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                chief.wait(_GRACE_SECS)
    finally:  # Whoever asks a second time waits for no save.
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
