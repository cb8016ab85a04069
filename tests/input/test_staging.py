"""Staged batches come in the input's order, one step behind it."""

import gpus
import pytest
from graphs import needed

from alexnet_flowers.data import dataset
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.input import pipeline, preprocessing, resident, staging, training_input
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


def stage(batches, devices):
    """Returns the batches, images on a device each, and the operation that fills the areas."""
    areas = staging.Areas()
    staged = [
        Batch(*areas.ahead(batch[:1], device), *areas.ahead(batch[1:], INPUT_DEVICE))
        for batch, device in zip(batches, devices)
    ]
    return staged, areas.put()


def test_every_batch_comes_once_whole_and_in_order_and_the_end_is_an_error():
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        staged, put = stage([numbered_batches(4)] * 2, ["/gpu:0", "/gpu:1"])
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
        stage([numbered_batches(1)] * 2, ["/gpu:0", "/gpu:1"])
        areas = [op for op in graph.get_operations() if op.type in ("Stage", "Unstage")]
    for op in areas:
        number = int(op.get_attr("shared_name").decode()[-1])
        of_images = op.get_attr("dtypes") == [tf.float32]
        assert op.device == ("/device:GPU:%d" % (number // 2) if of_images else "/device:CPU:0")
    assert len(areas) == 8


def types_before(op):
    """Returns the types of all operations that one needs."""
    return {one.type for one in needed(op)}


def test_the_next_batch_needs_nothing_of_the_step():
    """So it can be made and copied while the step computes."""
    with tf.Graph().as_default():
        _, put = stage([numbered_batches(1)], [""])
        assert "Stage" in types_before(put) and "Unstage" not in types_before(put)


@pytest.mark.parametrize("name", ["queues", "resident"])
def test_ahead_are_images_and_what_tells_the_photos_but_no_jpegs_of_resident_ones(
    tiny_dataset, name
):
    split = dataset.get_split("train", tiny_dataset)
    photos = resident.read(split, 2**40) if name == "resident" else None
    request = training_input.Request(
        4,
        preprocessing.Distortion(32, True, 0.05),
        pipeline.Queues(common_queue_min=5),
        1,
        ["/gpu:0"],
    )
    with tf.Graph().as_default() as graph:
        areas = staging.Areas()
        (batch,) = training_input.batches(split, request, photos, ahead=areas.ahead)
        put = areas.put()
        assert "Unstage" in types_before(batch.images.op) & types_before(batch.encoded.op)
        staged = {
            op.device: op.get_attr("dtypes") for op in graph.get_operations() if op.type == "Stage"
        }
        if name == "resident":
            # A function of Python's would look up, and copy, every photo of every step.
            assert "EagerPyFunc" not in types_before(put) and "PyFunc" not in types_before(put)
            assert staged == {"/device:GPU:0": [tf.float32], "/device:CPU:0": [tf.int64]}
        else:
            texts = [tf.int64, tf.string, tf.string]
            assert staged == {"/device:GPU:0": [tf.float32], "/device:CPU:0": texts}
