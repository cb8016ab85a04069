"""An image is made by a preprocessing thread, and by no reader's and no thread of TensorFlow's."""

import collections
import threading
import time

import numpy as np
import pytest
from queues import started

from alexnet_flowers.data import dataset
from alexnet_flowers.input import pipeline, preprocessing, queue_runners
from alexnet_flowers.tf1 import tf

NUM_OPS = 20


def own_thread():
    return np.int64(threading.get_ident())


def test_all_of_an_enqueue_is_done_in_the_thread_of_its_runner():
    with tf.Graph().as_default() as graph:
        # Independent of each other: a pool would take them up side by side.
        idents = tf.stack([tf.py_func(own_thread, [], tf.int64) for _ in range(NUM_OPS)])
        idents.set_shape([NUM_OPS])
        queue = tf.FIFOQueue(4, [tf.int64], [[NUM_OPS]])
        with queue_runners.in_own_threads():
            tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(idents)] * 2))
        taken = queue.dequeue()
    with started(graph) as (session, threads):
        assert not tf.train.start_queue_runners(session)  # They run already.
        seen = [set(session.run(taken)) for _ in range(20)]
        own = {thread.ident for thread in threads}
    assert all(len(idents) == 1 for idents in seen)
    assert set.union(*seen) <= own


def test_only_runners_added_within_are_changed():
    def add():
        queue = tf.FIFOQueue(1, [tf.int64], [[]])
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(np.int64(1))]))

    with tf.Graph().as_default():
        add()
        with queue_runners.in_own_threads():
            add()
        add()
        runners = tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
    assert [isinstance(one, queue_runners.OwnThreadQueueRunner) for one in runners] == [
        False, True, False,
    ]  # fmt: skip


def test_every_queue_of_the_input_is_filled_that_way(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    for build in (pipeline.training_batches, pipeline.evaluation_batches):
        with tf.Graph().as_default() as graph:
            build(split, 4, 32)
        runners = graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        assert len(runners) >= 3
        assert all(isinstance(one, queue_runners.OwnThreadQueueRunner) for one in runners)


@pytest.mark.parametrize("reader_secs", [0, 0.03], ids=["fast readers", "slow readers"])
def test_an_image_is_made_by_a_preprocessing_thread_that_had_to_wait(
    tiny_dataset, monkeypatch, reader_secs
):
    """One reader, six preprocessing threads, and work of 60 ms an image.

    Records are drawn from among 30, so that every preprocessing thread waits for the reader at
    first; with a slow reader they wait again and again. Whoever fills the queue in which a thread
    waits continues what that thread was about to do. The work takes far longer than the six take to
    begin, one after the other: each session's first run builds its part of the graph.
    """

    def slowly(encoded):
        time.sleep(reader_secs)
        return encoded

    def work():
        time.sleep(0.06)
        return own_thread()

    preprocess = preprocessing.preprocess_for_train

    def noting_its_thread(encoded, *args):
        with tf.control_dependencies([encoded]):
            worker = tf.py_func(work, [], tf.int64)
        with tf.control_dependencies([worker]):
            image = preprocess(encoded, *args)
        return tf.fill(image.shape, tf.cast(worker, tf.float64))

    def slow_decoder(split):
        decode = split.decoder.decode

        def decode_slowly(serialized, items):
            slow = tf.py_func(slowly, [serialized], tf.string)
            slow.set_shape([])
            return decode(slow, items)

        split.decoder.decode = decode_slowly

    monkeypatch.setattr(preprocessing, "preprocess_for_train", noting_its_thread)
    split = dataset.get_split("train", tiny_dataset)
    slow_decoder(split)
    with tf.Graph().as_default() as graph:
        batch = pipeline.training_batches(
            split, 4, 8, queues=pipeline.Queues(1, 6, common_queue_min=30)
        )
    with started(graph) as (session, threads):
        made_by = collections.Counter()
        for _ in range(12):
            made_by.update(session.run(batch.images)[:, 0, 0, 0].astype(int))
        preprocessing_threads = {
            thread.ident for thread in threads if "batch/fifo_queue" in thread.name
        }
    assert len(preprocessing_threads) >= 6
    assert set(made_by) <= preprocessing_threads
    # Nor do they leave it to each other: each makes images.
    assert len(made_by) == 6
