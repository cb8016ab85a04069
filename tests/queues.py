"""The queues of a graph, started and stopped, for tests."""

import contextlib

import gpus

from alexnet_flowers.tf1 import tf


@contextlib.contextmanager
def started(graph):
    """A session whose queues are filled, and its queue runners' threads."""
    with gpus.cpu_session(graph) as session, graph.as_default():
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        yield session, threads
        coordinator.request_stop()
        coordinator.join(threads, ignore_live_threads=True)
