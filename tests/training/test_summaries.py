"""What is shown is what was trained on."""

import io

import numpy as np
import pytest
from PIL import Image

from alexnet_flowers.input.pipeline import Batch
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import summaries


def values_of(serialized):
    return {value.tag: value for value in tf.Summary.FromString(serialized).value}


def decoded(image):
    return np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))


def jpeg(height, width, color):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def test_images_show_the_batchs_own_photos_without_stretching_their_range():
    images = np.stack([np.full([8, 8, 3], v, np.float32) for v in (-1.0, 0.0, 1.0)])
    encoded = [jpeg(30, 60, color) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    with tf.Graph().as_default(), tf.Session() as session:
        batch = Batch(tf.constant(images), None, None, tf.constant(encoded))
        values = values_of(session.run(summaries.images(batch, 8, 2)))
    assert sorted(values) == [
        "preprocessed/image/0", "preprocessed/image/1", "raw/image/0", "raw/image/1",
    ]  # fmt: skip
    for number, level in enumerate((0, 127)):
        assert (decoded(values["preprocessed/image/%d" % number].image) == level).all()
    raw = decoded(values["raw/image/1"].image)
    # Twice as wide as high: fitted with black above and below, nothing cut off or distorted.
    assert (raw[:2] == 0).all() and (raw[6:] == 0).all()
    assert np.abs(raw[2:6].astype(int) - [0, 200, 0]).max() <= 3


def test_histograms_and_shares_of_zeros_are_of_the_end_points():
    with tf.Graph().as_default(), tf.Session() as session:
        end_points = {"net/conv1": tf.constant([0.0, 0.0, 0.0, 2.0])}
        one = tf.constant(1.0)
        metrics = summaries.Metrics(one, one, one, tf.no_op())
        scalars = values_of(session.run(summaries.scalars(one, one, metrics, one, end_points)))
        values = values_of(session.run(summaries.histograms(end_points, tf.no_op())))
    assert scalars["sparsity/net/conv1"].simple_value == pytest.approx(0.75)
    histogram = values["activations/net/conv1"].histo
    assert (histogram.num, histogram.max, histogram.sum) == (4, 2, 2)


def test_streaming_metrics_count_every_batch_once():
    batches = [
        ([[5.0, 1.0, 0.0], [1.0, 5.0, 0.0]], [0, 0]),  # One right, the other second best.
        ([[0.0, 1.0, 5.0], [5.0, 1.0, 0.0]], [2, 2]),  # One right, the other last.
    ]
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.placeholder(tf.float32, [2, 3])
        labels = tf.placeholder(tf.int64, [2])
        metrics = summaries.streaming_metrics(logits, labels)
        session.run(tf.local_variables_initializer())
        found = [session.run(metrics, {logits: scores, labels: truth}) for scores, truth in batches]
        assert not tf.trainable_variables() and not tf.get_collection(tf.GraphKeys.LOSSES)
    assert [f.batch_accuracy for f in found] == [0.5, 0.5]
    assert [f.accuracy for f in found] == [0.5, 0.5]
    assert [f.recall_at_2 for f in found] == [1.0, 0.75]
