"""Synchronous training: steps that average one gradient of each worker."""

from alexnet_flowers.tf1 import tf


def wrap(optimizer, num_workers):
    """Returns a ``SyncReplicasOptimizer``: it applies the mean of one gradient of each worker.

    Args:
      optimizer: a ``tf.train.Optimizer``.
      num_workers: int.
    """

    class SyncReplicas(tf.train.SyncReplicasOptimizer):
        """Starts with no tokens, so that no worker gives two gradients to the first step."""

        _num_tokens = 0

        def apply_gradients(self, *args, **kwargs):
            """As TensorFlow's, but the step that gradients are for is set by the run's step alone.

            It is a local variable. When slim continues a run it initializes all of them, which
            makes it 0, and in no order with that sets it to the run's step. Where 0 remained, a
            chief's first gradient was too old to count, and it waited for ever.
            """
            train_op = super().apply_gradients(*args, **kwargs)
            local = tf.get_collection_ref(tf.GraphKeys.LOCAL_VARIABLES)
            local[:] = [variable for variable in local if variable is not self._local_step]
            return train_op

        def take_over(self, session, count_orphans):
            """Lets a chief go on where another one may have been killed; before slim trains.

            That one may have taken some of the gradients, and not yet handed out the tokens that
            the other workers wait for; neither would ever come again. So the gradients that are
            there are dropped, and each of those workers gets a token once the variables are
            restored. (One that still computed all the while may then be a step ahead.)

            Args:
              session: a ``tf.Session`` in which the servers are.
              count_orphans: a function of the session: how many other workers are there. It is
                asked after the gradients are dropped, as a worker may come, and give one, until
                then.
            """
            accumulators = [accumulator for accumulator, _ in self._accumulator_list]
            num_gradients = session.run([a.num_accumulated() for a in accumulators])
            given = [a.take_grad(int(n)) for a, n in zip(accumulators, num_gradients) if n]
            session.run([gradient.op for gradient in given])
            # Until the run's step is restored, no gradient is too old: whoever gives one that is
            # dropped after this has not been counted, and would wait for ever.
            session.run([a.set_global_step(0) for a in accumulators])
            num_tokens = session.run(self._sync_token_queue.size())
            self._num_tokens = max(0, count_orphans(session) - num_tokens)

        def get_init_tokens_op(self):
            return super().get_init_tokens_op(self._num_tokens)

        def get_chief_queue_runner(self):
            """As TensorFlow's, but at its end it closes a queue that nobody uses.

            Current TensorFlow's closes the tokens', on the server: the other workers would take
            that for the end of the run, and no chief could go on with it.
            """
            updates = super().get_chief_queue_runner().enqueue_ops
            with tf.device(self._local_step.device):
                unused = tf.FIFOQueue(1, tf.bool)
            return _DetachedRunner(tf.train.QueueRunner(unused, updates))

    return SyncReplicas(
        optimizer, replicas_to_aggregate=num_workers, total_num_replicas=num_workers
    )


class _DetachedRunner:
    """A queue runner whose threads the coordinator does not join at the end.

    The last of them waits for gradients that no longer come, until the session is closed. slim
    closes it only after joining all threads, for which it would wait two minutes.
    """

    def __init__(self, runner):
        self._runner = runner

    def create_threads(self, session, coord, **kwargs):
        return self._runner.create_threads(session, coord=_StopOnly(coord), **kwargs)


class _StopOnly:
    """A coordinator that can stop threads, and be stopped by them, but does not join them."""

    def __init__(self, coord):
        self._coord = coord
        self.should_stop = coord.should_stop
        self.wait_for_stop = coord.wait_for_stop

    def register_thread(self, thread):
        pass

    def request_stop(self, error=None):
        if not self._coord.should_stop():
            self._coord.request_stop(error)
