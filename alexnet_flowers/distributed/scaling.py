"""What several machines would bring: a model of the time that a step takes on the network.

Before each step a worker fetches all variables from the servers, and after it sends as many bytes
of gradients. The model knows the time that a worker computes, the bytes, and the bandwidth of each
machine's link, the same in both directions; nothing overlaps, and latency is left out.

*Asynchronous*: each worker computes and transfers for itself, until the link of the server that
has most is full: that one passes so many steps a second and no more.

*Synchronous*: all workers fetch at the same time and send at the same time, so the fullest server
passes the bytes of all of them, twice, in each step.
"""

import typing

from alexnet_flowers.distributed.least_bytes import LeastBytes
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf


class Traffic(typing.NamedTuple):
    """What a worker fetches in a step; it sends the same.

    Attributes:
      num_bytes: int, from all servers.
      fullest: int, from the server that holds most.
    """

    num_bytes: int
    fullest: int


def traffic(num_classes, num_servers):
    """Counts the bytes of the variables; returns a ``Traffic``."""
    with tf.Graph().as_default():
        choose = LeastBytes(num_servers)
        alexnet_v2.alexnet_v2(tf.zeros([1, 224, 224, 3]), num_classes, is_training=True)
        for variable in tf.trainable_variables():
            choose(variable.op)
    return Traffic(sum(choose.num_bytes), max(choose.num_bytes))


def asynchronous_steps_per_sec(num_workers, compute_secs, traffic_of_step, bytes_per_sec):
    """Returns how many steps of one batch all workers make together in a second."""
    alone = compute_secs + 2.0 * traffic_of_step.num_bytes / bytes_per_sec
    return min(num_workers / alone, bytes_per_sec / traffic_of_step.fullest)


def synchronous_steps_per_sec(num_workers, compute_secs, traffic_of_step, bytes_per_sec):
    """Returns how many steps, each of a batch of every worker, are made in a second."""
    passed = max(traffic_of_step.num_bytes, num_workers * traffic_of_step.fullest)
    return 1.0 / (compute_secs + 2.0 * passed / bytes_per_sec)
