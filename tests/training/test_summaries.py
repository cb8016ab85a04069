"""What is shown is what was trained on."""

import io

import numpy as np
import pytest
from photo_archives import encode
from PIL import Image

from alexnet_flowers.input.pipeline import Batch
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import summaries

# Its summary is made of what was fetched alone.
IMAGES = summaries.Images(Batch([], [], [], []), 0)


def by_tag(summary):
    return {value.tag: value for value in summary.value}


def values_of(serialized):
    return by_tag(tf.Summary.FromString(serialized))


def decoded(image):
    return np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))


def jpeg(height, width, color):
    return encode(Image.new("RGB", (width, height), color), quality=100)


def test_images_show_the_batchs_own_photos_without_stretching_their_range():
    images = np.stack([np.full([8, 8, 3], v, np.float32) for v in (-1.0, 0.0, 1.0)])
    encoded = [jpeg(30, 60, color) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    with tf.Graph().as_default(), tf.Session() as session:
        batch = Batch(tf.constant(images), None, None, tf.constant(encoded))
        shown = summaries.Images(batch, 2)
        values = by_tag(shown.summary(session.run(shown.fetches)))
    assert sorted(values) == [
        "preprocessed/image/0", "preprocessed/image/1", "raw/image/0", "raw/image/1",
    ]  # fmt: skip
    for number, level in enumerate((0, 128)):
        assert (decoded(values["preprocessed/image/%d" % number].image) == level).all()
    raw = decoded(values["raw/image/1"].image)
    # Twice as wide as high: fitted with black above and below, nothing cut off or distorted.
    assert (raw[:2] == 0).all() and (raw[6:] == 0).all()
    assert np.abs(raw[2:6].astype(int) - [0, 200, 0]).max() <= 3


@pytest.mark.parametrize("height, width", [(1, 1), (3, 1000), (1, 3000), (3000, 1)])
def test_the_narrowest_photo_has_a_picture(height, width):
    fetched = ([jpeg(height, width, (200, 0, 0))], np.zeros([1, 8, 8, 3], np.float32))
    raw = decoded(by_tag(IMAGES.summary(fetched))["raw/image/0"].image)
    red = (raw[..., 0] > 150).sum(axis=(0, 1))
    assert raw.shape == (8, 8, 3) and red == (64 if height == width else 8)


def test_a_photo_that_cannot_be_decoded_as_a_whole_is_left_out():
    whole = jpeg(30, 60, (200, 0, 0))
    fetched = ([whole[: len(whole) // 2], whole], np.zeros([2, 8, 8, 3], np.float32))
    assert sorted(by_tag(IMAGES.summary(fetched))) == [
        "preprocessed/image/0", "preprocessed/image/1", "raw/image/1",
    ]  # fmt: skip


def test_a_histogram_of_what_is_not_finite_stops_nothing():
    with tf.Graph().as_default(), tf.Session() as session:
        end_points = {"net/conv1": tf.constant([np.nan, np.inf, -np.inf, 2.0])}
        values = values_of(session.run(summaries.histograms(end_points, tf.no_op())))
    assert values["activations/net/conv1"].histo.max == 2


def test_one_histogram_after_the_other_takes_a_copy_of_its_values():
    with tf.Graph().as_default() as graph:
        end_points = {"net/conv%d" % number: tf.zeros([2]) for number in (1, 2, 3)}
        summaries.histograms(end_points, tf.no_op())
        built = [op for op in graph.get_operations() if op.type == "HistogramSummary"]
    assert len(built) == 3
    for before, op in zip(built, built[1:]):
        copy = op.inputs[1].op
        assert copy.type == "SelectV2" and before in copy.inputs[0].op.control_inputs


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
        ([[5.0, 1.0, 0.0], [0.0, 1.0, 5.0]], [0, 2]),  # Both right.
    ]
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.placeholder(tf.float32, [2, 3])
        labels = tf.placeholder(tf.int64, [2])
        metrics = summaries.streaming_metrics(logits, labels)
        session.run(tf.local_variables_initializer())
        found = [session.run(metrics, {logits: scores, labels: truth}) for scores, truth in batches]
        assert not tf.trainable_variables() and not tf.get_collection(tf.GraphKeys.LOSSES)
    assert [f.batch_accuracy for f in found] == [0.5, 0.5, 1.0]
    assert [f.accuracy for f in found] == pytest.approx([0.5, 0.5, 4 / 6.0])
    assert [f.recall_at_2 for f in found] == pytest.approx([1.0, 0.75, 5 / 6.0])
