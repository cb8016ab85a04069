"""RandAugment: some operations, drawn from fourteen, one after the other and all equally strong.

After Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
space", 2019, with its fourteen operations. Here they come after the reference's own distortions,
within the box that was drawn. What moves pixels leaves gray where there are none.
"""

import functools
import math
import typing

from alexnet_flowers.tf1 import tf

# What the operations do at most, at the magnitude 10; from AutoAugment (Cubuk et al., 2019), table
# 6. Of a side, where something is moved.
MAX_DEGREES = 30.0
MAX_SHEAR = 0.3
MAX_TRANSLATION = 0.45
MAX_ENHANCEMENT = 0.9
MOST_BITS_LOST = 4
MAX_MAGNITUDE = 10.0

# The shares of red, green and blue in the gray of ITU-R BT.601.
_GRAY = (0.299, 0.587, 0.114)
# How a sharpness of 0 smooths, as in Pillow's ``ImageFilter.SMOOTH``.
_SMOOTH = ((1, 1, 1), (1, 5, 1), (1, 1, 1))
_OUTSIDE = 0.5


class Policy(typing.NamedTuple):
    """How much is done to each image.

    Attributes:
      num_layers: how many operations, one after the other; 0: nothing.
      magnitude: from 0, which leaves most operations without effect, to 10.
    """

    num_layers: int = 0
    magnitude: float = 5.0


NOTHING = Policy()


def draw(num_layers):
    """Draws what ``augmented`` takes, float32 [num_layers, 2] in [0, 1)."""
    return tf.random.uniform([num_layers, 2])


def augmented(image, drawn, magnitude):
    """Applies the operations that were drawn.

    Args:
      image: float32 [height, width, 3] in [-1, 1], of a known shape.
      drawn: float32 [num_layers, 2] in [0, 1): which operation, and in which direction.
      magnitude: see ``Policy``.

    Returns:
      float32 [height, width, 3] in [-1, 1].
    """
    level = magnitude / MAX_MAGNITUDE
    shape = image.shape
    image = image / 2 + 0.5
    for which, direction in map(tf.unstack, tf.unstack(drawn)):
        sign = tf.where(direction < 0.5, -1.0, 1.0)
        branches = [functools.partial(one, image, level, sign) for one in OPERATIONS]
        image = tf.switch_case(tf.cast(which * len(OPERATIONS), tf.int32), branches)
        image.set_shape(shape)
        image = tf.clip_by_value(image, 0.0, 1.0)
    return (image - 0.5) * 2


def identity(image, level, sign):
    """Leaves the image as it is."""
    return tf.identity(image)


def autocontrast(image, level, sign):
    """Stretches each channel to all of [0, 1], unless it is of one value, as bytes have it."""
    least, most = (
        reduce(image, [0, 1], keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max)
    )
    is_flat = tf.equal(_as_bytes(least), _as_bytes(most))
    span = tf.where_v2(is_flat, tf.ones_like(most), most - least)
    return tf.where_v2(is_flat, image, (image - least) / span)


def equalize(image, level, sign):
    """Makes each channel's 256 values as frequent as they can be."""
    return tf.stack([_equalized(channel) for channel in tf.unstack(_as_bytes(image), axis=-1)], -1)


def rotate(image, level, sign):
    """Turns it around its center."""
    angle = sign * level * math.radians(MAX_DEGREES)
    return _moved(image, [[tf.cos(angle), -tf.sin(angle)], [tf.sin(angle), tf.cos(angle)]])


def solarize(image, level, sign):
    """Inverts the lightest values."""
    return tf.where_v2(image * 255 < (1 - level) * 256, image, 1 - image)


def color(image, level, sign):
    """Moves each pixel away from its gray, or towards it."""
    return _enhanced(_gray(image), image, level, sign)


def posterize(image, level, sign):
    """Drops the lowest bits of each value."""
    coarse = 2.0 ** round(MOST_BITS_LOST * level)
    return tf.floor(tf.cast(_as_bytes(image), tf.float32) / coarse) * coarse / 255


def contrast(image, level, sign):
    """Moves each value away from the image's mean gray, or towards it."""
    return _enhanced(tf.reduce_mean(_gray(image)), image, level, sign)


