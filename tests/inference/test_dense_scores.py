"""Each place of a score map is the ordinary prediction of its window."""

import numpy as np
import photo_archives
import pytest
from PIL import Image

from alexnet_flowers.data import photos
from alexnet_flowers.errors import DataError
from alexnet_flowers.inference import dense_scores
from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import tf


@pytest.fixture(scope="module")
def photo():
    noise = np.random.RandomState(3).randint(0, 256, [12, 15, 3]).astype(np.uint8)
    image = Image.fromarray(noise).resize((350, 280), Image.BICUBIC)
    return photos.Photo("noise.jpg", photo_archives.encode(image, quality=95), None)


def test_one_window_is_the_ordinary_prediction(network, photo):
    small = photo._replace(encoded=_resized(photo, (224, 224)))
    mapped = dense_scores.score_map(network, small, 224)
    assert mapped.scores.shape == (1, 1, 5)
    whole = preprocessing.from_bytes(np.asarray(Image.fromarray(mapped.image)))
    expected = network.session.run(network.probabilities, {network.images: whole[None]})
    np.testing.assert_allclose(mapped.scores[0, 0], expected[0], atol=1e-6)


def test_every_place_is_the_prediction_of_its_window(network, photo):
    """conv2 to conv5 look beyond a window, where there is a photo or, alone, zeros.

    With kernels of which only the middle is not zero there is nothing to see beyond it.
    """
    with network.graph.as_default():
        changed = {}
        for variable in network.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES):
            layer = variable.op.name.split("/")[1]
            if variable.op.name.endswith("weights") and layer in (
                "conv2",
                "conv3",
                "conv4",
                "conv5",
            ):
                changed[variable] = network.session.run(variable)
                middle = np.zeros_like(changed[variable])
                at = middle.shape[0] // 2
                middle[at, at] = changed[variable][at, at] * middle.shape[0]
                variable.load(middle, network.session)
    try:
        mapped = dense_scores.score_map(network, photo, 280)
        assert mapped.image.shape == (280, 350, 3)
        # (280 - 195) // 32 + 1 rows, (350 - 195) // 32 + 1 columns.
        assert mapped.scores.shape == (3, 5, 5)
        image = preprocessing.from_bytes(mapped.image)
        windows = np.stack(
            [
                image[32 * row : 32 * row + 195, 32 * column : 32 * column + 195]
                for row in range(3)
                for column in range(5)
            ]
        )
        alone = network.session.run(network.probabilities, {network.images: windows})
        assert np.abs(alone - alone[0]).max() > 1e-3  # The places differ.
        np.testing.assert_allclose(mapped.scores.reshape(15, 5), alone, atol=1e-5)
    finally:
        for variable, value in changed.items():
            variable.load(value, network.session)


def test_a_photo_is_scaled_by_its_short_side(network, photo):
    mapped = dense_scores.score_map(
        network, photo._replace(encoded=_resized(photo, (40, 100))), 200
    )
    assert mapped.image.shape == (500, 200, 3)
    np.testing.assert_allclose(mapped.scores.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [(3, 700), (65500, 1)])
def test_a_map_of_more_than_memory_holds_is_refused_in_a_line(network, photo, size):
    narrow = photo._replace(encoded=_resized(photo, size))
    with pytest.raises(DataError, match="noise.jpg: its %d x %d pixels are .* or cut" % size):
        dense_scores.score_map(network, narrow, 448)


@pytest.mark.parametrize("size", [(1, 1), (7, 3)])
def test_the_smallest_photos_have_a_map(network, photo, size):
    small = photo._replace(encoded=_resized(photo, size))
    assert dense_scores.score_map(network, small, 224).scores.shape[2] == 5


def _resized(photo, size):
    image = photos.open_image(photo).resize(size, Image.BICUBIC)
    return photo_archives.encode(image, quality=95)
