"""Draws the distortions of a whole batch at once, each as ``preprocessing.draw`` draws one.

The distribution is the same, box by box: that of TensorFlow's kernel of
``sample_distorted_bounding_box``, written in operations on whole batches. And a draw is a function
of its seed alone, so that a run can be continued where it was.
"""

from alexnet_flowers.input import preprocessing
from alexnet_flowers.input.preprocessing import Draw
from alexnet_flowers.tf1 import tf


def draw(heights, widths, seed, min_crop_area=preprocessing.MIN_CROP_AREA):
    """Draws a distortion for each photo of a batch.

    Args:
      heights: float32 [N], of the whole photos in px.
      widths: float32 [N], likewise.
      seed: int64 [2]; the same seed gives the same draws.
      min_crop_area: see ``preprocessing.draw``.

    Returns:
      A ``preprocessing.Draw`` of float32 [N] each, whole numbers where those of one photo are
      integers, and 0 or 1 for ``flip``.
    """
    attempts = preprocessing.MAX_ATTEMPTS
    uniform = tf.random.stateless_uniform([tf.size(heights), 2 * attempts + 9], seed)
    aspects, sides, others = tf.split(uniform, [attempts, attempts, 9], axis=1)
    rows, columns = _box_sizes(heights, widths, aspects, sides, min_crop_area)
    top, left, flip, ordering, brightness, saturation, hue, contrast, method = tf.unstack(
        others, axis=1
    )
    return Draw(
        # As in the kernel, which leaves out the last place.
        begin=[tf.floor(top * (heights - rows)), tf.floor(left * (widths - columns))],
        size=[rows, columns],
        flip=tf.cast(flip < 0.5, tf.float32),
        ordering=tf.floor(ordering * 4),
        brightness=_between(
            brightness, (-preprocessing.MAX_BRIGHTNESS_DELTA, preprocessing.MAX_BRIGHTNESS_DELTA)
        ),
        saturation=_between(saturation, preprocessing.SATURATION_RANGE),
        hue=_between(hue, (-preprocessing.MAX_HUE_DELTA, preprocessing.MAX_HUE_DELTA)),
        contrast=_between(contrast, preprocessing.CONTRAST_RANGE),
        method=tf.floor(method * 4),
    )


def _between(uniform, bounds):
    low, high = bounds
    return low + uniform * (high - low)


def _box_sizes(heights, widths, aspects, sides, min_crop_area):
    """Returns height and width, float32 [N] each, of the first box drawn that is right.

    Args:
      heights: float32 [N].
      widths: float32 [N].
      aspects: float32 [N, attempts] in [0, 1), which decide width / height of the box.
      sides: float32 [N, attempts] in [0, 1), which decide its height.
      min_crop_area: the least share of the photo's area.
    """
    height, width = heights[:, tf.newaxis], widths[:, tf.newaxis]
    max_area = height * width
    min_area = min_crop_area * max_area
    aspects = _between(aspects, preprocessing.ASPECT_RATIO_RANGE)
    highest = _highest(height, width, aspects)
    lowest = tf.minimum(tf.round(tf.sqrt(min_area / aspects)), highest)
    rows = lowest + tf.floor(sides * (highest - lowest + 1))
    # Whole pixels may have made it a little too small, or too large.
    rows += tf.cast(rows * tf.round(rows * aspects) < min_area, tf.float32)
    rows -= tf.cast(rows * tf.round(rows * aspects) > max_area, tf.float32)
    columns = tf.round(rows * aspects)
    area = rows * columns
    is_right = (
        (area >= min_area)
        & (area <= max_area)
        & (area / max_area >= preprocessing.MIN_OBJECT_COVERED)
        & (rows <= height)
        & (columns <= width)
        & (area > 0)
    )
    first_right = tf.argmax(tf.cast(is_right, tf.int32), axis=1, output_type=tf.int32)
    first = tf.stack([tf.range(tf.size(heights)), first_right], axis=1)
    found = tf.reduce_any(is_right, axis=1)
    return (
        tf.where(found, tf.gather_nd(rows, first), heights),
        tf.where(found, tf.gather_nd(columns, first), widths),
    )


def _highest(height, width, aspects):
    """Returns the greatest height of a box of such a width / height, float32 [N, attempts]."""
    by_area = tf.round(tf.sqrt(height * width / aspects))
    by_width = tf.floor((width + 0.5) / aspects)
    by_width -= tf.cast(tf.round(by_width * aspects) > width, tf.float32)
    is_too_wide = tf.round(by_area * aspects) > width
    return tf.minimum(tf.where(is_too_wide, by_width, by_area), height)
