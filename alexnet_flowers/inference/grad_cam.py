"""Why a photo got its class: Grad-CAM (Selvaraju and others, 2017).

Each map of an end point weighs as much as its mean gradient: how much the class's score (fc8,
before the softmax) would grow if the map did. The sum of the weighted maps, where it is above 0,
says where in the photo there is what speaks for the class.
"""

from typing import NamedTuple

import numpy as np

from alexnet_flowers.errors import UsageError
from alexnet_flowers.nets.receptive_fields import receptive_field
from alexnet_flowers.tf1 import tf

END_POINT = "conv5"
HEAT_PX = 64


class Explanation(NamedTuple):
    """What spoke for a class.

    Attributes:
      class_id: int.
      heat: float32 [HEAT_PX, HEAT_PX], at least 0, over the evaluation view of the photo; all 0
        where nothing speaks for the class.
    """

    class_id: int
    heat: np.ndarray


class GradCam:
    """What is to be explained of a network's answers.

    Attributes:
      fetches: a dict of the tensors to fetch with them; ``maps`` is float32 [N, rows, columns].
    """

    def __init__(self, network, end_point=END_POINT, class_id=None):
        """Builds the gradients.

        Args:
          network: a ``trained_network.TrainedNetwork``.
          end_point: str, ``conv1`` to ``conv5``, ``pool1``, ``pool2`` or ``pool5``.
          class_id: int, the class to explain; None: of each photo the likeliest.

        Raises:
          UsageError: no such end point, or one of a single place.
        """
        values = network.end_point(end_point)
        name = end_point.rpartition("/")[2]
        if name.startswith("fc"):
            raise UsageError(
                "--end_point %s: has no places; name one of conv1 to pool5" % end_point
            )
        self._field = receptive_field(name)
        self._image_size = network.image_size
        with network.graph.as_default():
            scores = tf.squeeze(network.end_points["fc8"], [1, 2])
            likeliest = tf.argmax(scores, 1)
            class_ids = likeliest if class_id is None else tf.fill(tf.shape(likeliest), class_id)
            chosen = tf.reduce_sum(scores * tf.one_hot(class_ids, len(network.class_names)))
            (gradients,) = tf.gradients(chosen, values)
            weights = tf.reduce_mean(gradients, [1, 2], keepdims=True)
            maps = tf.nn.relu(tf.reduce_sum(weights * values, 3))
        self.fetches = {"class_ids": class_ids, "maps": maps}

    def explanations(self, fetched):
        """Returns an ``Explanation`` for each photo of a batch, of what was fetched of it."""
        middle = self._field.first + self._field.size / 2.0
        pixels = (np.arange(HEAT_PX) + 0.5) * self._image_size / HEAT_PX
        maps = fetched["maps"]
        places = np.clip((pixels - middle) / self._field.stride, 0, maps.shape[1] - 1)
        # Between the middles of two places' receptive fields the heat is interpolated.
        shares = np.maximum(0, 1 - np.abs(places[:, np.newaxis] - np.arange(maps.shape[1])))
        heat = np.float32(shares.dot(maps).transpose(1, 0, 2).dot(shares.T))
        return [Explanation(int(k), one) for k, one in zip(fetched["class_ids"], heat)]
