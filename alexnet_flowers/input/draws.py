"""Random distortions of one photo, stage by stage."""

from typing import List, NamedTuple, Tuple

import numpy as np

from alexnet_flowers import devices
from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import tf


class Distortions(NamedTuple):
    """A photo, and what training and evaluation make of it.

    Attributes:
      photo: uint8 [height, width, 3], whole.
      draws: the random draws, of numbers.
      crops: uint8 [box height, box width, 3], one a draw.
      stages: of arrays, one a draw.
      box: the evaluation's box, ((top, left), (height, width)) in px.
      view: float32 [size, size, 3] in [-1, 1], the evaluation's view.
    """

    photo: np.ndarray
    draws: List[preprocessing.Draw]
    crops: List[np.ndarray]
    stages: List[preprocessing.Stages]
    box: Tuple[Tuple[int, int], Tuple[int, int]]
    view: np.ndarray


def draw_distortions(
    photo, count, image_size, fast_mode=True, min_crop_area=preprocessing.MIN_CROP_AREA, seed=0
):
    """Draws some ``Distortions`` of a photo, and applies them as training does.

    Args:
      photo: a ``photos.Photo``.
      count: int, how many distortions.
      image_size: int, px.
      fast_mode: see ``preprocessing.preprocess_for_train``.
      min_crop_area: see ``preprocessing.draw``.
      seed: int, of the draws.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        encoded = tf.constant(photo.encoded)
        shape = tf.image.extract_jpeg_shape(encoded)
        drawn = preprocessing.draw(shape, min_crop_area)
        crop = preprocessing.decode_box(encoded, shape, drawn.begin, drawn.size)
        stages = preprocessing.distort(crop, drawn, image_size, image_size, fast_mode)
        box = preprocessing.central_box(shape)
        view = preprocessing.preprocess_for_eval(encoded, image_size, image_size)
        whole = tf.image.decode_jpeg(encoded, channels=3)
        device = devices.resolve("cpu")  # A GPU would take longer to start than this takes.
        with tf.Session(config=devices.session_config(device)) as session:
            drawings = [session.run((drawn, crop, stages)) for _ in range(count)]
            whole, box, view = session.run((whole, box, view))
    draws, crops, stages = (list(part) for part in zip(*drawings))
    return Distortions(
        whole, draws, crops, stages, tuple(tuple(map(int, part)) for part in box), view
    )


def words(drawn, fast_mode=True):
    """Returns a draw's colors as text, in the order in which they are applied."""
    changes = {
        "b": "brightness %+.2f" % drawn.brightness,
        "s": "saturation %.2f" % drawn.saturation,
        "h": "hue %+.2f" % drawn.hue,
        "c": "contrast %.2f" % drawn.contrast,
    }
    orders = preprocessing.FAST_ORDERS if fast_mode else preprocessing.FULL_ORDERS
    return "\n".join(changes[change] for change in orders[int(drawn.ordering)])
