"""The inception preprocessing: from a photo to the image that the network sees.

For training each photo is seen through a new random ``Draw``: a box of it, perhaps mirrored, in
slightly other colors. The distributions are those of research/slim's inception preprocessing.
Drawing and applying are kept apart, so that a draw can be fixed, shown, or applied to a photo of
which only the drawn box was ever decoded.

For evaluation there is nothing random: always the central 87.5 % of each side.
"""

import functools
import typing

import numpy as np

from alexnet_flowers.input import randaugment
from alexnet_flowers.tf1 import tf

# The reference's box: 3:4 to 4:3, 5 % to all of the photo's area. As it also has to cover a tenth
# of the object, which is the whole photo, its area is a tenth at least.
MIN_CROP_AREA = 0.05
MIN_OBJECT_COVERED = 0.1
ASPECT_RATIO_RANGE = (0.75, 1.33)
MAX_ATTEMPTS = 100
# The colors.
MAX_BRIGHTNESS_DELTA = 32.0 / 255.0
SATURATION_RANGE = (0.5, 1.5)
MAX_HUE_DELTA = 0.2
CONTRAST_RANGE = (0.5, 1.5)

# For each of the four orderings that are drawn: brightness, saturation, hue, contrast. In fast
# mode, which has no more than the first two, three of the four are the same.
FAST_ORDERS = ("bs", "sb", "sb", "sb")
FULL_ORDERS = ("bshc", "sbch", "chbs", "hscb")

CENTRAL_FRACTION = 0.875

_BYTE = np.float32(1 / 255.0)

# libjpeg interpolates the color of a column from its neighbors, which a cropped decode lacks at
# its own left and right edge; with this many columns more on each side, what lies between is bit
# for bit the pixels of the whole photo.
_DECODE_MARGIN_PX = 2


class Draw(typing.NamedTuple):
    """One random distortion of one photo, in tensors.

    Attributes:
      begin: top and left of the box in px, int32 [] each.
      size: height and width of the box in px, int32 [] each.
      flip: bool [], whether it is mirrored.
      ordering: int32 [] in 0..3, in which order the colors are changed.
      brightness: float32 [] in [-32/255, 32/255), added to every value of [0, 1].
      saturation: float32 [] in [0.5, 1.5), a factor.
      hue: float32 [] in [-0.2, 0.2), added to a hue of [0, 1); full mode only.
      contrast: float32 [] in [0.5, 1.5), a factor; full mode only.
      method: int32 [] in 0..3, a ``tf.image.ResizeMethod``; full mode only.
    """

    begin: "typing.Sequence[tf.Tensor]"
    size: "typing.Sequence[tf.Tensor]"
    flip: "tf.Tensor"
    ordering: "tf.Tensor"
    brightness: "tf.Tensor"
    saturation: "tf.Tensor"
    hue: "tf.Tensor"
    contrast: "tf.Tensor"
    method: "tf.Tensor"


def draw(image_shape, min_crop_area=MIN_CROP_AREA):
    """Draws a distortion, a ``Draw``.

    Args:
      image_shape: int32 [3], the height, width and channels of the whole photo.
      min_crop_area: float in (0, 1], the least share of the photo's area that a box covers.
        Below 0.1 it makes no difference. Where 100 tries give no such box of a side ratio between
        3:4 and 4:3, it is the whole photo.
    """
    with tf.name_scope("draw"):
        # Without a seed of its own this operation alone takes none of its graph's.
        seed, seed2 = tf.random.get_seed(None)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            image_shape,
            seed=seed,
            seed2=seed2,
            bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),  # The object is the whole photo.
            min_object_covered=MIN_OBJECT_COVERED,
            aspect_ratio_range=ASPECT_RATIO_RANGE,
            area_range=(min_crop_area, 1.0),
            max_attempts=MAX_ATTEMPTS,
            use_image_if_no_bounding_boxes=True,
        )
        # All numbers at once: for images as small as these every operation counts.
        numbers = tf.random.uniform(
            [7],
            [0.0, 0.0, -MAX_BRIGHTNESS_DELTA, SATURATION_RANGE[0], -MAX_HUE_DELTA]
            + [CONTRAST_RANGE[0], 0.0],
            [1.0, 4.0, MAX_BRIGHTNESS_DELTA, SATURATION_RANGE[1], MAX_HUE_DELTA]
            + [CONTRAST_RANGE[1], 4.0],
        )
        flip, ordering, brightness, saturation, hue, contrast, method = tf.unstack(numbers)
        return Draw(
            begin=tf.unstack(begin)[:2],
            size=tf.unstack(size)[:2],
            flip=flip < 0.5,
            ordering=tf.cast(ordering, tf.int32),
            brightness=brightness,
            saturation=saturation,
            hue=hue,
            contrast=contrast,
            method=tf.cast(method, tf.int32),
        )


