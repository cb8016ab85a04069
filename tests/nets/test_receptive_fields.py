"""A unit depends on the pixels of its receptive field, on all four sides of it, and on no other."""

import numpy as np
import pytest

from alexnet_flowers.nets.receptive_fields import receptive_field

# The place nearest to the middle whose whole field lies within an image of 224 px.
PLACES = {"conv1": (20, 31), "pool1": (9, 14), "conv2": (9, 14), "conv3": (5, 6), "conv5": (5, 5)}


@pytest.fixture(scope="module")
def values_of(network):
    """A function from images and an end point to its values, float32 [N, rows, columns, units]."""
    return lambda images, end_point: network.session.run(
        network.end_points[end_point], {network.images: images}
    )


@pytest.mark.parametrize("end_point", sorted(PLACES))
def test_nothing_beyond_it_counts_and_all_of_it_does(values_of, end_point):
    random = np.random.RandomState(1)
    image = random.uniform(-1, 1, [224, 224, 3])
    row, column = PLACES[end_point]
    (top, bottom), (left, right) = map(receptive_field(end_point).span, (row, column))
    assert 0 <= top < bottom <= 224 and 0 <= left < right <= 224
    others = random.uniform(-1, 1, image.shape)
    beyond = others.copy()
    beyond[top:bottom, left:right] = image[top:bottom, left:right]
    images = [image, beyond]
    for side in (np.s_[top, left:right], np.s_[bottom - 1, left:right],
                 np.s_[top:bottom, left], np.s_[top:bottom, right - 1]):  # fmt: skip
        changed = image.copy()
        changed[side] = 20 * others[side]
        images.append(changed)
    found = values_of(np.stack(images), end_point)[:, row, column]
    assert found[0].any()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5, atol=1e-6)
    for number in range(2, 6):
        assert np.abs(found[number] - found[0]).max() > 1e-3 * np.abs(found[0]).max(), number


def test_the_fields_of_the_layers():
    assert receptive_field("conv1") == (11, 4, 0)
    assert receptive_field("pool5")[:2] == (195, 32)
    assert receptive_field("fc8") == receptive_field("fc6")
    with pytest.raises(ValueError, match="conv6"):
        receptive_field("conv6")
