"""What a unit likes: the patches of photos that excite it most, cut to its receptive field."""

from typing import List, NamedTuple

import numpy as np

from alexnet_flowers.input import preprocessing
from alexnet_flowers.nets.receptive_fields import receptive_field
from alexnet_flowers.pictures import patches
from alexnet_flowers.tf1 import tf

# Beyond an image's border.
_PADDING = 128


class Patch(NamedTuple):
    """A patch of a photo, as the network sees it.

    Attributes:
      pixels: uint8 [size, size, 3]; beyond the image's border gray, which the network takes for 0.
      photo_name: str.
      place: (row, column) of the unit's map.
      activation: float, the unit's value there.
    """

    pixels: np.ndarray
    photo_name: str
    place: tuple
    activation: float


class Unit(NamedTuple):
    """A unit and what excites it most.

    Attributes:
      number: int, of its map.
      name: str, ``unit <number>``, or the class that it stands for.
      patches: a list of ``Patch``, each of another photo, the strongest first; of a unit that a
        ReLU follows those only for which it fires.
    """

    number: int
    name: str
    patches: List[Patch]


def strongest(network, photos, end_point, max_units):
    """Finds the patches that excite the units of an end point most.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      photos: a list of ``photos.Photo``.
      end_point: str, see ``TrainedNetwork.end_point``.
      max_units: int, of how many units at most: those of the largest values.

    Returns:
      A list of ``Unit`` with at most ``patches.PER_UNIT`` patches, that of the largest value first.

    Raises:
      DataError: see ``TrainedNetwork.ask``.
      UsageError: no such end point.
    """
    values = network.end_point(end_point)
    with network.graph.as_default():
        by_place = tf.reshape(values, [tf.shape(values)[0], -1, tf.shape(values)[3]])
        fetches = {
            "largest": tf.reduce_max(by_place, 1),
            "place": tf.argmax(by_place, 1),
            "columns": tf.fill([tf.shape(values)[0]], tf.shape(values)[2]),
        }
    batches = [found for _, found in network.ask(photos, fetches, "searching")]
    largest, places = (np.concatenate([one[k] for one in batches]) for k in ("largest", "place"))
    columns = int(batches[0]["columns"][0])
    is_of_classes = end_point.endswith("fc8")
    numbers = np.argsort(-largest.max(0), kind="stable")[:max_units]
    best = np.argsort(-largest[:, numbers], 0, kind="stable")[: patches.PER_UNIT].T
    found = [
        [
            (photo, divmod(int(places[photo, number]), columns), float(largest[photo, number]))
            for photo in of_unit
            if is_of_classes or largest[photo, number] > 0
        ]
        for number, of_unit in zip(numbers, best)
    ]
    wanted = {(photo, place) for of_unit in found for photo, place, _ in of_unit}
    pixels = _cut(network, photos, end_point, sorted(wanted))
    return [
        Unit(
            int(number),
            network.class_names[number] if is_of_classes else "unit %d" % number,
            [
                Patch(pixels[photo, place], photos[photo].name, place, value)
                for photo, place, value in of_unit
            ],
        )
        for number, of_unit in zip(numbers, found)
    ]


def _cut(network, photos, end_point, wanted):
    """Returns a dict of (photo's number, place) to the pixels of its receptive field."""
    field = receptive_field(end_point.rpartition("/")[2])
    if field.size > network.image_size:  # Of a unit that sees everything, wherever it is.
        field = field._replace(size=network.image_size, first=0)
    margin = max(-field.first, field.size)
    places = {}
    for number, place in wanted:
        places.setdefault(number, []).append(place)
    numbers = iter(places)
    cut = {}
    shown = [photos[number] for number in places]
    for _, batch in network.ask(shown, {"images": network.images}, "cutting"):
        for image in batch["images"]:
            number = next(numbers)
            sides = ((margin, margin), (margin, margin), (0, 0))
            seen = np.pad(
                preprocessing.as_bytes(image), sides, "constant", constant_values=_PADDING
            )
            for place in places[number]:
                rows, columns = (
                    slice(begin + margin, end + margin) for begin, end in map(field.span, place)
                )
                cut[number, place] = seen[rows, columns].copy()
    return cut


def drawable(units):
    """Returns the patches of each ``Unit`` and its caption, two lists for ``patches.units``."""
    pixels = [[patch.pixels for patch in unit.patches] for unit in units]
    captions = [
        unit.name + (": %.3g" % unit.patches[0].activation if unit.patches else ": never fires")
        for unit in units
    ]
    return pixels, captions
