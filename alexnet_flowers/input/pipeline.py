"""Images and labels, batch by batch, through slim's queues.

Shards -> common queue (encoded records, shuffled) -> preprocessing threads -> batch queue
(single images) -> prefetch queue (whole batches) -> the training step. Each queue writes its
fullness as a summary, ``.../fraction_of_<capacity>_full``: 1 means that the step never waits.
"""

import re
import typing

from alexnet_flowers import devices
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import preprocessing, randaugment
from alexnet_flowers.tf1 import slim, tf

# slim's numbers of readers and of preprocessing threads: the least, however few cores there are.
_MIN_THREADS = 4
# Whole batches held ready.
_PREFETCH_CAPACITY = 2


class Batch(typing.NamedTuple):
    """A batch, as tensors.

    Attributes:
      images: float32 [N, size, size, 3] in [-1, 1].
      labels: int64 [N].
      filenames: string [N], ``<class>/<file>`` where the records have it.
      encoded: string [N], the JPEGs, from which a summary can show the whole photos.
    """

    images: "tf.Tensor"
    labels: "tf.Tensor"
    filenames: "tf.Tensor"
    encoded: "tf.Tensor"


class Queues(typing.NamedTuple):
    """How photos go through the queues.

    Attributes:
      num_readers: shards read at once; photos of as many shards are mixed. None: one a core, at
        least 4 as in research/slim, and no more than there are shards.
      num_preprocessing_threads: threads that decode and distort. None: one a core, at least 4.
      common_queue_capacity: records held for shuffling. None: 20 batches, as in research/slim, or
        twice ``common_queue_min``.
      common_queue_min: records always left there, so that each is drawn from among so many.
        None: half of the capacity.
      batch_queue_capacity: images held ready. None: 1 batch; research/slim's 5 take 135 MB more at
        batch 56, the study group's 2 take 34 MB, and neither is faster.
    """

    num_readers: typing.Optional[int] = None
    num_preprocessing_threads: typing.Optional[int] = None
    common_queue_capacity: typing.Optional[int] = None
    common_queue_min: typing.Optional[int] = None
    batch_queue_capacity: typing.Optional[int] = None


DEFAULT_QUEUES = Queues()


def complete(queues, num_shards, batch_size):
    """Returns ``Queues`` with the numbers that None stood for; see ``common_queue_sizes``."""
    num_threads = max(_MIN_THREADS, devices.num_cores())
    capacity, at_least = common_queue_sizes(
        batch_size, queues.common_queue_capacity, queues.common_queue_min
    )
    return Queues(
        num_readers=queues.num_readers or min(num_shards, num_threads),
        num_preprocessing_threads=queues.num_preprocessing_threads or num_threads,
        common_queue_capacity=capacity,
        common_queue_min=at_least,
        batch_queue_capacity=queues.batch_queue_capacity or batch_size,
    )


def training_batches(
    dataset,
    batch_size,
    image_size,
    fast_mode=True,
    min_crop_area=preprocessing.MIN_CROP_AREA,
    randaug=randaugment.NOTHING,
    queues=DEFAULT_QUEUES,
    seed=None,
):
    """Returns a ``Batch`` of a split that is read again and again, shuffled and distorted.

    Args:
      dataset: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      batch_size: int.
      image_size: int, px.
      fast_mode: see ``preprocessing.preprocess_for_train``.
      min_crop_area: see ``preprocessing.draw``.
      randaug: see ``preprocessing.preprocess_for_train``.
      queues: ``Queues``.
      seed: int or None, for the order of shards and records.
    """
    queues = complete(queues, len(dataset.data_sources), batch_size)
    with tf.device(INPUT_DEVICE):
        batch = _batch(
            dataset,
            lambda encoded: preprocessing.preprocess_for_train(
                encoded, image_size, image_size, fast_mode, min_crop_area, randaug
            ),
            dict(
                batch_size=batch_size,
                num_threads=queues.num_preprocessing_threads,
                capacity=queues.batch_queue_capacity,
            ),
            num_readers=queues.num_readers,
            common_queue_capacity=queues.common_queue_capacity,
            common_queue_min=queues.common_queue_min,
            seed=seed,
        )
        with _queue_runners().in_own_threads():
            prefetched = slim.prefetch_queue.prefetch_queue(batch, capacity=_PREFETCH_CAPACITY)
        return Batch(*prefetched.dequeue())


def _queue_runners():
    """Returns the module that extends a class of TensorFlow's, which it loads."""
    from alexnet_flowers.input import queue_runners

    return queue_runners


def _batch(dataset, preprocess, batching, **reading):
    """Returns the tensors of a ``Batch``: records that slim's provider reads, preprocessed.

    Args:
      dataset: a ``slim.dataset.Dataset``.
      preprocess: a function of a JPEG.
      batching: a dict of options of ``tf.train.batch``.
      **reading: options of slim's provider.
    """
    runners = _queue_runners()
    with runners.in_own_threads():
        provider = slim.dataset_data_provider.DatasetDataProvider(
            with_exact_names(dataset), **reading
        )
    take, record = runners.own_records(
        provider.get(["encoded", "label", "filename"]), batching["num_threads"]
    )
    encoded, label, filename = record
    image = preprocess(encoded)
    with runners.in_own_threads(first=take):
        return tf.train.batch([image, label, filename, encoded], **batching)


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
    """Returns a ``Batch`` of a split that is read once, each photo once, in its shards' order.

    The last batch is as short as what is left, so that N is not known when the graph is built; then
    ``tf.errors.OutOfRangeError`` is raised. The session has to run
    ``tf.local_variables_initializer()`` first: the epoch is counted there.

    Args:
      dataset: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      batch_size: int.
      image_size: int, px.
    """
    with tf.device(INPUT_DEVICE):
        batch = _batch(
            dataset,
            lambda encoded: preprocessing.preprocess_for_eval(encoded, image_size, image_size),
            dict(
                batch_size=batch_size,
                num_threads=1,  # More would hand the photos on in another order each time.
                capacity=2 * batch_size,
                allow_smaller_final_batch=True,
            ),
            num_readers=1,
            common_queue_capacity=2 * batch_size,
            common_queue_min=0,
            shuffle=False,
            num_epochs=1,
        )
        return Batch(*batch)
