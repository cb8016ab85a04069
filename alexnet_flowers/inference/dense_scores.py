"""Dense scores: one pass over a larger photo classifies every place of it.

That is what the fully connected layers are convolutions for. At 224 px their maps have one place;
over a larger photo the same weights slide, 32 px at a time, and classify each place by itself.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from alexnet_flowers.data import photos
from alexnet_flowers.errors import DataError, first_line
from alexnet_flowers.evaluation import metrics
from alexnet_flowers.input import preprocessing
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf

# Strides of conv1, pool1, pool2 and pool5.
STRIDE_PX = 4 * 2 * 2 * 2
# The network takes some 65 bytes a pixel, half a gigabyte of these.
MAX_PIXELS = 8 * 1000 * 1000
# fc6 at its first place covers what pool5 makes of the first 195 px.
WINDOW_PX = alexnet_v2.SMALLEST_IMAGE_SIZE


class ScoreMap(NamedTuple):
    """The class scores at each place of a photo.

    Attributes:
      image: uint8 [height, width, 3], the photo as large as the network saw it.
      scores: float32 [rows, columns, classes], the softmax; the place (i, j) has the window of
        ``WINDOW_PX`` whose top left corner is at (i, j) * ``STRIDE_PX``.
    """

    image: np.ndarray
    scores: np.ndarray


def score_map(network, photo, short_side_px):
    """Classifies every place of a photo in one pass; returns a ``ScoreMap``.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      photo: a ``photos.Photo``.
      short_side_px: int, to which the photo's short side is scaled.

    Raises:
      DataError: the photo, scaled, has more than ``MAX_PIXELS``, or is too large for the memory
        there is; or a score is not finite.
    """
    image = _scaled(photo, short_side_px)
    try:
        scores = network.session.run(
            network.score_maps, {network.images: preprocessing.from_bytes(image)[None]}
        )
    except tf.errors.ResourceExhaustedError as error:
        raise DataError("%s: %s; lower --short_side_px" % (photo.name, first_line(error)))
    metrics.check_finite(scores, network.checkpoint_path)
    return ScoreMap(image, scores[0])


def _scaled(photo, short_side_px):
    image = photos.open_image(photo)
    scale = short_side_px / min(image.size)
    size = [round(side * scale) for side in image.size]
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            "%s: its %d x %d pixels are %d x %d at --short_side_px %d, more than %d million; lower "
            "it, or cut the photo"
            % (photo.name, *image.size, *size, short_side_px, MAX_PIXELS // 10**6)
        )
    return np.asarray(image.resize(size, Image.BICUBIC))
