"""conv1 to conv3 of torchvision's AlexNet: slim's graph makes the same maps of them."""

import os

import gpus
import numpy as np
import pytest
import torch_files

from alexnet_flowers.errors import DataError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, saving, torchvision_weights
from alexnet_flowers.training.settings import Settings

# torchvision's layers: name, [out, in, height, width], stride, padding.
LAYERS = [
    ("features.0", (64, 3, 11, 11), 4, 2),
    ("features.3", (192, 64, 5, 5), 1, 2),
    ("features.6", (384, 192, 3, 3), 1, 1),
]
EXCLUDED = "alexnet_v2/conv4,alexnet_v2/conv5,alexnet_v2/fc6,alexnet_v2/fc7,alexnet_v2/fc8"
FORMS = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


def _state_dict():
    """Random weights that keep the size of the maps' values, and a layer that is not taken."""
    rng = np.random.RandomState(3)
    arrays = {}
    for name, shape, _, _ in LAYERS + [("features.8", (256, 384, 3, 3), 1, 1)]:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        arrays[name + ".weight"] = (rng.randn(*shape) * scale).astype(np.float32)
        arrays[name + ".bias"] = rng.uniform(-0.5, 0.5, shape[0]).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def arrays():
    return _state_dict()


@pytest.fixture(scope="module")
def image():
    return np.random.RandomState(4).uniform(-1, 1, (224, 224, 3)).astype(np.float32)


def _windows(maps, size, stride):
    """Returns a view [channels, rows, columns, size, size]."""
    channels, height, width = maps.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    by_channel, by_row, by_column = maps.strides
    return np.lib.stride_tricks.as_strided(
        maps,
        (channels, rows, columns, size, size),
        (by_channel, by_row * stride, by_column * stride, by_row, by_column),
    )


