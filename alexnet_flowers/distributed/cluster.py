"""Several processes train one run: servers hold the variables, workers compute the gradients.

TensorFlow's own runtime: each process has a ``tf.train.Server``; the variables lie with the
parameter servers, everything else with the worker that builds it. Worker 0 is the chief: it alone
writes checkpoints and summaries. Nobody but the servers is needed by anybody: a worker can be
killed and started again while the others go on.

*Asynchronous*: each worker applies its gradients when it has them. *Synchronous*: the chief
averages one gradient of each worker, and all wait for the step that is made of them.
"""

import collections
import contextlib
import re
import socket
import threading
import time

from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.tf1 import quiet, tf

JOBS = ("ps", "worker")

# How long a process waits for the servers at its start; others may be started by hand.
_CONNECT_SECS = 35
# How long something that listens may take to answer as a server does.
_ANSWER_SECS = 15
# How long the chief waits for the other workers' last steps.
_LAST_STEPS_SECS = 60
_POLL_SECS = 0.5
# How long a server may be away while a worker trains.
_AWAY_SECS = 20
_WATCH_SECS = 2
_PROBE_SECS = 5
# Of HTTP/2, RFC 9113, 3.4 and 6.5: each side begins with a frame of this type; this one is empty.
_HTTP2_SETTINGS = b"\x04"
_HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _HTTP2_SETTINGS + b"\0" * 5


class Cluster(
    collections.namedtuple(
        "Cluster", ["ps_hosts", "worker_hosts", "job_name", "task_index", "sync_replicas"]
    )
):
    """Who takes part, and which of them this process is.

    Attributes:
      ps_hosts: list of ``<host>:<port>``, the parameter servers.
      worker_hosts: list of ``<host>:<port>``, the workers.
      job_name: ``"ps"`` or ``"worker"``.
      task_index: int, this process's place in its list, from 0.
      sync_replicas: bool, whether the workers wait for each other at each step.
    """

    @property
    def hosts(self):
        """A dict of job to its hosts."""
        return {"ps": self.ps_hosts, "worker": self.worker_hosts}

    @property
    def num_workers(self):
        """How many workers there are."""
        return len(self.worker_hosts)

    def server(self, config):
        """Starts this process's ``tf.train.Server``.

        Raises:
          UsageError: its port is taken, or is not this machine's.
        """
        jobs = tf.train.ClusterSpec(self.hosts)
        try:
            with quiet():
                return tf.train.Server(jobs, self.job_name, self.task_index, config=config)
        except tf.errors.OpError as error:
            mine = self.hosts[self.job_name]
            raise UsageError(
                "--%s_hosts: cannot listen at %s (%s); is it taken?"
                % (self.job_name, mine[self.task_index], first_line(error))
            )


def check(cluster):
    """Raises ``UsageError`` for a ``Cluster`` that cannot be."""
    hosts = cluster.hosts
    for job in JOBS:
        if not hosts[job]:
            raise UsageError(
                "--%s_hosts: a cluster needs at least one; leave out the other flags of a cluster "
                "to train in one process" % job
            )
        for host in hosts[job]:
            match = re.match(r"^[^:/\s]+:(\d+)$", host)
            if not match or not 0 < int(match.group(1)) < 65536:
                raise UsageError("--%s_hosts: %r is not <host>:<port>" % (job, host))
    twice = [h for h, n in collections.Counter(sum(hosts.values(), [])).items() if n > 1]
    if twice:
        raise UsageError("--ps_hosts, --worker_hosts: %s is there twice" % twice[0])
    if cluster.job_name not in JOBS:
        raise UsageError("--job_name: %r is none of %s" % (cluster.job_name, ", ".join(JOBS)))
    if not 0 <= cluster.task_index < len(hosts[cluster.job_name]):
        raise UsageError(
            "--task_index %d: --%s_hosts has %d, from 0"
            % (cluster.task_index, cluster.job_name, len(hosts[cluster.job_name]))
        )


