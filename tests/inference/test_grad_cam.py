"""Grad-CAM by hand: on a network whose last layers are known, and places where the heat belongs."""

import numpy as np
import photo_archives
import pytest
from PIL import Image

from alexnet_flowers.data import photos
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import grad_cam, prediction
from alexnet_flowers.pictures import heat_maps
from alexnet_flowers.tf1 import tf

# Class 0 is for the mean of this map of conv5 after pooling, class 1 against it.
MAP, SLOPE = 17, 3.0


@pytest.fixture(scope="module")
def shown(tiny_dataset):
    return photos.from_split(tiny_dataset, "validation")[0]


@pytest.fixture(scope="module")
def known(network):
    """The network; fc6 takes the mean of one map of pool5, and hands it on to two classes."""
    with network.graph.as_default():
        variables = network.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)
    before = {
        one: network.session.run(one) for one in variables if one.op.name.split("/")[1] >= "fc6"
    }
    for variable, value in before.items():
        new = np.zeros_like(value)
        if variable.op.name == "alexnet_v2/fc6/weights":
            new[:, :, MAP, 0] = 1 / 25.0
        elif variable.op.name == "alexnet_v2/fc7/weights":
            new[0, 0, 0, 0] = 1
        elif variable.op.name == "alexnet_v2/fc8/weights":
            new[0, 0, 0, :2] = SLOPE, -SLOPE
        variable.load(new, network.session)
    yield network
    for variable, value in before.items():
        variable.load(value, network.session)


def fetched(network, cam, shown):
    fetches = dict(
        cam.fetches, conv5=network.end_points["conv5"], pool5=network.end_points["pool5"]
    )
    ((_, answers),) = network.ask(shown, fetches)
    return answers


def test_it_is_what_one_calculates_by_hand(known, shown):
    answers = fetched(known, grad_cam.GradCam(known, "pool5", 0), shown)
    np.testing.assert_allclose(
        answers["maps"], SLOPE / 25 * answers["pool5"][..., MAP], rtol=1e-4, atol=1e-7
    )
    # Each of the 25 windows of pool5 hands its gradient on to one of the 11 x 11 places of conv5.
    answers = fetched(known, grad_cam.GradCam(known, "conv5", 0), shown)
    expected = SLOPE / 25 * 25 / 121 * answers["conv5"][..., MAP]
    assert expected.max() > 0
    np.testing.assert_allclose(answers["maps"], expected, rtol=1e-4, atol=1e-7)


def test_nothing_speaks_for_a_class_that_the_photo_is_against(known, shown):
    cam = grad_cam.GradCam(known, "conv5", 1)
    answers = fetched(known, cam, shown)
    assert not answers["maps"].any() and list(answers["class_ids"]) == [1] * len(shown)
    sheet = prediction.contact_sheet(
        prediction.predict(known, shown[:1], True, cam), known.class_names
    )
    assert sheet.width > sheet.height  # Two pictures side by side.


def test_by_default_it_explains_the_likeliest_class(network, shown):
    found = prediction.predict(network, shown, cam=grad_cam.GradCam(network))
    for one in found:
        assert one.explanation.class_id == one.probabilities.argmax()
        assert one.explanation.heat.shape == (grad_cam.HEAT_PX, grad_cam.HEAT_PX)
        assert one.explanation.heat.min() >= 0


def test_heat_lies_on_the_middle_of_its_receptive_field(network):
    cam = grad_cam.GradCam(network, "conv5", 0)
    maps = np.zeros([2, 11, 11], np.float32)
    maps[0, 3, 8] = 1
    maps[1] = 0.5
    first, second = cam.explanations({"maps": maps, "class_ids": np.array([0, 0])})
    # conv5's places are 16 px apart, from 17.5 px on, of 195.
    row, column = np.unravel_index(first.heat.argmax(), first.heat.shape)
    px = network.image_size / grad_cam.HEAT_PX
    assert abs((row + 0.5) * px - (17.5 + 3 * 16)) <= px / 2 + 1e-6
    assert abs((column + 0.5) * px - (17.5 + 8 * 16)) <= px / 2 + 1e-6
    np.testing.assert_allclose(second.heat, 0.5, rtol=1e-6)


def test_what_cannot_be_explained(network):
    with pytest.raises(UsageError, match="fc7: has no places"):
        grad_cam.GradCam(network, "fc7")
    with pytest.raises(UsageError, match="the network has conv1"):
        grad_cam.GradCam(network, "conv6")


def test_the_picture_is_light_where_the_heat_is_and_pale_around():
    photo = photos.open_image(
        photos.Photo("", photo_archives.encode(Image.new("RGB", (80, 40))), 0)
    )
    heat = np.zeros([8, 8])
    heat[0, 7] = 1
    picture = np.asarray(heat_maps.over_photo(photo, heat, 0.875)).astype(int).sum(2)
    assert picture.shape == (40, 80)
    inside = picture[2:38, 5:75]
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    assert row < 5 and column > 60
    assert np.ptp(picture[:2]) == 0 and picture[0, 0] == 3 * 153  # Black, paled by 0.6.
