"""Several processes train one run: servers hold the variables, workers compute the gradients.

TensorFlow's own runtime: each process has a ``tf.train.Server``; the variables lie with the
parameter servers, everything else with the worker that builds it. Worker 0 is the chief: it alone
writes checkpoints and summaries. Asynchronous workers need nobody but the servers: one can be
killed and started again while the others go on.

*Asynchronous*: each worker applies its gradients when it has them. *Synchronous*: the chief
averages one gradient of each worker, and all wait for the step that is made of them.
"""

import collections
import os
import re
import typing

from alexnet_flowers.errors import UsageError, first_line
from alexnet_flowers.tf1 import quiet, tf

JOBS = ("ps", "worker")

# What TensorFlow's connections would go through; a session would then wait for ever, in C++.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


class Cluster(typing.NamedTuple):
    """Who takes part, and which of them this process is.

    Attributes:
      ps_hosts: list of ``<host>:<port>``, the parameter servers.
      worker_hosts: list of ``<host>:<port>``, the workers.
      job_name: ``"ps"`` or ``"worker"``.
      task_index: int, this process's place in its list, from 0.
      sync_replicas: bool, whether the workers wait for each other at each step.
    """

    ps_hosts: typing.List[str]
    worker_hosts: typing.List[str]
    job_name: str
    task_index: int
    sync_replicas: bool

    @property
    def hosts(self):
        """A dict of job to its hosts."""
        return {"ps": self.ps_hosts, "worker": self.worker_hosts}

    @property
    def shared(self):
        """A dict, which JSON can hold, of what all processes must have alike, servers included."""
        return {
            "ps_hosts": self.ps_hosts,
            "worker_hosts": self.worker_hosts,
            # 1 and 2 cannot read each other's graphs.
            "TensorFlow": int(tf.__version__.split(".")[0]),
        }

    @property
    def num_workers(self):
        """How many workers there are."""
        return len(self.worker_hosts)

    def server(self, config):
        """Starts this process's ``tf.train.Server``; from then on the process has no proxy.

        Raises:
          UsageError: its port is taken, or is not this machine's.
        """
        for name in _PROXIES:
            os.environ.pop(name, None)
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
            match = re.match(r"^[^:/\s]+:([0-9]+)$", host)
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
