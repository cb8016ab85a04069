"""Distorts a whole batch of photos on one device, as ``preprocessing.distort`` distorts one.

The photos lie one behind the other in a single buffer, four bytes a pixel: red, green, blue and
nothing. They are of different sizes, and so are the boxes drawn from them, but all results are of
one size: so each pixel of a result gathers the few pixels of its photo that it is made of.

Everything is a function of whole tensors, of which a GPU computes thousands of values at a time.
Two things a GPU is bad at in TensorFlow are avoided: arithmetic on int32, which is done on the
host, and reductions over the three channels.
"""

import functools
import typing

import numpy as np

from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import tf

# Which of a color's changes may follow each other: a photo skips those that its own order does not
# have at this place. These are the shortest rows in which all of the orders are contained, with the
# cheapest changes repeated.
_FAST_STEPS = "bsb"
_FULL_STEPS = "bsbchbscb"

# Of TensorFlow's bicubic kernel: the cubic's free parameter, and the number of places between two
# pixels for which it knows the weights.
_CUBIC = -0.75
_CUBIC_STEPS = 1024.0

_TINY = 1e-30


class PackedPhotos(typing.NamedTuple):
    """Where the photos of a batch are.

    Attributes:
      pixels: float32 [number of pixels], of all photos: the bits of four bytes, not numbers.
        TensorFlow would keep integers of 32 bits on the host.
      offsets: int64 [N], which of them is the first of each photo of the batch.
      widths: float32 [N], px.
    """

    pixels: "tf.Tensor"
    offsets: "tf.Tensor"
    widths: "tf.Tensor"


def pack(image):
    """Returns a uint8 array [height, width, 3] as ``PackedPhotos.pixels`` has it."""
    packed = np.zeros(image.shape[:2] + (4,), np.uint8)
    packed[..., :3] = image
    return packed.reshape(-1).view(np.float32)


