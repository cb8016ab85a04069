"""Synchronous training: steps that average one gradient of each worker."""

from alexnet_flowers.tf1 import slim, tf


def wrap(optimizer, num_workers, averages):
    """Returns a ``SyncReplicasOptimizer``: it applies the mean of one gradient of each worker.

    Args:
      optimizer: a ``tf.train.Optimizer``.
      num_workers: int.
      averages: a ``tf.train.ExponentialMovingAverage``, which the chief then updates once a step,
        or None.
    """

    class SyncReplicas(tf.train.SyncReplicasOptimizer):
        """Starts with no tokens, so that no worker gives two gradients to the first step."""

        def get_init_tokens_op(self, num_tokens=0):
            return super().get_init_tokens_op(num_tokens)

        def get_chief_queue_runner(self):
            return _DetachedRunner(super().get_chief_queue_runner())

    return SyncReplicas(
        optimizer,
        replicas_to_aggregate=num_workers,
        total_num_replicas=num_workers,
        variable_averages=averages,
        variables_to_average=averages and slim.get_model_variables(),
    )


class _DetachedRunner:
    """A queue runner whose threads the coordinator does not join at the end.

    The last of them waits for gradients that no longer come, until the session is closed. slim
    closes it only after joining all threads, for which it would wait two minutes.
    """

    def __init__(self, runner):
        self._runner = runner

    def create_threads(self, session, coord=None, **kwargs):
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
