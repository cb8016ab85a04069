"""A parameter server's life: it holds variables until nobody needs them any more."""

import json
import time

from alexnet_flowers.distributed import liveness
from alexnet_flowers.distributed.register import HERE, LEFT, NOT_YET, Register
from alexnet_flowers.tf1 import tf

# How long a server waits for workers that have not come yet, once the chief has left.
_LATE_SECS = liveness.CONNECT_SECS
# How long one that is told to end waits for workers that were told so, too: the chief saves.
_GRACE_SECS = 30
_POLL_SECS = 0.5


def serve(cluster, config, report=print):
    """Holds variables until all workers have left, or the chief has and the others do not come.

    Args:
      cluster: a ``Cluster`` whose ``job_name`` is ``"ps"``.
      config: a ``tf.ConfigProto``.
      report: called with each line of the console.

    Raises:
      KeyboardInterrupt: a signal came; all workers have left, or 30 seconds are over.
      UsageError: see ``Cluster.server``.
    """
    server = cluster.server(config)
    name = "server %d" % cluster.task_index
    report("%s: at %s" % (name, cluster.ps_hosts[cluster.task_index]))
    mine = tf.ConfigProto(device_filters=["/job:ps/task:%d" % cluster.task_index])
    with tf.Graph().as_default(), tf.Session(server.target, config=mine) as session:
        register = Register(cluster.task_index, cluster.num_workers)
        session.run(register.tell_cluster(json.dumps(cluster.shared)))
        states = register.states
        silence = liveness.Silence(0)  # ``_LATE_SECS`` is long enough.

        def present():
            now = list(session.run(states))
            # While the chief is there, a worker that was killed may be started again at any time.
            if now[0] != LEFT:
                return now
            return liveness.without_the_killed(now, cluster.worker_hosts, silence)

        try:
            absent = _wait_for_the_end(present)
        except KeyboardInterrupt:
            until = time.monotonic() + _GRACE_SECS
            report("%s: ends with the workers, within %d seconds" % (name, _GRACE_SECS))
            while HERE in present() and time.monotonic() < until:
                time.sleep(_POLL_SECS)
            time.sleep(2 * _POLL_SECS)
            raise
    time.sleep(2 * _POLL_SECS)  # The last worker is still closing its session.
    if absent:
        report("%s: the chief has left; never came, or are gone: worker %s" % (name, absent))
    else:
        report("%s: all workers have left" % name)


def _wait_for_the_end(states):
    """Waits until a server has nothing more to do.

    Args:
      states: a function that returns the states of all workers.

    Returns:
      The numbers of the workers that are not there and have not left, as text.
    """
    late = None
    while True:
        now = states()
        if set(now) == {LEFT}:
            return ""
        if now[0] != LEFT or HERE in now:
            late = None
        elif late is None:
            late = time.monotonic() + _LATE_SECS
        elif time.monotonic() > late:
            absent = (str(worker) for worker, state in enumerate(now) if state == NOT_YET)
            return ", ".join(absent)
        time.sleep(_POLL_SECS)