class Alone:
    """The place of a process that trains without others.

    Attributes:
      target: where sessions run.
      is_chief: bool.
      num_workers: int.
      task_index: int, its place among them.
      sync_replicas: bool.
      num_under_way: int, how many steps may be under way at once, this worker's included.
    """

    target = ""
    is_chief = True
    num_workers = 1
    task_index = 0
    sync_replicas = False
    num_under_way = 1

    def variables_device(self):
        """Returns what to build the graph under, for ``tf.device``."""
        return ""  # Not None, within which no outer device would count any more.

    def own_device(self):
        """Returns where this worker's own variables are, for ``tf.device``."""
        return ""

    def session_config(self, config):
        """Returns a ``tf.ConfigProto`` for sessions of this place."""
        return config

    def join(self):
        """Waits until the servers can be reached."""

    def wait_for_chief(self):
        """Waits until the variables of the default graph have their values.

        Returns:
          bool, False if the chief has left without giving them any: the run was finished already.
        """
        return True

    def wait_for_others(self):
        """Waits until no other worker has a step under way."""

    def watched(self):
        """Returns a context in which the process ends should a server be gone."""
        return contextlib.suppress()  # noqa: B022 - Nothing, as nullcontext; not in Python 3.6.

    def leave(self):
        """Tells the servers that this worker makes no more steps."""


