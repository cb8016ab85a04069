"""The units of a network that never fire."""

import collections
from typing import NamedTuple

import numpy as np

from alexnet_flowers.nets.alexnet_v2 import RELU_LAYERS
from alexnet_flowers.tf1 import tf


class LayerUnits(NamedTuple):
    """The units of a layer.

    Attributes:
      layer: its name.
      num_units: its maps or, in fc6 and fc7, its neurons.
      num_dead: those that are 0 at every place of every photo.
      zeros: in [0, 1], the share of zeros among all values: sparsity, which is no fault.
    """

    layer: str
    num_units: int
    num_dead: int
    zeros: float

    @property
    def percent_dead(self):
        """The share of the units that never fire, in %."""
        return 100.0 * self.num_dead / self.num_units


def dead_units(network, photos):
    """Counts the units that fire for none of the photos; returns ``LayerUnits``, from conv1 to fc7.

    A ReLU whose input is never positive passes no gradient on: unless the layers before it change,
    such a unit never fires again.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      photos: a list of ``photos.Photo``.
    """
    with network.graph.as_default():
        fetches = {
            layer: (
                tf.reduce_max(network.end_points[layer], [1, 2]),
                tf.nn.zero_fraction(network.end_points[layer]),
            )
            for layer in RELU_LAYERS
        }
    largest, zeros, counts = collections.Counter(), collections.Counter(), 0
    for _, batch in network.ask(photos, fetches, "counting dead units"):
        for layer in RELU_LAYERS:
            per_photo, share = batch[layer]
            largest[layer] = np.maximum(largest[layer], per_photo.max(0))
            zeros[layer] += float(share) * len(per_photo)
        counts += len(per_photo)
    return [
        LayerUnits(
            layer, len(largest[layer]), int((largest[layer] <= 0).sum()), zeros[layer] / counts
        )
        for layer in RELU_LAYERS
    ]


def table(layers):
    """Returns ``dead_units``' result as lines of text."""
    lines = ["layer   units    dead   share   zeros"]
    for one in layers:
        lines.append(
            "%-5s  %6d  %6d  %5.1f%%  %5.1f%%"
            % (one.layer, one.num_units, one.num_dead, one.percent_dead, 100.0 * one.zeros)
        )
    return "\n".join(lines)
