"""Staged batches come in the input's order, one step behind it."""

import gpus
import numpy as np
import pytest

from alexnet_flowers.input import staging
from alexnet_flowers.input.pipeline import Batch
from alexnet_flowers.tf1 import tf


def numbered_batches(count):
    """A batch whose every part holds its number."""
    numbers = tf.data.Dataset.range(count)
    number = tf.data.make_one_shot_iterator(numbers).get_next()
    text = tf.reshape(tf.as_string(number), [1])
    return Batch(
        images=tf.fill([1, 2, 2, 3], tf.cast(number, tf.float32)),
        labels=tf.reshape(number, [1]),
        filenames=text,
        encoded=text + ".jpg",
    )


def test_every_batch_comes_once_whole_and_in_order_and_the_end_is_an_error():
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        staged, put = staging.stage([numbered_batches(4)] * 2, ["/gpu:0", "/gpu:1"])
        assert staged[0].images.shape == (1, 2, 2, 3) and staged[0].labels.dtype == tf.int64
        session.run(put)
        for number in range(3):
            for batch in session.run([staged, put])[0]:
                assert (batch.images == number).all() and batch.labels == [number]
                assert batch.filenames == [b"%d" % number]
                assert batch.encoded == [b"%d.jpg" % number]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run([staged, put])


def test_images_wait_on_their_device_and_texts_on_the_cpu():
    with tf.Graph().as_default() as graph:
        staging.stage([numbered_batches(1)] * 2, ["/gpu:0", "/gpu:1"])
        areas = [op for op in graph.get_operations() if op.type in ("Stage", "Unstage")]
    for op in areas:
        number = op.get_attr("shared_name").decode()[-1]
        of_images = op.get_attr("dtypes") == [tf.float32]
        assert op.device == ("/device:GPU:%s" % number if of_images else "/device:CPU:0")
    assert len(areas) == 8


def test_the_next_batch_needs_nothing_of_the_step():
    """So it can be made and copied while the step computes."""
    with tf.Graph().as_default() as graph:
        (batch,), put = staging.stage([numbered_batches(1)], [""])
        tf.reduce_sum(batch.images)
        seen, waiting = set(), [put]
        while waiting:
            op = waiting.pop()
            seen.add(op.type)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
        assert "Stage" in seen and "Unstage" not in seen
        assert any(op.type == "Sum" for op in graph.get_operations())
    assert np.prod(batch.images.shape.as_list()) == 12
