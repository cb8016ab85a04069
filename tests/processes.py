"""Scripts as processes of their own, to their end or to be killed, and what they have left."""

import atexit
import collections
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

from alexnet_flowers.tf1 import tf

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")

# Most take a few; on a slow machine that others use too some have come near to 120.
_SECS = 300

Ended = collections.namedtuple("Ended", "status lines error")

_started = []  # Of each ``Script`` since the last ``kill_all`` its process.


# Each in a process of its own, as its flags can be defined once only.
_EACH_COMMAND = """
import importlib, os, sys
from alexnet_flowers import commands
from alexnet_flowers.commands import runner  # What they share need not be imported by each.
from alexnet_flowers.pictures import curves

for name in commands.NAMES:
    if not os.fork():
        importlib.import_module("alexnet_flowers.commands." + name)
        exec(sys.argv[1])
        sys.stdout.flush()
        os._exit(0)
    assert os.wait()[1] == 0
"""


def said_of_each_command(code):
    """Runs code once for each command, imported, whose ``name`` it knows; returns the output."""
    args = [sys.executable, "-c", _EACH_COMMAND, code]
    return subprocess.check_output(args, cwd=os.path.dirname(SCRIPTS), encoding="utf-8")


def as_from_a_terminal():
    """For ``preexec_fn``: signals end the process, though whoever began the tests ignores them.

    As ``nohup`` ignores SIGHUP, and a shell SIGINT of what it runs in the background.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run(args, folder, stderr=subprocess.PIPE, **how):
    """Runs a program in a folder to its end; returns a CompletedProcess, its output as text."""
    return subprocess.run(  # noqa: UP022 - Python 3.6 has no capture_output.
        [str(one) for one in args],
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        timeout=_SECS,
        **how,
    )


def run_script(folder, name, *args, python=sys.executable, **environment):
    """Runs ``scripts/<name>.py`` in a folder; returns a CompletedProcess."""
    return run([python, _path(name), *args], folder, env=dict(os.environ, **environment))


def _path(name):
    return os.path.join(SCRIPTS, name + ".py")


class Script:
    """A script that runs.

    Attributes:
      lines: what it has printed so far.
      pid: its number.
    """

    def __init__(self, name, folder, *args):
        """Starts ``scripts/<name>.py`` in a folder."""
        self.lines = []
        self._error = []
        self._process = subprocess.Popen(
            [sys.executable, "-u", _path(name), *map(str, args)],
            cwd=str(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=as_from_a_terminal,
        )
        _started.append(self._process)
        self.pid = self._process.pid
        self._readers = [
            # Python's own end would wait for others before it kills what they read.
            threading.Thread(target=self._read, args=args, daemon=True)
            for args in ((self._process.stdout, self.lines), (self._process.stderr, self._error))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def wait_until(self, condition, secs=_SECS):
        """Waits for a condition or the script's end; returns whether the condition was met."""
        until = time.time() + secs
        while time.time() < until and self._process.poll() is None:
            if condition():
                return True
            time.sleep(0.002)
        return condition()

    def send(self, number):
        """Sends a signal."""
        self._process.send_signal(number)

    def kill(self):
        """Kills it on the spot and returns how it ended."""
        self._process.kill()
        return self.finish()

    def finish(self, secs=_SECS):
        """Waits for its end and returns how it ended."""
        try:
            status = self._process.wait(secs)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            raise
        for reader in self._readers:
            reader.join()
        self._process.stdout.close()
        self._process.stderr.close()
        return Ended(status, self.lines, "\n".join(self._error))


@atexit.register
def kill_all():
    """Kills what still runs: a test that fails may leave it so."""
    while _started:
        process = _started.pop()
        process.kill()
        process.wait()


def messages(stderr):
    """Returns the lines of stderr that are no progress bars, of which a slow machine shows more."""
    lines = re.split("[\r\n]+", stderr)
    return [line for line in lines if line.strip() and not re.search(r"\d+%\|", line)]


def one_error(ended, status):
    """The single line on stderr, progress bars left aside."""
    lines = messages(ended.stderr)
    assert ended.returncode == status and len(lines) == 1 and ": error: " in lines[0], ended
    return lines[0]


def train_args(dataset_dir, *args):
    """Returns flags of a training that writes as much as it can."""
    return [
        "--dataset_dir=%s" % dataset_dir, "--run_name=run", "--batch_size=2", "--image_size=195",
        "--common_queue_min=4", "--log_every_n_steps=1", "--save_interval_steps=2",
        "--max_to_keep=2", "--save_summaries_secs=1e-6", "--save_histograms_secs=1", "--device=cpu",
        *args
    ]  # fmt: skip


def last_step(lines):
    """Returns the last step that was printed, 0 if none was."""
    steps = [int(line[5:].split("/")[0]) for line in lines if line.startswith("step ")]
    return steps[-1] if steps else 0


def read_all_tensors(path):
    """Reads every tensor of a checkpoint, with its checksum; returns the step."""
    reader = tf.train.NewCheckpointReader(path)
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
    return int(reader.get_tensor("global_step"))


def read_events(path):
    """Reads an event file whose last record may be torn; returns the number of the others."""
    read, num_bytes = 0, 0
    try:
        for record in tf.python_io.tf_record_iterator(path):
            tf.Event.FromString(record)
            num_bytes += 16 + len(record)
            read += 1
    except tf.errors.DataLossError:
        with open(path, "rb") as file:
            file.seek(num_bytes)
            rest = file.read()
        # Less than the record says it is long.
        assert len(rest) < 12 or len(rest) < 16 + struct.unpack("<Q", rest[:8])[0], path
    return read
