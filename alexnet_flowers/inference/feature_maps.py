"""What a layer makes of a photo: the maps of its strongest units."""

import numpy as np


def strongest(network, photo, end_point, count):
    """Returns the feature maps of a photo with the largest means.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      photo: a ``photos.Photo``.
      end_point: str, see ``TrainedNetwork.end_point``.
      count: int, how many at most.

    Returns:
      The units' numbers [count], the strongest first; their maps float32 [count, rows, columns];
      and the photo as the network sees it, float32 [size, size, 3] in [-1, 1].

    Raises:
      DataError: see ``TrainedNetwork.ask``.
      UsageError: no such end point.
    """
    fetches = {"maps": network.end_point(end_point), "images": network.images}
    ((_, batch),) = network.ask([photo], fetches)
    maps = np.moveaxis(batch["maps"][0], -1, 0)
    units = np.argsort(-maps.mean((1, 2)), kind="stable")[:count]
    return units, maps[units], batch["images"][0]