class Distortion(typing.NamedTuple):
    """How photos are distorted for training, and to which size; see ``preprocess_for_train``."""

    image_size: int
    fast_mode: bool
    min_crop_area: float
    randaug: randaugment.Policy = randaugment.NOTHING


def preprocess_for_train(
    encoded, height, width, fast_mode=True, min_crop_area=MIN_CROP_AREA, randaug=randaugment.NOTHING
):
    """Decodes a photo's randomly drawn box, and no more of it, and distorts that.

    Args:
      encoded: string [], a JPEG.
      height: int, px of the result.
      width: int, px of the result.
      fast_mode: the reference's: always bilinear, brightness and saturation only. Otherwise one
        of four resize methods, and hue and contrast too.
      min_crop_area: see ``draw``.
      randaug: a ``randaugment.Policy``; the reference has none.

    Returns:
      float32 [height, width, 3] in [-1, 1].
    """
    with tf.name_scope("preprocess_for_train"):
        image_shape = tf.image.extract_jpeg_shape(encoded)
        drawn = draw(image_shape, min_crop_area)
        box = decode_box(encoded, image_shape, drawn.begin, drawn.size)
        image = distort(box, drawn, height, width, fast_mode).centered
        if randaug.num_layers:
            chosen = randaugment.draw(randaug.num_layers)
            image = randaugment.augmented(image, chosen, randaug.magnitude)
        return image


def preprocess_for_eval(encoded, height, width):
    """Decodes the central 87.5 % of a photo, and no more of it, for evaluation.

    Args:
      encoded: string [], a JPEG.
      height: int, px of the result.
      width: int, px of the result.

    Returns:
      float32 [height, width, 3] in [-1, 1].
    """
    with tf.name_scope("preprocess_for_eval"):
        image_shape = tf.image.extract_jpeg_shape(encoded)
        box = decode_box(encoded, image_shape, *central_box(image_shape))
        return _center(_resize_bilinear(_as_floats(box), height, width))


def central_box(image_shape):
    """Returns top and left, and height and width, of the evaluation's box in px, int32 [] each.

    Args:
      image_shape: int32 [3], the height, width and channels of the whole photo.
    """
    # The same rounding as tf.image.central_crop.
    sides = tf.cast(image_shape[:2], tf.float64)
    begin = tf.cast((sides - sides * CENTRAL_FRACTION) / 2, tf.int32)
    return tf.unstack(begin), tf.unstack(image_shape[:2] - 2 * begin)


def decode_box(encoded, image_shape, begin, size):
    """Decodes a box of a JPEG: exactly the pixels that it has in the whole photo.

    Args:
      encoded: string [], a JPEG.
      image_shape: int32 [3], its height, width and channels.
      begin: its top and left in px, int32 [] each.
      size: its height and width in px, int32 [] each.

    Returns:
      uint8 [box height, box width, 3].
    """
    with tf.name_scope("decode_box"):
        (top, left), (rows, columns) = begin, size
        first = tf.maximum(left - _DECODE_MARGIN_PX, 0)
        # More columns than there are would be an error; the last ones are then at the photo's edge.
        last = tf.minimum(left + columns + _DECODE_MARGIN_PX, image_shape[1])
        window = tf.stack([top, first, rows, last - first])
        wider = tf.image.decode_and_crop_jpeg(encoded, window, channels=3)
        # Rows of bytes: TensorFlow copies these at once, and slices images value by value.
        lines = tf.reshape(wider, [rows, -1])
        lines = tf.slice(lines, [0, 3 * (left - first)], [-1, 3 * columns])
        return tf.reshape(lines, [rows, columns, 3])


