"""A process's place among those that train one run: alone, or a worker of a cluster."""

import contextlib
import json
import time

from alexnet_flowers.distributed import liveness
from alexnet_flowers.distributed.least_bytes import LeastBytes
from alexnet_flowers.distributed.register import HERE, LEFT, NOT_YET, Register
from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.tf1 import tf

# How long one exchange with the servers may take.
_EXCHANGE_SECS = 15
# How long the chief waits for the other workers' last steps.
_LAST_STEPS_SECS = 60
_POLL_SECS = 0.5


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

    def wait_for_servers(self):
        """Waits until all servers answer."""

    def servers_answer(self):
        """Says whether all servers answer now."""
        return True

    def joined(self, run):
        """Returns a context in which this worker takes part in a run; see ``Worker.joined``."""
        return contextlib.ExitStack()

    def wait_for_chief(self):
        """Waits until the variables of the default graph have their values.

        Returns:
          bool, False if the chief has left without giving them any: the run was finished already.
        """
        return True


class Worker(Alone):
    """The place of a worker in a cluster; see ``Alone``."""

    takes_over = False  # Whether this chief takes the place of another one of the same run.

    def __init__(self, cluster, config, give_up, report=print):
        """Starts its server.

        Args:
          cluster: a ``Cluster``.
          config: a ``tf.ConfigProto``.
          give_up: called with a ``DataError`` where TensorFlow would wait for a server for ever,
            which neither a signal nor closing the session ends. Called in a thread of its own, it
            has to end the process.
          report: called with each line of the console.

        Raises:
          UsageError: see ``Cluster.server``.
        """
        self._cluster = cluster
        self._give_up = give_up
        self._report = report
        self._has_said_that_it_waits = False
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

    def session(self):
        """Returns a ``tf.Session`` in which no operation may take long."""
        config = self.session_config(_timeout(liveness.CONNECT_SECS))
        return tf.Session(self.target, config=config)

    def wait_for_servers(self):
        """Waits until all servers answer; see ``liveness.wait_for``."""
        liveness.wait_for(self._cluster.ps_hosts)

    def servers_answer(self):
        """Says whether all servers answer now."""
        return all(liveness.answers("ps", *one) for one in enumerate(self._cluster.ps_hosts))

    @contextlib.contextmanager
    def joined(self, run):
        """Returns a context in which this worker takes part in a run.

        The chief gives the servers to its run, unless another run is there; the other workers wait
        for that. Within the context the process ends should a server be gone. Whoever is refused
        has changed nothing, and tells nobody that it leaves. A chief that an error ends is waited
        for, as if it had not come yet.

        Args:
          run: a dict that JSON can hold: what all workers of the run must agree on.

        Raises:
          DataError: a server does not answer.
          UsageError: the servers hold a run that differs, or one is of another cluster.
        """
        with liveness.watched(self._cluster.ps_hosts, self._give_up):
            self._agree_on_cluster()
            self._agree(dict(run, sync_replicas=self.sync_replicas, **self._cluster.shared))
            self._set_state(HERE)
            last_state = LEFT
            try:
                yield
            except Exception:
                last_state = NOT_YET if self.is_chief else LEFT
                raise
            finally:
                if self.servers_answer():  # One that is gone need not be told.
                    with contextlib.suppress(DataError):  # It has gone meanwhile.
                        self._set_state(last_state)

    def _agree_on_cluster(self):
        """Raises ``UsageError`` unless all servers have this worker's hosts and TensorFlow."""
        with self._exchange() as session:
            for task, host in enumerate(self._cluster.ps_hosts):
                differences = _differences(
                    _awaited(session, self._register(task).cluster), self._cluster.shared
                )
                if differences:
                    raise UsageError(
                        "--ps_hosts: the server at %s is of another cluster (%s); start again what "
                        "differs: all processes of a run need the same hosts and one TensorFlow"
                        % (host, differences)
                    )

    def _agree(self, run):
        """Raises ``UsageError`` unless ``run`` is the one that the servers hold, or now hold."""
        with self._exchange() as session:
            register = self._register(0)
            mine = json.dumps(run, sort_keys=True)
            there = register.run
            if self.is_chief:
                self.takes_over = session.run(there) == mine.encode()
                there = register.claim(mine)
            held = _awaited(session, there, self._say_that_it_waits)
            differences = _differences(held, json.loads(mine))
        if differences:
            raise UsageError(
                "--ps_hosts: the servers hold another run (%s); give all processes of a run the "
                "same flags and photos, and each run servers of its own" % differences
            )

    def wait_for_chief(self):
        """Waits until the chief has given the variables their values; see ``Alone``.

        slim waits too, but for synchronous steps it asks for the step's number at once.
        """
        if self.is_chief:
            return True
        missing = tf.report_uninitialized_variables(tf.global_variables())
        states = self._register(0).states
        with self.session() as session:
            while session.run(missing).size:
                if session.run(states)[0] == LEFT:
                    return False
                self._say_that_it_waits()
                time.sleep(_POLL_SECS)
        return True

    def _say_that_it_waits(self):
        """Reports, once, that this worker waits for the chief."""
        if not self._has_said_that_it_waits:
            chief = self._cluster.worker_hosts[0]
            self._report("worker %d: waiting for the chief at %s" % (self.task_index, chief))
        self._has_said_that_it_waits = True

    def count_orphans(self, session):
        """Returns how many other workers are there if this chief takes the place of another."""
        if not self.takes_over:
            return 0
        return list(session.run(self._register(0).states))[1:].count(HERE)

    def absent_workers(self, session):
        """Returns the numbers of the other workers that do not answer, or have not joined."""
        states = enumerate(zip(session.run(self._register(0).states), self._cluster.worker_hosts))
        return [
            task
            for task, (state, host) in states
            if task != self.task_index
            and not (state == HERE and liveness.answers("worker", task, host))
        ]

    def wait_for_others(self, is_enough):
        """Waits until all others that have joined left or are gone, or a function says enough."""
        until, silence = time.monotonic() + _LAST_STEPS_SECS, liveness.Silence()
        with self._exchange() as session:
            states = self._register(0).states
            while time.monotonic() < until and not is_enough():
                now = session.run(states)
                now[self.task_index] = LEFT
                hosts = self._cluster.worker_hosts
                if HERE not in liveness.without_the_killed(now, hosts, silence):
                    return
                time.sleep(_POLL_SECS)

    def wait_for_chief_to_leave(self, is_enough):
        """Waits until the chief has left, or a function says that it is enough."""
        with self._exchange() as session:
            states = self._register(0).states
            while session.run(states)[0] != LEFT and not is_enough():
                time.sleep(_POLL_SECS)

    def _set_state(self, state):
        """Tells all servers that this worker is there, or has left."""
        with self._exchange() as session:
            session.run(
                [
                    self._register(server).set_state(self.task_index, state)
                    for server in range(len(self._cluster.ps_hosts))
                ]
            )

    def _register(self, server):
        return Register(server, self.num_workers)

    @contextlib.contextmanager
    def _exchange(self):
        """A context with a graph of its own and a session of the first server's in it.

        A session of this process's own would be the one of the worker that it claims to be. The
        servers of TensorFlow 2 end sessions of another process of that name, though it may be the
        one that trains.

        Raises:
          DataError: a server does not answer.
        """
        try:
            config = _timeout(_EXCHANGE_SECS)
            config.device_filters.append("/job:ps")
            target = "grpc://" + self._cluster.ps_hosts[0]
            with tf.Graph().as_default(), tf.Session(target, config=config) as session:
                yield session
        except tf.errors.OpError as error:
            raise DataError(server_gone(error))


def server_gone(error):
    """Returns what an error of TensorFlow's means where a server of the cluster is gone."""
    return (
        "a server of the cluster is gone (%s); start the servers and workers again, which "
        "continues the run" % first_line(error)
    )


def _awaited(session, text, while_waiting=lambda: None):
    """Returns what a text of a register's holds, once it is there; it is JSON."""
    while True:
        found = session.run(text)
        if found:
            return json.loads(found.decode("utf-8"))
        while_waiting()
        time.sleep(_POLL_SECS)


def _differences(there, here):
    """Returns how two dicts differ, as text."""
    return "; ".join(
        "%s is %s there and %s here" % (name, there.get(name), here.get(name))
        for name in sorted(set(there) | set(here))
        if there.get(name) != here.get(name)
    )


def _timeout(secs):
    return tf.ConfigProto(operation_timeout_in_ms=int(secs * 1000))