class Worker(Alone):
    """The place of a worker in a cluster; see ``Alone``."""

    def __init__(self, cluster, config, give_up):
        """Starts its server.

        Args:
          cluster: a ``Cluster``.
          config: a ``tf.ConfigProto``.
          give_up: called with a ``DataError`` where TensorFlow would wait for a server for ever,
            which neither a signal nor closing the session ends. Called in a thread of its own, it
            has to end the process.

        Raises:
          UsageError: see ``Cluster.server``.
        """
        self._cluster = cluster
        self._give_up = give_up
        self._server = cluster.server(config)
        self.target = self._server.target
        self.is_chief = cluster.task_index == 0
        self.num_workers = cluster.num_workers
        self.task_index = cluster.task_index
        self.sync_replicas = cluster.sync_replicas
        self.num_under_way = 1 if cluster.sync_replicas else cluster.num_workers

    def variables_device(self):
        """Returns a function that gives variables to the servers and all else to this worker."""
        return tf.train.replica_device_setter(
            worker_device=self.own_device(),
            cluster=tf.train.ClusterSpec(self._cluster.hosts),
            ps_strategy=LeastBytes(len(self._cluster.ps_hosts)),
        )

    def own_device(self):
        """Returns the name of this worker."""
        return "/job:worker/task:%d" % self.task_index

    def session_config(self, config):
        """Returns a configuration of sessions that know the servers and this worker only.

        A session waits for all processes that it knows; the other workers may be gone.
        """
        own = tf.ConfigProto()
        own.CopyFrom(config)
        own.device_filters.extend(["/job:ps", self.own_device()])
        return own

    def join(self):
        """Waits until the servers can be reached, and says that this worker is at work.

        Raises:
          DataError: that takes too long, or they are something else.
        """
        error = DataError(
            "--ps_hosts: what listens at %s does not answer as servers of this cluster do"
            % ", ".join(self._cluster.ps_hosts)
        )
        until = time.time() + _CONNECT_SECS
        for host in self._cluster.ps_hosts:
            is_server = _is_server(host)
            while is_server is None:
                if time.time() > until:
                    raise DataError(
                        "--ps_hosts: %s cannot be reached; is that server started, and does no "
                        "firewall stand between?" % host
                    )
                time.sleep(_POLL_SECS)
                is_server = _is_server(host)
            if not is_server:
                raise error
        # It may still be a server of something else, for whose answer TensorFlow waits.
        timer = threading.Timer(_ANSWER_SECS, self._give_up, [error])
        timer.daemon = True
        timer.start()
        try:
            self._on_servers(lambda flag: flag.clear)
        except tf.errors.OpError:
            raise error
        finally:
            timer.cancel()

    def wait_for_chief(self):
        """Waits until the chief has given the variables of the default graph their values.

        slim waits too, but for synchronous steps it asks for the step's number at once.

        Returns:
          See ``Alone.wait_for_chief``.
        """
        if self.is_chief:
            return True
        missing = tf.report_uninitialized_variables(tf.global_variables())
        with tf.device("/job:ps/task:0"):
            chief_has_left = _Flag(0).is_raised
        with self._session(_CONNECT_SECS) as session:
            while session.run(missing).size:
                if session.run(chief_has_left):
                    return False
                time.sleep(_POLL_SECS)
        return True

    def wait_for_others(self):
        """Waits until all other workers have left, or are gone."""
        until = time.time() + _LAST_STEPS_SECS
        with tf.Graph().as_default():
            with tf.device("/job:ps/task:0"):
                flags = [_Flag(index) for index in range(self.num_workers)]
                others = tf.stack([f.is_raised for f in flags if f.task_index != self.task_index])
            with self._session(_LAST_STEPS_SECS) as session:
                while not session.run(others).all() and time.time() < until:
                    time.sleep(_POLL_SECS)

    @contextlib.contextmanager
    def watched(self):
        """Returns a context in which the process ends should a server be gone."""
        is_over = threading.Event()

        def watch():
            seen = dict.fromkeys(self._cluster.ps_hosts, time.time())
            while not is_over.wait(_WATCH_SECS):
                for host in self._cluster.ps_hosts:
                    if _is_server(host):
                        seen[host] = time.time()
                    elif time.time() - seen[host] > _AWAY_SECS:
                        self._give_up(
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

    def leave(self):
        """Tells all servers that this worker makes no more steps."""
        if not all(_is_server(host) for host in self._cluster.ps_hosts):
            return  # A server that is gone need not be told.
        try:
            self._on_servers(lambda flag: flag.set)
        except tf.errors.OpError:
            pass  # It has gone meanwhile.

    def _on_servers(self, operation):
        with tf.Graph().as_default():
            operations = []
            for task in range(len(self._cluster.ps_hosts)):
                with tf.device("/job:ps/task:%d" % task):
                    operations.append(operation(_Flag(self.task_index)))
            with self._session(_ANSWER_SECS) as session:
                session.run(operations)

    def _session(self, secs):
        config = tf.ConfigProto(operation_timeout_in_ms=int(secs * 1000))
        return tf.Session(self.target, config=self.session_config(config))


def serve(cluster, config, report=print):
    """Holds variables until all workers have left.

    Args:
      cluster: a ``Cluster`` whose ``job_name`` is ``"ps"``.
      config: a ``tf.ConfigProto``.
      report: called with each line of the console.

    Raises:
      UsageError: see ``Cluster.server``.
    """
    server = cluster.server(config)
    mine = "/job:ps/task:%d" % cluster.task_index
    report("server %d: at %s" % (cluster.task_index, cluster.ps_hosts[cluster.task_index]))
    with tf.Graph().as_default():
        with tf.device(mine):
            left = tf.stack([_Flag(index).is_raised for index in range(cluster.num_workers)])
        with tf.Session(server.target, config=tf.ConfigProto(device_filters=[mine])) as session:
            while not session.run(left).all():
                time.sleep(_POLL_SECS)
    time.sleep(2 * _POLL_SECS)  # The last worker is still closing its session.
    report("server %d: all workers have left" % cluster.task_index)


class _Flag:
    """Whether a worker has left, as a queue that keeps it for every session, and for nobody else.

    A variable would be among those that a checkpoint holds.
    """

    def __init__(self, task_index):
        self.task_index = task_index
        queue = tf.FIFOQueue(1, tf.bool, [[]], shared_name="worker_%d_has_left" % task_index)
        self.is_raised = queue.size() > 0
        self.set = tf.cond(self.is_raised, tf.no_op, lambda: queue.enqueue(True))
        self.clear = tf.cond(self.is_raised, lambda: tf.group(queue.dequeue()), tf.no_op)


class LeastBytes:
    """Gives each variable to the server that has the fewest bytes so far.

    In turn, as TensorFlow does by itself, two servers would get all weights and all biases.

    Attributes:
      num_bytes: list of int, what each server holds so far.
    """

    def __init__(self, num_servers):
        """Begins with servers that hold nothing."""
        self.num_bytes = [0] * num_servers

    def __call__(self, operation):
        """Returns the number of the server that holds a variable, given its operation."""
        (output,) = operation.outputs
        shape = tf.TensorShape(operation.get_attr("shape"))
        task = self.num_bytes.index(min(self.num_bytes))
        self.num_bytes[task] += shape.num_elements() * output.dtype.base_dtype.size
        return task


def _is_server(host):
    """Says whether what listens at an address speaks HTTP/2, as a server of TensorFlow's does.

    Returns:
      bool, or None where nothing listens or answers.
    """
    name, port = host.rsplit(":", 1)
    try:
        with contextlib.closing(socket.create_connection((name, int(port)), _PROBE_SECS)) as probe:
            probe.sendall(_HTTP2_GREETING)
            answer = probe.recv(9)
    except OSError:
        return None
    return answer[3:4] == _HTTP2_SETTINGS if answer else None
