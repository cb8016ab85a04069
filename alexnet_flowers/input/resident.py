"""Photos that stay on the device: decoded once, kept as pixels, distorted there for every step.

Meant for a GPU, which the queues cannot feed: the CPU then only draws (a few numbers a photo, some
batches ahead), and nothing large is copied for a step. Each photo comes once an epoch, in a new
order each time. What batch comes when follows from the seed and the number of the batch alone, so
that a run that is continued goes on where it was.
"""

import typing

import numpy as np

from alexnet_flowers.data import jpeg_check, parallel, photo_kind, record_check, records
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import DataError
from alexnet_flowers.input import batch_distortion, batch_draws, randaugment, staging
from alexnet_flowers.input.pipeline import Batch
from alexnet_flowers.input.preprocessing import Draw
from alexnet_flowers.tf1 import tf

_BYTES_PER_PIXEL = 4
# Batches drawn ahead.
_PREFETCH_CAPACITY = 8
# Float images of a batch that a distortion holds at a time: what was gathered, its bytes as floats,
# two sums, the planes before and after a change, and the result.
_IMAGES_HELD = 8
# What is yet to be augmented, and what is already.
_IMAGES_HELD_BY_RANDAUGMENT = 2
_NO_END = 2**62


class Photos(typing.NamedTuple):
    """All photos of a split, or of one device's share of it, in the host's memory.

    Attributes:
      encoded: a list of bytes, the JPEGs; those that were left out, see ``read``, are missing.
      labels: int64 [number of photos].
      filenames: a list of str.
      sizes: int64 [number of photos, 2], height and width in px.
    """

    encoded: typing.List[bytes]
    labels: np.ndarray
    filenames: typing.List[str]
    sizes: np.ndarray

    @property
    def num_pixels(self):
        """How many pixels they have together."""
        return int(self.sizes.prod(axis=1).sum())

    def share(self, index, count):
        """Returns every ``count``-th photo from number ``index`` on."""
        chosen = slice(index, None, count)
        return Photos(*(field[chosen] for field in self))

    def decoded(self):
        """Decodes all photos, by TensorFlow and on all cores, as the queues do.

        Returns:
          float32 [num_pixels], see ``batch_distortion.PackedPhotos``.

        Raises:
          photo_kind.BadPhotoError: one cannot be decoded.
        """
        pixels = np.empty(self.num_pixels, np.float32)
        ends = np.cumsum(self.sizes.prod(axis=1))

        def put(number):
            packed = batch_distortion.pack(jpeg_check.decode(self.encoded[number]))
            pixels[ends[number] - len(packed) : ends[number]] = packed

        list(parallel.on_all_cores(put, range(len(ends))))
        return pixels


def read(split, most_bytes):
    """Reads the photos of a split, in the order of the shards, undecoded; returns ``Photos``.

    Args:
      split: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      most_bytes: what the host's memory has for their pixels; of more photos only labels, names
        and sizes are kept.

    Raises:
      DataError: a record is not of a photo, or its label is of no class.
    """
    encoded, labels, filenames, sizes = [], [], [], []
    bytes_left = most_bytes
    try:
        for path in split.data_sources:
            for one in records.read_shard(path):
                labels.append(one.label)
                filenames.append(one.filename)
                sizes.append(jpeg_check.check_structure(one.encoded).size_px)
                bytes_left -= host_bytes(int(np.prod(sizes[-1])))
                if bytes_left >= 0:
                    encoded.append(one.encoded)
    except (DataError, OSError, photo_kind.BadPhotoError) as error:
        raise DataError(record_check.explanation(split) or str(error))
    labels = np.array(labels, np.int64)
    if not ((labels >= 0) & (labels < split.num_classes)).all():
        raise DataError(record_check.explanation(split))
    return Photos(encoded, labels, filenames, np.array(sizes, np.int64))


def host_bytes(num_pixels):
    """Returns the host's memory that pixels take until they are on the device: two copies."""
    return 2 * num_pixels * _BYTES_PER_PIXEL


def bytes_needed(num_pixels, batch_size, image_size, num_layers=0):
    """Returns how many bytes of a device's memory the photos and their distortion take.

    Args:
      num_pixels: int, of all photos on this device.
      batch_size: int.
      image_size: int, px.
      num_layers: of RandAugment, see ``randaugment.Policy``.
    """
    image = image_size * image_size * 3 * 4
    held = _IMAGES_HELD + (_IMAGES_HELD_BY_RANDAUGMENT if num_layers else 0)
    return num_pixels * _BYTES_PER_PIXEL + batch_size * image * held


