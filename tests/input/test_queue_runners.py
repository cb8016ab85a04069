"""An enqueue is done by its queue runner's own thread, and by no thread of TensorFlow's."""

import threading

import numpy as np

from alexnet_flowers.data import dataset
from alexnet_flowers.input import pipeline, queue_runners
from alexnet_flowers.tf1 import tf

NUM_OPS = 20


def test_all_of_an_enqueue_is_done_in_the_thread_of_its_runner():
    def thread():
        return np.int64(threading.get_ident())

    with tf.Graph().as_default() as graph:
        # Independent of each other: a pool would take them up side by side.
        idents = tf.stack([tf.py_func(thread, [], tf.int64) for _ in range(NUM_OPS)])
        idents.set_shape([NUM_OPS])
        queue = tf.FIFOQueue(4, [tf.int64], [[NUM_OPS]])
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(idents)] * 2))
        queue_runners.run_in_own_threads()
        taken = queue.dequeue()
    with tf.Session(graph=graph) as session, graph.as_default():
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        assert not tf.train.start_queue_runners(session, coordinator)  # They run already.
        seen = [set(session.run(taken)) for _ in range(20)]
        own = {thread.ident for thread in threads}
        coordinator.request_stop()
        coordinator.join(threads)
    assert all(len(idents) == 1 for idents in seen)
    assert set.union(*seen) <= own


def test_every_queue_of_the_input_is_filled_that_way(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    for build in (pipeline.training_batches, pipeline.evaluation_batches):
        with tf.Graph().as_default() as graph:
            build(split, 4, 32)
        runners = graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        assert len(runners) >= 3
        with graph.as_default():
            queue_runners.run_in_own_threads()
        assert graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS) == runners  # None was left.
