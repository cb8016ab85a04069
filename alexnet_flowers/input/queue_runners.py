"""Queue runners that do all the work of an enqueue in their own thread.

TensorFlow hands each operation to a pool of threads. The operations of one small image take less
time than waking one of those threads does, and there are as many queue runners as can be of use
anyway: in the runner's own thread the input pipeline yields about a fifth more images a second.

There is one trap. An operation that has to wait in a queue is finished by whoever fills or empties
that queue, in *that* thread, and so is all that follows it in the same run. A preprocessing thread
that had to wait for a record would leave the decoding to the reader, and no more images would be
made at a time than there are readers. So such a thread takes its record in a run of its own
(``own_records``), which may be finished by a reader, and begins the work in a second run, in which
nothing is left to wait for.
"""

import contextlib
import functools

from alexnet_flowers import devices
from alexnet_flowers.tf1 import tf


@contextlib.contextmanager
def in_own_threads(first=None):
    """A context in which the queue runners that are added do their work in their own threads.

    Args:
      first: an operation that each of their threads runs by itself before each enqueue, or None.
    """
    runners = tf.get_collection_ref(tf.GraphKeys.QUEUE_RUNNERS)
    num_before = len(runners)
    yield
    runners[num_before:] = [
        OwnThreadQueueRunner(runner.to_proto(), first) for runner in runners[num_before:]
    ]


def own_records(record, num_threads):
    """Has each thread of a queue runner take a record of its own before it begins with the work.

    Args:
      record: a list of tensors of known shapes, which may have to be waited for.
      num_threads: how many threads take and use them.

    Returns:
      The operation that takes one record, to be the ``first`` of ``in_own_threads``; and the
      tensors of a record that was taken. A thread that has run the former never waits for these.
    """
    taken = tf.FIFOQueue(
        num_threads,
        [tensor.dtype for tensor in record],
        [tensor.shape for tensor in record],
        name="taken_records",
    )
    return taken.enqueue(record), taken.dequeue()


class OwnThreadQueueRunner(tf.train.QueueRunner):
    """A queue runner as another one, whose threads do all of their work themselves."""

    def __init__(self, queue_runner_def, first=None):
        """Makes one of the definition of another.

        Args:
          queue_runner_def: a ``QueueRunnerDef`` of the default graph.
          first: see ``in_own_threads``.
        """
        self._first = first
        super().__init__(queue_runner_def=queue_runner_def)

    @property
    def enqueue_ops(self):
        """The operations of its definition: whoever imports it runs each in a thread of its own."""
        return super().enqueue_ops + ([] if self._first is None else [self._first])

    def create_threads(self, sess, *args, **kwargs):
        """Creates the threads, as every queue runner does."""
        return super().create_threads(_OwnThreadSession(sess, self._first), *args, **kwargs)


class _OwnThreadSession:
    """The part of a session that a queue runner uses."""

    def __init__(self, session, first):
        self._session = session
        self._first = first
        self.run = session.run

    def make_callable(self, operation):
        operations = [operation] if self._first is None else [self._first, operation]
        runs = [
            functools.partial(
                self._session.make_callable(one, accept_options=True), options=devices.one_by_one()
            )
            for one in operations
        ]

        def run_all():
            for run in runs:
                run()

        return run_all

    # The runner keeps one count of its threads for each session.
    def __eq__(self, other):
        return isinstance(other, _OwnThreadSession) and self._session is other._session

    def __hash__(self):
        return hash(self._session)
