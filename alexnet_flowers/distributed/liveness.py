"""Which parameter servers are there: waits for them at the start, and watches them afterwards.

TensorFlow itself would wait for a missing server for ever, in C++, deaf to signals. So each server
is first asked for its status, by the call that TensorFlow's processes ask each other with.
"""

import contextlib
import socket
import threading
import time

from alexnet_flowers.distributed.register import HERE, NOT_YET
from alexnet_flowers.errors import DataError

# How long a process waits for the servers at its start; others may be started by hand.
CONNECT_SECS = 35
# How long a server may take to answer, at the start and while it is at work.
_FIRST_ANSWER_SECS = 15
_ANSWER_SECS = 5
_POLL_SECS = 0.5
# How long a server may be silent while a worker trains, and how often it is asked.
_SILENT_SECS = 20
_WATCH_SECS = 2


def wait_for(hosts):
    """Waits until all parameter servers, a list of ``<host>:<port>``, answer.

    Raises:
      DataError: one cannot be reached for ``CONNECT_SECS``, or something else listens there.
    """
    until = time.monotonic() + CONNECT_SECS
    for task, host in enumerate(hosts):
        while True:
            is_open = _is_open(host)
            if answers("ps", task, host, _FIRST_ANSWER_SECS):
                break
            if is_open:
                raise DataError(
                    "--ps_hosts: what listens at %s does not answer as servers of this cluster do"
                    % host
                )
            if time.monotonic() > until:
                raise DataError(
                    "--ps_hosts: %s cannot be reached; is that server started, and does no "
                    "firewall stand between?" % host
                )
            time.sleep(_POLL_SECS)


class Silence:
    """Which processes of a cluster have not answered for some time, as they are asked.

    The first unanswered question begins it: that one says nothing yet.
    """

    def __init__(self, secs=None):
        """Begins; ``secs`` are 20 by default."""
        self._secs = _SILENT_SECS if secs is None else secs
        self._since = {}  # When a process was first asked without an answer.

    def is_long(self, job, task, host):
        """Asks a process; says whether it has been silent for longer than so many seconds."""
        if answers(job, task, host):
            self._since.pop((job, task), None)
            return False
        now = time.monotonic()
        return now - self._since.setdefault((job, task), now) > self._secs


def without_the_killed(states, worker_hosts, silence):
    """Returns workers' states, with ``NOT_YET`` for each one that has been silent for long.

    Args:
      states: of all workers.
      worker_hosts: likewise.
      silence: a ``Silence``.
    """
    return [
        NOT_YET if state == HERE and silence.is_long("worker", task, host) else state
        for task, (state, host) in enumerate(zip(states, worker_hosts))
    ]


@contextlib.contextmanager
def watched(hosts, give_up):
    """A context in which a thread watches the parameter servers.

    Args:
      hosts: list of ``<host>:<port>``, the parameter servers.
      give_up: called in that thread, with a ``DataError``, when one has been silent for 20 seconds.
    """
    is_over = threading.Event()

    def watch():
        silence = Silence()
        while not is_over.wait(_WATCH_SECS):
            for task, host in enumerate(hosts):
                if silence.is_long("ps", task, host) and not is_over.is_set():
                    give_up(
                        DataError(
                            "the server at %s is gone, and the variables with it; start the "
                            "servers and workers again, which continues the run from its last "
                            "checkpoint" % host
                        )
                    )

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def answers(job, task, host, secs=_ANSWER_SECS):
    """Says whether TensorFlow's server of ``/job:<job>/task:<task>`` answers at an address."""
    import grpc  # TensorFlow brings it; 0.1 seconds that training in one process does without.

    # A new channel each time: an old one would wait longer and longer before it connects again.
    with grpc.insecure_channel(host, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            status = channel.unary_unary("/tensorflow.WorkerService/GetStatus")(b"", timeout=secs)
        except grpc.RpcError:
            return False
    # The answer lists the devices by name.
    return b"/job:%s/replica:0/task:%d/" % (job.encode(), task) in status


def _is_open(host):
    """Says whether anything listens at an address."""
    name, port = host.rsplit(":", 1)
    try:
        socket.create_connection((name, int(port)), _ANSWER_SECS).close()
    except (OSError, UnicodeError):  # The latter of what cannot be a host's name.
        return False
    return True
