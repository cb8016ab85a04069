"""Feature maps: the strongest first."""

import numpy as np

from alexnet_flowers.data import photos
from alexnet_flowers.inference import feature_maps


def test_maps_are_the_strongest_first(network, tiny_dataset):
    validation = photos.from_split(tiny_dataset, "validation")[0]
    units, maps, image = feature_maps.strongest(network, validation[1], "conv2", 10)
    ((_, batch),) = network.ask(validation[1:2], {"values": network.end_points["conv2"]})
    means = batch["values"][0].mean((0, 1))
    assert list(units) == list(np.argsort(-means, kind="stable")[:10])
    np.testing.assert_array_equal(maps, np.moveaxis(batch["values"][0], -1, 0)[units])
    assert image.shape == (195, 195, 3) and np.abs(image).max() <= 1
    assert len(feature_maps.strongest(network, validation[1], "conv1", 99)[0]) == 64
