"""Images and labels, batch by batch, through slim's queues.

Shards -> common queue (encoded records, shuffled) -> preprocessing threads -> batch queue
(single images) -> prefetch queue (whole batches) -> the training step. Each queue writes its
fullness as a summary, ``.../fraction_of_<capacity>_full``: 1 means that the step never waits.
"""

import collections
import re

from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import preprocessing, queue_runners
from alexnet_flowers.tf1 import slim, tf

Batch = collections.namedtuple("Batch", ["images", "labels", "filenames", "encoded"])
Batch.__doc__ = """A batch, as tensors.

Attributes:
  images: float32 [N, size, size, 3] in [-1, 1].
  labels: int64 [N].
  filenames: string [N], ``<class>/<file>`` where the records have it.
  encoded: string [N], the JPEGs, from which a summary can show the whole photos.
"""


def training_batches(
    dataset,
    batch_size,
    image_size,
    fast_mode=True,
    min_crop_area=preprocessing.MIN_CROP_AREA,
    num_readers=4,
    num_preprocessing_threads=4,
    common_queue_capacity=None,
    common_queue_min=None,
    batch_queue_capacity=None,
    prefetch_capacity=2,
    shuffle=True,
    seed=None,
    num_epochs=None,
):
    """Reads a split again and again, shuffled and distorted.

    Args:
      dataset: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      batch_size: int.
      image_size: int, px.
      fast_mode: see ``preprocessing.preprocess_for_train``.
      min_crop_area: see ``preprocessing.draw``.
      num_readers: shards read at once; photos of as many shards are mixed.
      num_preprocessing_threads: threads that decode and distort.
      common_queue_capacity: records held for shuffling. None: 20 batches, as in research/slim, or
        twice ``common_queue_min``.
      common_queue_min: records always left there, so that each is drawn from among so many.
        None: half of the capacity.
      batch_queue_capacity: images held ready. None: 1 batch; research/slim's 5 take 135 MB more at
        batch 56, the study group's 2 take 34 MB, and neither is faster.
      prefetch_capacity: batches held ready.
      shuffle: whether shards and records come in random order.
      seed: int or None, for that order.
      num_epochs: how often each photo is read before ``tf.errors.OutOfRangeError``; None: without
        end. A number needs ``tf.local_variables_initializer()``, as epochs are counted there.

    Returns:
      A ``Batch``.
    """
    capacity, at_least = common_queue_sizes(batch_size, common_queue_capacity, common_queue_min)
    if batch_queue_capacity is None:
        batch_queue_capacity = batch_size
    with tf.device(INPUT_DEVICE):
        provider = slim.dataset_data_provider.DatasetDataProvider(
            with_exact_names(dataset),
            num_readers=num_readers,
            common_queue_capacity=capacity,
            common_queue_min=at_least,
            shuffle=shuffle,
            seed=seed,
            num_epochs=num_epochs,
        )
        encoded, label, filename = provider.get(["encoded", "label", "filename"])
        image = preprocessing.preprocess_for_train(
            encoded, image_size, image_size, fast_mode, min_crop_area
        )
        batch = tf.train.batch(
            [image, label, filename, encoded],
            batch_size=batch_size,
            num_threads=num_preprocessing_threads,
            capacity=batch_queue_capacity,
        )
        queue = slim.prefetch_queue.prefetch_queue(batch, capacity=prefetch_capacity)
        queue_runners.run_in_own_threads()
        return Batch(*queue.dequeue())


def with_exact_names(dataset):
    """Returns a dataset of which slim reads the very shards, also in a folder ``flowers[2]``.

    It takes names with some letters for patterns; these are marked to stand for themselves.
    """
    attributes = dict(vars(dataset))
    attributes["data_sources"] = [
        re.sub(r"([*?[\]\\])", r"\\\1", path) if re.search(r"[*?[]", path) else path
        for path in dataset.data_sources
    ]
    return slim.dataset.Dataset(**attributes)


def common_queue_sizes(batch_size, capacity=None, at_least=None):
    """Returns the common queue's capacity and minimum, where None stands for a default.

    Raises:
      UsageError: the minimum would fill the queue.
    """
    if capacity is None:
        capacity = 20 * batch_size if at_least is None else max(2 * at_least, 1)
    if at_least is None:
        at_least = capacity // 2
    if at_least >= capacity:
        raise UsageError(
            "--common_queue_min=%d: must be below --common_queue_capacity=%d" % (at_least, capacity)
        )
    return capacity, at_least


def evaluation_batches(dataset, batch_size, image_size):
    """Reads a split once, every photo exactly once, in the order of its shards.

    The last batch is as short as what is left; then ``tf.errors.OutOfRangeError`` is raised. The
    session has to run ``tf.local_variables_initializer()`` first: the epoch is counted there.

    Args:
      dataset: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      batch_size: int.
      image_size: int, px.

    Returns:
      A ``Batch``; N is not known when the graph is built.
    """
    with tf.device(INPUT_DEVICE):
        provider = slim.dataset_data_provider.DatasetDataProvider(
            with_exact_names(dataset),
            num_readers=1,
            common_queue_capacity=2 * batch_size,
            common_queue_min=0,
            shuffle=False,
            num_epochs=1,
        )
        encoded, label, filename = provider.get(["encoded", "label", "filename"])
        image = preprocessing.preprocess_for_eval(encoded, image_size, image_size)
        batch = tf.train.batch(
            [image, label, filename, encoded],
            batch_size=batch_size,
            num_threads=1,  # More would hand the photos on in another order each time.
            capacity=2 * batch_size,
            allow_smaller_final_batch=True,
        )
        queue_runners.run_in_own_threads()
        return Batch(*batch)