def taps_needed(image_size, largest_side, fast_mode=True):
    """Returns how many pixels in a row, or in a column, a pixel of a result is made of at most.

    Args:
      image_size: int, px of the results.
      largest_side: int, px, of all photos.
      fast_mode: see ``preprocessing.preprocess_for_train``.
    """
    if fast_mode:
        return 2
    # Bicubic takes four; an area as many as it is wide, and those at its two ends in part.
    return max(4, -(-largest_side // image_size) + 1)


def distort(photos, drawn, image_size, num_taps, fast_mode=True):
    """Crops, resizes, mirrors and colors each photo as drawn.

    Args:
      photos: ``PackedPhotos``.
      drawn: a ``preprocessing.Draw`` of float32 [N] each, as ``batch_draws.draw`` returns.
      image_size: int, px of the result.
      num_taps: see ``taps_needed``.
      fast_mode: see ``preprocessing.preprocess_for_train``.

    Returns:
      float32 [N, image_size, image_size, 3] in [-1, 1].
    """
    with tf.name_scope("distort"):
        image = _resize(photos, drawn, image_size, num_taps, fast_mode)
        planes = _distort_color(tf.unstack(image, axis=-1), drawn, fast_mode)
        image = tf.stack(planes, axis=-1)
        return (tf.clip_by_value(image, 0.0, 1.0) - 0.5) * 2


class _Taps(typing.NamedTuple):
    """The pixels that the rows (or columns) of a result are made of; float32 [taps, N, size] each.

    Attributes:
      indices: their number within the box.
      weights: how much each counts.
    """

    indices: "tf.Tensor"
    weights: "tf.Tensor"


def _resize(photos, drawn, image_size, num_taps, fast_mode):
    """Returns the drawn boxes in one size, float32 [N, size, size, 3], about [0, 1]."""
    method = None if fast_mode else drawn.method
    rows, columns = (_taps(side, image_size, method, num_taps) for side in drawn.size)
    is_mirrored = tf.equal(drawn.flip, 1)[:, tf.newaxis]
    columns = _Taps(*(tf.where_v2(is_mirrored, tf.reverse(one, [2]), one) for one in columns))
    top, left = drawn.begin
    line_starts = (
        photos.offsets[:, tf.newaxis]
        + tf.cast(rows.indices + top[:, tf.newaxis], tf.int64)
        * tf.cast(photos.widths, tf.int64)[:, tf.newaxis]
    )
    places = tf.cast(columns.indices + left[:, tf.newaxis], tf.int64)

    def pixels(row, column):
        at = line_starts[row][:, :, tf.newaxis] + places[column][:, tf.newaxis, :]
        as_bytes = tf.bitcast(tf.gather(photos.pixels, at), tf.uint8)
        return tf.cast(as_bytes, tf.float32)[..., :3]  # A GPU cannot slice bytes on 1.15.

    def weighted_row(row):
        def weighted(column):
            return pixels(row, column) * columns.weights[column][:, tf.newaxis, :, tf.newaxis]

        return _sum(num_taps, weighted) * rows.weights[row][:, :, tf.newaxis, tf.newaxis]

    return _sum(num_taps, weighted_row) * np.float32(1 / 255.0)


def _sum(count, term):
    """Returns the sum of ``term(0)`` to ``term(count - 1)``; of many, one after the other."""
    if count == 2:
        return term(0) + term(1)
    first = term(0)
    return tf.while_loop(
        lambda number, total: number < count,
        lambda number, total: (number + 1, total + term(number)),
        [1, first],
        parallel_iterations=1,
        back_prop=False,
    )[1]


def _taps(size, image_size, method, num_taps):
    """Returns the ``_Taps`` of boxes of some heights (or widths), as TensorFlow 1 resizes.

    Args:
      size: float32 [N], px of the boxes.
      image_size: int, px of the result.
      method: float32 [N], a ``tf.image.ResizeMethod`` each; None: all bilinear.
      num_taps: int.
    """
    scale = (size / image_size)[:, tf.newaxis]
    at = tf.range(image_size, dtype=tf.float32) * scale  # Not the middle of a pixel: its begin.
    low = tf.floor(at)
    number = tf.reshape(tf.range(num_taps, dtype=tf.float32), [-1, 1, 1])
    weights = tf.maximum(1 - tf.abs(number - (at - low)), 0)
    if method is not None:
        method = method[:, tf.newaxis]
        is_bicubic = tf.equal(method, tf.image.ResizeMethod.BICUBIC)
        end = tf.range(1, image_size + 1, dtype=tf.float32) * scale
        for other, of_other in (
            (tf.image.ResizeMethod.NEAREST_NEIGHBOR, tf.cast(tf.equal(number, 0), tf.float32)),
            (tf.image.ResizeMethod.BICUBIC, _cubic(number - 1, at - low)),
            (tf.image.ResizeMethod.AREA, _overlap(low + number, at, end, scale) / scale),
        ):
            weights = tf.where_v2(tf.equal(method, other), of_other, weights)
        low -= tf.cast(is_bicubic, tf.float32)
    indices = tf.clip_by_value(low + number, 0.0, size[:, tf.newaxis] - 1)
    return _Taps(indices, weights)


def _overlap(pixel, begin, end, scale):
    """Returns how much of a pixel lies between two points that are ``scale`` apart.

    Where both are in the pixel that is ``scale`` itself: a difference of the two would be rounded.
    """
    ends_within = pixel + 1 > end
    return tf.maximum(
        tf.where_v2(
            pixel < begin,
            tf.where_v2(ends_within, scale, pixel + 1 - begin),
            tf.where_v2(ends_within, end - pixel, 1.0),
        ),
        0,
    )


def _cubic(number, fraction):
    """Returns the weight of a pixel ``number`` places from the one before the point looked up."""
    distance = tf.abs(number - tf.round(fraction * _CUBIC_STEPS) / _CUBIC_STEPS)
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1
    far = ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
    return tf.where_v2(distance <= 1, near, tf.where_v2(distance < 2, far, 0.0))


def _distort_color(planes, drawn, fast_mode):
    """Returns the planes with their colors changed, each photo's in its own order.

    Args:
      planes: red, green and blue, float32 [N, size, size] each.
      drawn: see ``distort``.
      fast_mode: see ``preprocessing.preprocess_for_train``.
    """
    orders = preprocessing.FAST_ORDERS if fast_mode else preprocessing.FULL_ORDERS
    steps = _FAST_STEPS if fast_mode else _FULL_STEPS
    changes = {
        "b": (_brightness, drawn.brightness),
        "s": (_saturation, drawn.saturation),
        "h": (_hue, drawn.hue),
        "c": (_contrast, drawn.contrast),
    }
    ordering = tf.cast(drawn.ordering, tf.int64)
    for step, takers in zip(steps, _takers(steps, orders)):
        change, amount = changes[step]
        changed = change(planes, amount[:, tf.newaxis, tf.newaxis])
        if not all(takers):
            is_taken = tf.gather(tf.constant(takers), ordering)[:, tf.newaxis, tf.newaxis]
            changed = [tf.where_v2(is_taken, new, old) for new, old in zip(changed, planes)]
        planes = changed
    return planes


def _takers(steps, orders):
    """Returns for each step whether it is taken, a list of bool, one of each order."""
    taken = [[False] * len(orders) for _ in steps]
    for number, order in enumerate(orders):
        position = -1
        for change in order:
            position = steps.index(change, position + 1)
            taken[position][number] = True
    return taken


def _brightness(planes, delta):
    return [plane + delta for plane in planes]


def _extremes(planes):
    largest = functools.reduce(tf.maximum, planes)
    return largest, largest - functools.reduce(tf.minimum, planes)


def _saturation(planes, factor):
    """Scales the distances to the largest channel, which is what saturation times a factor does.

    With V the largest channel and C the distance of the least from it, the saturation is C / V; it
    stays in [0, 1], and is 0 where V is not positive. (TensorFlow's kernel for CPUs, which goes by
    way of the hue, makes the rare red gray whose hue is rounded to a full turn; here it stays red.)
    """
    largest, chroma = _extremes(planes)
    factor = tf.minimum(factor, tf.maximum(largest, 0) / tf.maximum(chroma, _TINY))
    return [largest - (largest - plane) * factor for plane in planes]


def _hue(planes, delta):
    """Turns the hue; the largest and the least channel keep their values."""
    red, green, blue = planes
    largest, chroma = _extremes(planes)
    divisor = tf.maximum(chroma, _TINY)
    sixths = tf.where_v2(
        tf.equal(largest, red),
        (green - blue) / divisor,
        tf.where_v2(
            tf.equal(largest, green), (blue - red) / divisor + 2, (red - green) / divisor + 4
        ),
    )
    sixths += delta * 6
    sixths -= tf.floor(sixths / 6) * 6  # The remainder, which TensorFlow 1.15 has for no GPU.
    shares = (tf.abs(sixths - 3) - 1, 2 - tf.abs(sixths - 2), 2 - tf.abs(sixths - 4))
    least = largest - chroma
    return [least + chroma * tf.clip_by_value(share, 0.0, 1.0) for share in shares]


def _contrast(planes, factor):
    def changed(plane):
        mean = tf.reduce_mean(plane, [1, 2], keepdims=True)
        return (plane - mean) * factor + mean

    return [changed(plane) for plane in planes]