class Stages(typing.NamedTuple):
    """What becomes of a box, one stage after the other: float32 [height, width, 3] each.

    Attributes:
      resized: about [0, 1]: bicubic overshoots.
      flipped: the same, mirrored if it was drawn so.
      colored: in [0, 1].
      centered: in [-1, 1], what the network sees.
    """

    resized: "tf.Tensor"
    flipped: "tf.Tensor"
    colored: "tf.Tensor"
    centered: "tf.Tensor"


def distort(box, drawn, height, width, fast_mode=True):
    """Resizes, mirrors and colors a box of a photo as drawn; returns its ``Stages``.

    Args:
      box: uint8 [box height, box width, 3].
      drawn: a ``Draw``.
      height: int, px of the result.
      width: int, px of the result.
      fast_mode: see ``preprocess_for_train``.
    """
    box = _as_floats(box)
    if fast_mode:
        resized = _resize_bilinear(box, height, width)
    else:
        resized = _resize(box, height, width, drawn.method)
    flipped = tf.cond(drawn.flip, lambda: tf.reverse(resized, [1]), lambda: resized)
    flipped.set_shape([height, width, 3])
    color = _distort_color_fast if fast_mode else _distort_color_full
    # One operation, where tf.clip_by_value would build two.
    colored = tf.raw_ops.ClipByValue(
        t=color(flipped, drawn), clip_value_min=0.0, clip_value_max=1.0
    )
    return Stages(resized, flipped, colored, _center(colored))


def as_bytes(image):
    """Returns an array of what the network sees, in [-1, 1], as uint8, for people to see."""
    return np.uint8(np.clip(np.round((np.asarray(image) / 2 + 0.5) * 255), 0, 255))


def from_bytes(image):
    """Returns a uint8 array of an image as the network takes it: float32 in [-1, 1]."""
    return _center(np.float32(image) * _BYTE)


def _distort_color_fast(image, drawn):
    """Brightness and saturation, brightness first in one of the four orderings.

    The saturation is in the graph once, between two conditions, not once for each order.
    """
    first = tf.equal(drawn.ordering, 0)

    def brightness(x):
        return x + drawn.brightness

    image = tf.cond(first, lambda: brightness(image), lambda: image)
    image = tf.image.adjust_saturation(image, drawn.saturation)
    return tf.cond(first, lambda: image, lambda: brightness(image))


def _distort_color_full(image, drawn):
    """Brightness, saturation, hue and contrast in one of the reference's four orders."""
    changes = {
        "b": lambda x: tf.image.adjust_brightness(x, drawn.brightness),
        "s": lambda x: tf.image.adjust_saturation(x, drawn.saturation),
        "h": lambda x: tf.image.adjust_hue(x, drawn.hue),
        "c": lambda x: tf.image.adjust_contrast(x, drawn.contrast),
    }

    def in_order(order):
        return lambda: functools.reduce(lambda x, change: changes[change](x), order, image)

    return tf.switch_case(drawn.ordering, [in_order(order) for order in FULL_ORDERS])


def _resize(image, height, width, method):
    resized = functools.partial(tf.image.resize_images, image, [height, width])
    image = tf.switch_case(method, [functools.partial(resized, one) for one in range(4)])
    image.set_shape([height, width, 3])
    return image


def _resize_bilinear(image, height, width):
    return tf.squeeze(tf.image.resize_bilinear(image[tf.newaxis], [height, width]), [0])


def _as_floats(image):
    return tf.cast(image, tf.float32) * _BYTE


def _center(image):
    return (image - 0.5) * 2
