"""How the reference does what this project does otherwise: to be compared with, never to be used.

The tests hold the project against it, the benchmark measures it. It is research/slim's way of
reading, distorting and converting photos, in our words.
"""

import os
import random
import tarfile

from alexnet_flowers.data import records
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.input.pipeline import Batch, Queues, with_exact_names
from alexnet_flowers.tf1 import slim, tf

# The order of the color changes, for each of the four random orderings.
_FAST_ORDERS = ("bs", "sb", "sb", "sb")
_FULL_ORDERS = ("bshc", "sbch", "chbs", "hscb")

# Its own numbers of readers and of preprocessing threads.
_QUEUES = Queues(num_readers=4, num_preprocessing_threads=4)


def preprocess_for_train(image, height, width, fast_mode=True):
    """The inception preprocessing of a photo that has been decoded whole.

    Args:
      image: uint8 [any height, any width, 3].
      height: int, px of the result.
      width: int, px of the result.
      fast_mode: bilinear, brightness and saturation only.

    Returns:
      float32 [height, width, 3] in [-1, 1].
    """
    image = tf.image.convert_image_dtype(image, tf.float32)
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.shape(image),
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        min_object_covered=0.1,
        aspect_ratio_range=(0.75, 1.33),
        area_range=(0.05, 1.0),
        max_attempts=100,
        use_image_if_no_bounding_boxes=True,
    )
    image = tf.slice(image, begin, size)
    image.set_shape([None, None, 3])

    def resized(x, method):
        return tf.image.resize_images(x, [height, width], method)

    image = _by_random_case(image, resized, 1 if fast_mode else 4)
    image.set_shape([height, width, 3])
    image = tf.image.random_flip_left_right(image)

    def colored(x, ordering):
        for change in (_FAST_ORDERS if fast_mode else _FULL_ORDERS)[ordering]:
            x = _COLOR_CHANGES[change](x)
        return tf.clip_by_value(x, 0.0, 1.0)

    image = _by_random_case(image, colored, 4)
    return tf.multiply(tf.subtract(image, 0.5), 2.0)


_COLOR_CHANGES = {
    "b": lambda x: tf.image.random_brightness(x, 32.0 / 255.0),
    "s": lambda x: tf.image.random_saturation(x, 0.5, 1.5),
    "h": lambda x: tf.image.random_hue(x, 0.2),
    "c": lambda x: tf.image.random_contrast(x, 0.5, 1.5),
}


def _by_random_case(x, function, num_cases):
    """Applies one of several functions: all are in the graph, the one drawn gets the tensor."""
    drawn = tf.random_uniform([], maxval=num_cases, dtype=tf.int32)
    branches = []
    for case in range(num_cases):
        switched = tf.raw_ops.Switch(data=x, pred=tf.equal(drawn, case)).output_true
        switched.set_shape(x.shape)
        branches.append(function(switched, case))
    return tf.raw_ops.Merge(inputs=branches).output


def _as_research_slim(dataset):
    """Returns a ``slim.dataset.Dataset`` whose photos are decoded by slim's own handler."""
    keys = {
        "image/encoded": tf.FixedLenFeature([], tf.string, default_value=""),
        "image/format": tf.FixedLenFeature([], tf.string, default_value="png"),
        "image/class/label": tf.FixedLenFeature([], tf.int64, default_value=0),
    }
    items = {
        "image": slim.tfexample_decoder.Image(),
        "label": slim.tfexample_decoder.Tensor("image/class/label"),
    }
    return slim.dataset.Dataset(
        data_sources=with_exact_names(dataset).data_sources,
        reader=tf.TFRecordReader,
        decoder=slim.tfexample_decoder.TFExampleDecoder(keys, items),
        num_samples=dataset.num_samples,
        items_to_descriptions=dataset.items_to_descriptions,
    )


def training_batches(dataset, batch_size, image_size, queues=_QUEUES):
    """Returns a ``Batch`` of research/slim's training script, without file names and the JPEGs.

    Args:
      dataset: a ``slim.dataset.Dataset``.
      batch_size: int.
      image_size: int, px.
      queues: ``pipeline.Queues``, of which the numbers of readers and threads are taken.
    """
    with tf.device(INPUT_DEVICE):
        provider = slim.dataset_data_provider.DatasetDataProvider(
            _as_research_slim(dataset),
            num_readers=queues.num_readers,
            common_queue_capacity=20 * batch_size,
            common_queue_min=10 * batch_size,
        )
        image, label = provider.get(["image", "label"])
        image = preprocess_for_train(image, image_size, image_size)
        images, labels = tf.train.batch(
            [image, label],
            batch_size=batch_size,
            num_threads=queues.num_preprocessing_threads,
            capacity=5 * batch_size,
        )
        queue = slim.prefetch_queue.prefetch_queue([images, labels], capacity=2)
        images, labels = queue.dequeue()
        return Batch(images, labels, None, None)


def convert(archive, folder, num_validation=350, num_shards=5):
    """Unpacks an archive and converts it one photo at a time, each decoded by a session.

    Args:
      archive: the path of a tar archive with members ``flower_photos/<class>/<name>.jpg``.
      folder: an existing folder, for the photos and the shards.
      num_validation: int.
      num_shards: int.
    """
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    root = os.path.join(folder, "flower_photos")
    class_names = sorted(n for n in os.listdir(root) if os.path.isdir(os.path.join(root, n)))
    photos = [
        os.path.join(root, class_name, name)
        for class_name in class_names
        for name in sorted(os.listdir(os.path.join(root, class_name)))
    ]
    random.Random(0).shuffle(photos)
    for split_name, part in (
        ("train", photos[num_validation:]),
        ("validation", photos[:num_validation]),
    ):
        sizes = records.shard_sizes(len(part), num_shards)
        with tf.Graph().as_default(), tf.Session() as session:
            encoded = tf.placeholder(tf.string)
            decoded = tf.image.decode_jpeg(encoded, channels=3)
            for name, size in zip(records.shard_filenames(split_name, num_shards), sizes):
                with tf.python_io.TFRecordWriter(os.path.join(folder, name)) as writer:
                    for path in part[:size]:
                        with open(path, "rb") as file:
                            photo = file.read()
                        height, width, _ = session.run(decoded, {encoded: photo}).shape
                        class_name = os.path.basename(os.path.dirname(path))
                        label = class_names.index(class_name)
                        name = "%s/%s" % (class_name, os.path.basename(path))
                        writer.write(records.example(photo, height, width, label, name))
                part = part[size:]
