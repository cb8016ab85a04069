"""What TensorBoard shows of a run while it trains; ``events/tags.py`` lists the tags."""

import contextlib
import io
import typing

from PIL import Image

from alexnet_flowers.data import jpeg_check, photo_kind
from alexnet_flowers.events import tags
from alexnet_flowers.input import preprocessing
from alexnet_flowers.pictures import cards
from alexnet_flowers.tf1 import slim, tf


class Metrics(typing.NamedTuple):
    """How well the training batches are classified."""

    batch_accuracy: "tf.Tensor"  # float32 [], of this batch alone.
    accuracy: "tf.Tensor"  # float32 [], of all photos seen so far, this batch included.
    recall_at_2: "tf.Tensor"  # float32 [], of all: the share whose class is among the best two.
    update: "tf.Operation"  # Counts this batch, where neither of the two before is fetched.


def streaming_metrics(logits, labels):
    """Builds the ``Metrics``; they change nothing about the training.

    Args:
      logits: float32 [N, classes].
      labels: int64 [N].
    """
    correct = tf.cast(tf.equal(tf.argmax(logits, 1), labels), tf.float32)
    among_two = tf.cast(tf.nn.in_top_k(logits, labels, 2), tf.float32)
    # The second value of each is the one that has this batch counted in.
    _, accuracy = tf.metrics.mean(correct, name="accuracy")
    _, recall = tf.metrics.mean(among_two, name="recall_at_2")
    return Metrics(tf.reduce_mean(correct), accuracy, recall, tf.group(accuracy, recall))


def scalars(total_loss, cross_entropy, metrics, learning_rate, end_points):
    """Builds a step's scalars, the queues' fullness too: string [], a serialized ``tf.Summary``.

    Args:
      total_loss: float32 [].
      cross_entropy: float32 [].
      metrics: ``Metrics``.
      learning_rate: float32 [].
      end_points: a dict of name to tensor, whose shares of zeros are summarised.
    """
    tags_to_values = {
        tags.TOTAL_LOSS: total_loss,
        tags.CROSS_ENTROPY: cross_entropy,
        tags.ACCURACY: metrics.accuracy,
        tags.RECALL_AT_2: metrics.recall_at_2,
        tags.LEARNING_RATE: learning_rate,
    }
    for name, activations in end_points.items():
        tags_to_values[tags.SPARSITY_PREFIX + name] = tf.nn.zero_fraction(activations)
    for queue in tf.get_collection(tf.GraphKeys.SUMMARIES, scope=".*fraction_of_"):
        tags_to_values[tags.queue_tag(queue.op.name)] = queue.op.inputs[1]
    # The operations themselves: tf.summary would put the graph's scope before the tags.
    return tf.summary.merge(
        [
            tf.raw_ops.ScalarSummary(tags=tag, values=value)
            for tag, value in sorted(tags_to_values.items())
        ]
    )


def histograms(end_points, after):
    """Builds the histograms of every end point and weight: string [], a serialized ``tf.Summary``.

    Args:
      end_points: a dict of name to tensor.
      after: the operation that changes the weights; their histograms are of what it leaves.
    """
    tags_to_values = {
        tags.ACTIVATIONS_PREFIX + name: activations for name, activations in end_points.items()
    }
    for variable in slim.get_model_variables():
        with tf.control_dependencies([after]):
            tag = tags.PARAMETERS_PREFIX + variable.op.name
            tags_to_values[tag] = variable.read_value()
    built = []
    for tag, values in sorted(tags_to_values.items()):
        # One after the other: each takes a copy of its values, all together hundreds of megabytes.
        with tf.control_dependencies(built[-1:]):
            built.append(tf.raw_ops.HistogramSummary(tag=tag, values=_finite(values)))
    return tf.summary.merge(built)


def _finite(values):
    """Returns values with 0 for what is NaN or infinite, for which a histogram stops the step.

    What is due then is said by those who watch the loss and the variables.
    """
    return tf.raw_ops.SelectV2(condition=tf.is_finite(values), t=values, e=0.0)


class Images:
    """A batch's first images: the whole photos, and what was made of them.

    They are made after the step, of what it was made with: a step must not fail for a picture.

    Attributes:
      fetches: the tensors to fetch for ``summary``.
    """

    def __init__(self, batch, max_images):
        """Takes the first ``max_images`` images of a ``pipeline.Batch``."""
        self.fetches = (batch.encoded[:max_images], batch.images[:max_images])

    def summary(self, fetched):
        """Returns a ``tf.Summary`` of what was fetched, the photos fitted into the images' size.

        A photo of which only the boxes that were drawn can be decoded is left out.
        """
        values = []
        for number, (encoded, image) in enumerate(zip(*fetched)):
            seen = Image.fromarray(preprocessing.as_bytes(image))
            values.append(_image("%s/image/%d" % (tags.PREPROCESSED, number), seen))
            with contextlib.suppress(photo_kind.BadPhotoError, MemoryError):
                fitted = cards.fitted(Image.fromarray(jpeg_check.decode(encoded)), seen.width)
                raw = Image.new("RGB", seen.size)
                raw.paste(
                    fitted, ((raw.width - fitted.width) // 2, (raw.height - fitted.height) // 2)
                )
                values.append(_image("%s/image/%d" % (tags.RAW, number), raw))
        return tf.Summary(value=values)


class Predictions:
    """The first images of a batch with their softmax values, which are drawn beneath them.

    They are those of training: dropout is on.

    Attributes:
      fetches: the tensors to fetch for ``summary``.
    """

    def __init__(self, batch, logits, class_names, max_images):
        """Adds to the graph.

        Args:
          batch: a ``pipeline.Batch``.
          logits: float32 [N, classes].
          class_names: list of str.
          max_images: int, how many of the batch.
        """
        self._class_names = class_names
        self.fetches = (
            batch.images[:max_images],
            tf.nn.softmax(logits[:max_images]),
            batch.labels[:max_images],
        )

    def summary(self, fetched):
        """Returns a ``tf.Summary`` of what was fetched: an image under one tag a position."""
        values = []
        for position, (image, probabilities, label) in enumerate(zip(*fetched)):
            drawn = cards.card(
                preprocessing.as_bytes(image), probabilities, self._class_names, label
            )
            values.append(_image("%s%d" % (tags.PREDICTIONS_PREFIX, position), drawn))
        return tf.Summary(value=values)


def _image(tag, image):
    """Returns a ``tf.Summary.Value`` of a Pillow image, RGB."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    encoded = tf.Summary.Image(
        height=image.height, width=image.width, colorspace=3, encoded_image_string=buffer.getvalue()
    )
    return tf.Summary.Value(tag=tag, image=encoded)
