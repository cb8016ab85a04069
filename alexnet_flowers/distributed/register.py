"""What a parameter server keeps beside a run's variables: its cluster, which run, who is there.

That is a hash table of TensorFlow's on the server. It is seen by every session, and is no variable,
so no checkpoint holds it.
"""

from alexnet_flowers.tf1 import tf

# The states of a worker.
NOT_YET = b""
HERE = b"here"
LEFT = b"left"

# The workers' keys are their numbers.
_RUN_KEY = -1
_CLUSTER_KEY = -2


class Register:
    """The operations on one server's table, in the default graph."""

    def __init__(self, server, num_workers):
        """Builds them.

        Args:
          server: int, the server's number.
          num_workers: int, how many workers the cluster has.
        """
        self._device = "/job:ps/task:%d" % server
        self._num_workers = num_workers
        with tf.device(self._device):
            self._table = tf.raw_ops.MutableHashTableV2(
                key_dtype=tf.int64, value_dtype=tf.string, shared_name="register"
            )

    @property
    def states(self):
        """The workers' states, string [num_workers]; empty for one that has never joined."""
        return self._find(list(range(self._num_workers)))

    @property
    def run(self):
        """The text that the chief has claimed the server with, string []; empty before."""
        return self._find(_RUN_KEY)

    @property
    def cluster(self):
        """The text that the server has told of its cluster, string []; empty before."""
        return self._find(_CLUSTER_KEY)

    def tell_cluster(self, text):
        """Returns the operation by which the server tells of its cluster."""
        return self._insert(_CLUSTER_KEY, text)

    def set_state(self, worker, state):
        """Returns the operation that sets the state of a worker, given its number."""
        return self._insert(worker, state)

    def claim(self, run):
        """Claims the server for a run, and notes that the chief is there.

        A server can be claimed while no worker is there, or again for the same run.

        Args:
          run: the text that stands for the run.

        Returns:
          string [], the text that the server is claimed with now; ``run`` if that has succeeded.
        """

        def claim_once():
            chief, there = self.states[0], self.run
            # Of all workers, also of those that this process's flags do not list.
            entries = tf.raw_ops.LookupTableExportV2(
                table_handle=self._table, Tkeys=tf.int64, Tvalues=tf.string
            )
            is_taken = tf.reduce_any(tf.equal(entries.values, HERE))
            holds = tf.cond(is_taken, lambda: there, lambda: tf.constant(run))
            chief = tf.cond(tf.equal(holds, run), lambda: tf.constant(HERE), lambda: chief)
            with tf.control_dependencies([self._insert([_RUN_KEY, 0], [holds, chief])]):
                return tf.identity(holds)

        with tf.device(self._device):
            return tf.CriticalSection(shared_name="register").execute(claim_once)

    def _find(self, keys):
        with tf.device(self._device):
            return tf.raw_ops.LookupTableFindV2(
                table_handle=self._table, keys=tf.constant(keys, tf.int64), default_value=b""
            )

    def _insert(self, keys, values):
        with tf.device(self._device):
            return tf.raw_ops.LookupTableInsertV2(
                table_handle=self._table, keys=tf.constant(keys, tf.int64), values=values
            )
