"""The two sides of a comparison: processes that make things in turn, and say how long each took."""

import contextlib
import json
import signal
import subprocess
import sys

import alexnet_flowers
from alexnet_flowers.errors import DataError

# Of this Python's packages another one takes this package alone, be it a checkout or installed.
# A terminal's Ctrl-C reaches it as well, but is for whoever started it, who ends it in order.
_START = """
import importlib.util, runpy, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
spec = importlib.util.spec_from_file_location("alexnet_flowers", sys.argv.pop(1))
package = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def command(python, module, *args):
    """Returns the command with which a Python runs a module of this package, which it may lack."""
    return [python, "-c", _START, alexnet_flowers.__file__, module, *args]


class Worker:
    """A process that makes things and says how long each took; see ``worker``.

    Attributes:
      about: a dict, what it says of itself once it is ready.
      peak_mb: float, its largest resident size so far, in MB; None before it has made anything.

    It is stopped (``SIGSTOP``) whenever it is not asked for anything, so that its threads, which
    would fill its queues, take nothing from its rival.
    """

    def __init__(self, what, python=None):
        """Starts it; ``with`` waits until it is ready and ends it.

        Args:
          what: a dict, the argument of ``benchmark.worker``; or a list, a module and its arguments.
          python: the Python program that runs it; None: this one.
        """
        if isinstance(what, dict):
            what = ["alexnet_flowers.benchmark.worker", json.dumps(what)]
        self._process = subprocess.Popen(
            command(python or sys.executable, *what),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.peak_mb = None

    def __enter__(self):
        with contextlib.ExitStack() as unless_ready:
            unless_ready.push(self.__exit__)
            self.about = self._answer()["ready"]
            self._process.send_signal(signal.SIGSTOP)
            unless_ready.pop_all()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):  # It was killed, and has left a line unread.
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()

    def make(self, count, uncounted=0):
        """Has some made that are not counted, and ``count`` more; returns the seconds of these."""
        self._process.send_signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # It was killed: then there is no answer.
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
        try:
            return json.loads(line)
        except ValueError:
            raise DataError("a process of the benchmark says %.80r, which is no answer" % line)


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
