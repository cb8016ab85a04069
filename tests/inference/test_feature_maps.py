"""Feature maps: the strongest first, and drawn from dark to light."""

import numpy as np

from alexnet_flowers.data import photos
from alexnet_flowers.inference import feature_maps
from alexnet_flowers.pictures import tiles


def test_maps_are_the_strongest_first(network, tiny_dataset):
    validation = photos.from_split(tiny_dataset, "validation")[0]
    units, maps, image = feature_maps.strongest(network, validation[1], "conv2", 10)
    ((_, batch),) = network.ask(validation[1:2], {"values": network.end_points["conv2"]})
    means = batch["values"][0].mean((0, 1))
    assert list(units) == list(np.argsort(-means, kind="stable")[:10])
    np.testing.assert_array_equal(maps, np.moveaxis(batch["values"][0], -1, 0)[units])
    assert image.shape == (195, 195, 3) and np.abs(image).max() <= 1
    assert len(feature_maps.strongest(network, validation[1], "conv1", 99)[0]) == 64


def test_a_feature_maps_picture_goes_from_dark_to_light():
    maps = np.zeros([3, 2, 2])
    maps[1, 0, 1] = 4.0
    picture = np.asarray(tiles.feature_maps(maps, 1, [""] * 3)).astype(int)
    assert tiles.num_columns(3) == 2
    first_row = np.concatenate([picture[2:4, 2:4], picture[2:4, 6:8]], 1).sum(2)
    assert first_row.argmax() == 3 and (np.delete(first_row, 3) == first_row.min()).all()


def test_a_label_is_never_cut_to_another_number():
    narrow = tiles.grid(np.zeros([2, 1, 1, 3], np.uint8), 1, ["1609: 0.283"] * 2)
    one = tiles.grid(np.zeros([1, 1, 1, 3], np.uint8), 1, ["1609: 0.283"])
    assert narrow.width == 2 * (one.width - 2) + 2 and one.width > 50
