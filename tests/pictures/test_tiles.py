"""Kernels have the colors of the checkpoint's values; feature maps go from dark to light."""

import numpy as np

from alexnet_flowers.pictures import tiles
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints


def test_the_kernels_picture_has_the_checkpoints_values(network):
    reader = tf.train.NewCheckpointReader(checkpoints.newest(network.run.checkpoints_dir))
    weights = reader.get_tensor("alexnet_v2/conv1/weights")
    np.testing.assert_array_equal(network.kernels("conv1"), weights)
    picture = np.asarray(tiles.kernels(weights, scale=3)).astype(np.int64)
    columns = tiles.num_columns(64)
    assert columns == 8
    for unit in (0, 9, 63):
        top, left = (2 + (unit // columns) * 35, 2 + (unit % columns) * 35)
        tile = picture[top : top + 33 : 3, left : left + 33 : 3]
        expected = (weights[..., unit] / np.abs(weights).max() + 1) * 127.5
        assert np.abs(tile - expected).max() <= 0.5 + 1e-4
        assert (picture[top : top + 33, left + 33] == 255).all()  # The gap.


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