def training_batches(
    photos, batch_size, distortion, device, seed, first_batch, ahead=staging.not_ahead
):
    """Builds batches of photos that stay on a device: a ``Batch``, its images on ``device``.

    The session has to initialize local variables and tables, as ``slim.learning.train`` does.

    Args:
      photos: ``Photos``.
      batch_size: int.
      distortion: a ``preprocessing.Distortion``.
      device: where the pixels are and the images are made, for ``tf.device``.
      seed: a list of int: the same one gives the same batches. None: others each time.
      first_batch: int64 [] tensor, how many batches were taken before, of which this is the
        continuation; read when tables are initialized.
      ahead: a function as ``staging.Areas.ahead``, if the images are to be made a step ahead.
    """
    # numpy takes 32 bits, TensorFlow any number.
    parts = None if seed is None else [part % 2**32 for part in seed]
    order_seed, draw_seed = np.random.RandomState(parts).randint(2**31 - 1, size=2)
    sizes = photos.sizes.astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(photos.sizes.prod(axis=1))[:-1]])
    with tf.device(INPUT_DEVICE), tf.name_scope("resident_photos"):
        numbers = _numbers(len(photos.labels), batch_size, order_seed, first_batch)

        def draw(numbers, batch_number):
            heights, widths = tf.unstack(tf.gather(tf.constant(sizes), numbers), axis=1)
            key = tf.stack([tf.constant(draw_seed, tf.int64), batch_number])
            drawn = batch_draws.draw(heights, widths, key, distortion.min_crop_area)
            columns = [widths] + drawn.begin + drawn.size + list(drawn[2:])
            if distortion.randaug.num_layers:
                shape = [batch_size, 2 * distortion.randaug.num_layers]
                chosen = tf.random.stateless_uniform(shape, key + [1, 0])
                columns += tf.unstack(chosen, axis=1)
            # As one tensor, so that one copy brings them to the device.
            return numbers, tf.stack(columns, axis=1)

        batches = tf.data.Dataset.zip((numbers, tf.data.Dataset.range(first_batch, _NO_END)))
        batches = batches.map(draw, num_parallel_calls=1).prefetch(_PREFETCH_CAPACITY)
        iterator = tf.data.make_initializable_iterator(batches)
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
        numbers, drawn = iterator.get_next()
        numbers.set_shape([batch_size])
        drawn.set_shape([batch_size, drawn.shape[1]])
        offset = tf.gather(tf.constant(offsets, tf.int64), numbers)
    (images,) = ahead([_distorted(photos, offset, drawn, distortion, device)], device)
    with tf.device(INPUT_DEVICE):
        # Of what else there is of a photo only its number waits: most steps use no more.
        (numbers,) = ahead([numbers], INPUT_DEVICE)
        encoded = tf.py_func(
            lambda chosen: np.array([photos.encoded[number] for number in chosen], object),
            [numbers],
            tf.string,
        )
        encoded.set_shape([batch_size])
        names = [name.encode("utf-8", "surrogateescape") for name in photos.filenames]
        return Batch(
            images=images,
            labels=tf.gather(tf.constant(photos.labels), numbers),
            filenames=tf.gather(tf.constant(names), numbers),
            encoded=encoded,
        )


def _numbers(num_photos, batch_size, seed, first_batch):
    """Returns a ``tf.data.Dataset`` of batches of photos' numbers: each once an epoch, reordered.

    An epoch may end within a batch; the next one then begins there.
    """

    def of_epoch(epoch):
        key = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.argsort(tf.random.stateless_uniform([num_photos], key))
        return tf.data.Dataset.from_tensor_slices(tf.cast(order, tf.int64))

    first = first_batch * batch_size
    epochs = tf.data.Dataset.range(first // num_photos, _NO_END)
    return epochs.flat_map(of_epoch).skip(first % num_photos).batch(batch_size)


def _distorted(photos, offset, drawn, distortion, device):
    """Returns the images that were drawn, made on the device that keeps the pixels."""
    with tf.device(INPUT_DEVICE):
        # Decoded when the variable is initialized, and forgotten by the host.
        pixels = tf.py_func(photos.decoded, [], tf.float32)
        pixels.set_shape([photos.num_pixels])
    with tf.device(device):
        kept = tf.Variable(
            pixels, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES], name="photos"
        )
        width, top, left, height_drawn, width_drawn, *rest = tf.unstack(drawn, axis=1)
        num_others = len(Draw._fields) - 2  # Fields other than the place and the size.
        images = batch_distortion.distort(
            batch_distortion.PackedPhotos(kept, offset, width),
            Draw([top, left], [height_drawn, width_drawn], *rest[:num_others]),
            distortion.image_size,
            batch_distortion.taps_needed(
                distortion.image_size, int(photos.sizes.max()), distortion.fast_mode
            ),
            distortion.fast_mode,
        )
        if not distortion.randaug.num_layers:
            return images
        shape = [-1, distortion.randaug.num_layers, 2]
        chosen = tf.reshape(tf.stack(rest[num_others:], axis=1), shape)
        return tf.map_fn(
            lambda one: randaugment.augmented(*one, distortion.randaug.magnitude),
            [images, chosen],
            tf.float32,
            back_prop=False,
        )