def _torchvision_maps(arrays, image):
    """Returns conv1 to conv3 after their ReLU, each [rows, columns, channels], in float64.

    As torchvision has it: channels first, (x - mean) / std of [0, 1], zeros as padding, pooling
    3 x 3 with stride 2 between the layers.
    """
    colors = (image.astype(np.float64) + 1) / 2
    maps = ((colors - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).transpose(2, 0, 1)
    made = []
    for name, shape, stride, padding in LAYERS:
        if made:
            maps = _windows(maps, 3, 2).max((3, 4))
        maps = np.pad(maps, ((0, 0), (padding, padding), (padding, padding)), "constant")
        maps = np.tensordot(
            arrays[name + ".weight"].astype(np.float64),
            _windows(maps, shape[2], stride),
            ((1, 2, 3), (0, 3, 4)),
        )
        maps = np.maximum(maps + arrays[name + ".bias"][:, np.newaxis, np.newaxis], 0)
        made.append(maps.transpose(1, 2, 0))
    return made


def _slim_maps(checkpoint, image):
    """Returns the same from slim's graph after a warm start."""
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        _, end_points = alexnet_v2.alexnet_v2(
            tf.constant(image[np.newaxis]), 5, is_training=False, spatial_squeeze=False
        )
        wanted = Settings(checkpoint_path=checkpoint, checkpoint_exclude_scopes=EXCLUDED)
        saving.warm_start(wanted)(session)
        maps = [end_points["alexnet_v2/conv%d" % number] for number in (1, 2, 3)]
        return [map_[0] for map_ in session.run(maps)]


@pytest.fixture(scope="module")
def imported(arrays, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    path = torch_files.save(folder / "alexnet.pth", arrays)
    output = str(folder / "imagenet")
    assert torchvision_weights.import_weights(path, output) == ("conv1", "conv2", "conv3")
    return output


def test_maps_of_an_image_in_a_frame_of_the_mean_color_are_the_same(imported, arrays, image):
    framed = np.empty((228, 228, 3), np.float32)
    framed[:] = 2 * torchvision_weights.MEAN - 1
    framed[2:-2, 2:-2] = image
    wanted = _torchvision_maps(arrays, image)
    assert [maps.shape[:2] for maps in wanted] == [(55, 55), (27, 27), (13, 13)]
    for got, maps in zip(_slim_maps(imported, framed), wanted):
        assert maps.std() > 0.3  # Not all zeros.
        np.testing.assert_allclose(got, maps, rtol=0, atol=1e-4)


def test_without_a_frame_maps_are_those_of_2_px_further_in(imported, arrays, image):
    # But for the first rows and columns, where torchvision sees its padding.
    wanted = _torchvision_maps(arrays, image[2:, 2:])
    for got, maps, first in zip(_slim_maps(imported, image), wanted, (1, 3, 3)):
        assert got.shape == maps.shape
        np.testing.assert_allclose(got[first:, first:], maps[first:, first:], rtol=0, atol=1e-4)
        assert np.abs(got[first - 1] - maps[first - 1]).max() > 0.01


def test_nothing_but_these_layers_is_in_it(imported):
    assert sorted(os.listdir(imported)) == [
        "checkpoint", "model.ckpt-0.data-00000-of-00001", "model.ckpt-0.index",
    ]  # fmt: skip
    reader = tf.train.NewCheckpointReader(checkpoints.newest(imported))
    with tf.Graph().as_default():
        alexnet_v2.alexnet_v2(tf.zeros([1, 195, 195, 3]), 5, is_training=True)
        model = {v.op.name: v.shape.as_list() for v in slim.get_model_variables()}
    there = reader.get_variable_to_shape_map()
    assert there == {name: model[name] for name in there} and len(there) == 6
    scopes = {name.rsplit("/", 1)[0] for name in set(model) - set(there)}
    assert sorted(scopes) == sorted(torchvision_weights.NOT_IMPORTED) == EXCLUDED.split(",")


@FORMS
def test_half_numbers_and_both_forms_give_the_same_variables(legacy, arrays, tmp_path):
    halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    singles = {name: array.astype(np.float32) for name, array in halves.items()}
    one = torchvision_weights.read_variables(
        torch_files.save(tmp_path / "one.pth", singles, legacy)
    )
    other = torchvision_weights.read_variables(torch_files.save(tmp_path / "other.pth", halves))
    assert len(one) == 6
    for name, array in one.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, other[name])


def _refused(path, output, text):
    with pytest.raises(DataError) as caught:
        torchvision_weights.import_weights(path, str(output))
    assert text in str(caught.value) and "\n" not in str(caught.value)
    assert not os.path.exists(str(output))


def test_another_networks_file_is_named(arrays, tmp_path):
    path, output = tmp_path / "other.pth", tmp_path / "output"
    resnet = {"conv1.weight": np.zeros((4, 3, 7, 7), np.float32)}
    resnet.update(("bn%d" % i, np.zeros(4, np.float32)) for i in range(5))
    _refused(
        torch_files.save(path, resnet), output,
        "other.pth: not torchvision's alexnet: features.0.weight is missing, not 64x3x11x11; "
        "there are 6 tensors: conv1.weight 4x3x7x7, bn0 4, bn1 4, ...",
    )  # fmt: skip
    vgg = dict(arrays, **{"features.0.weight": np.zeros((64, 3, 3, 3), np.float32)})
    _refused(torch_files.save(path, vgg), output, "features.0.weight is 64x3x3x3, not 64x3x11x11")
    scalar = dict(arrays, **{"features.3.bias": np.array(1, np.float32)})
    _refused(torch_files.save(path, scalar), output, "features.3.bias is one number, not 192")
    wild = dict(arrays, **{"features.3.weight": arrays["features.3.weight"] * np.nan})
    text = "other.pth: features.3.weight has values that are not finite; get the file anew"
    _refused(torch_files.save(path, wild), output, text)


def test_a_folder_with_something_in_it_stays_as_it_is(arrays, tmp_path):
    path = torch_files.save(tmp_path / "alexnet.pth", arrays)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(DataError, match="full: is not empty"):
        torchvision_weights.import_weights(path, str(tmp_path / "full"))
    assert (tmp_path / "full" / "mine").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    torchvision_weights.import_weights(path, str(tmp_path / "empty"))
    assert checkpoints.newest(str(tmp_path / "empty"))
    assert sorted(os.listdir(str(tmp_path))) == ["alexnet.pth", "empty", "full"]