def brightness(image, level, sign):
    """Moves each value away from black, or towards it."""
    return _enhanced(0.0, image, level, sign)


def sharpness(image, level, sign):
    """Moves each value away from the mean of its neighborhood, or towards it."""
    kernel = tf.constant(_SMOOTH, tf.float32) / sum(map(sum, _SMOOTH))
    kernel = tf.tile(kernel[..., tf.newaxis, tf.newaxis], [1, 1, 3, 1])
    smooth = tf.nn.depthwise_conv2d(image[tf.newaxis], kernel, [1, 1, 1, 1], "VALID")[0]
    inner = tf.pad(tf.ones_like(smooth), [[1, 1], [1, 1], [0, 0]])
    smooth = tf.pad(smooth, [[1, 1], [1, 1], [0, 0]])
    return _enhanced(tf.where_v2(inner > 0, smooth, image), image, level, sign)


def shear_x(image, level, sign):
    """Moves rows sideways, the further the farther they are from the middle."""
    return _moved(image, [[1.0, sign * level * MAX_SHEAR], [0.0, 1.0]])


def shear_y(image, level, sign):
    """Moves columns up and down, the further the farther they are from the middle."""
    return _moved(image, [[1.0, 0.0], [sign * level * MAX_SHEAR, 1.0]])


def translate_x(image, level, sign):
    """Moves it sideways."""
    return _moved(image, x=sign * level * MAX_TRANSLATION * image.shape.as_list()[1])


def translate_y(image, level, sign):
    """Moves it up or down."""
    return _moved(image, y=sign * level * MAX_TRANSLATION * image.shape.as_list()[0])


OPERATIONS = (
    identity, autocontrast, equalize, rotate, solarize, color, posterize, contrast, brightness,
    sharpness, shear_x, shear_y, translate_x, translate_y,
)  # fmt: skip


def _as_bytes(image):
    return tf.cast(tf.round(image * 255), tf.int32)


def _gray(image):
    return tf.reduce_sum(image * tf.constant(_GRAY), -1, keepdims=True)


def _enhanced(degenerate, image, level, sign):
    return degenerate + (1 + sign * level * MAX_ENHANCEMENT) * (image - degenerate)


def _equalized(channel):
    """Equalizes values of 0 to 255, int32, as Pillow does; returns float32 in [0, 1]."""
    values = tf.reshape(channel, [-1])
    counts = tf.math.bincount(values, minlength=256, maxlength=256)
    step = (tf.size(values) - counts[tf.reduce_max(values)]) // 255
    table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
    return (
        tf.cast(tf.cond(step > 0, lambda: tf.gather(table, channel), lambda: channel), tf.float32)
        / 255
    )


def _moved(image, matrix=((1.0, 0.0), (0.0, 1.0)), x=0.0, y=0.0):
    """Fetches each pixel from where a map of its place has it, between four pixels.

    Args:
      image: float32 [height, width, 3], of a known shape.
      matrix: of the place, right and down from the image's center in px.
      x: added to the place.
      y: likewise.
    """
    height, width, _ = image.shape.as_list()
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    columns, rows = tf.meshgrid(
        tf.range(width, dtype=tf.float32) - middle_x, tf.range(height, dtype=tf.float32) - middle_y
    )
    from_x = matrix[0][0] * columns + matrix[0][1] * rows + x + middle_x
    from_y = matrix[1][0] * columns + matrix[1][1] * rows + y + middle_y
    # A frame of what is outside, in which all places beyond it end.
    framed = tf.pad(image, [[1, 1], [1, 1], [0, 0]], constant_values=_OUTSIDE)
    from_x = tf.clip_by_value(from_x + 1, 0.0, width + 1.0)
    from_y = tf.clip_by_value(from_y + 1, 0.0, height + 1.0)
    left, top = tf.minimum(tf.floor(from_x), width), tf.minimum(tf.floor(from_y), height)
    share_x, share_y = (from_x - left)[..., tf.newaxis], (from_y - top)[..., tf.newaxis]
    flat = tf.reshape(framed, [-1, 3])
    first = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)

    def row(offset):
        return (1 - share_x) * tf.gather(flat, first + offset) + share_x * tf.gather(
            flat, first + offset + 1
        )

    return (1 - share_y) * row(0) + share_y * row(width + 2)
