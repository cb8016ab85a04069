"""The layers are read from the graph: known facts of AlexNet v2 come out of it."""

from alexnet_flowers.nets import architecture

CONV1 = (
    "conv1",
    "convolution",
    (11, 11),
    (4, 4),
    "VALID",
    True,
    (54, 54, 64),
    11 * 11 * 3 * 64 + 64,
)


def test_alexnet_v2():
    layers = architecture.layers()
    assert [layer.name for layer in layers] == [
        "images", "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5",
        "fc6", "dropout6", "fc7", "dropout7", "fc8",
    ]  # fmt: skip
    by_name = {layer.name: layer for layer in layers}
    assert by_name["conv1"] == CONV1
    assert by_name["images"][1:] == ("input", None, None, None, False, (224, 224, 3), 0)
    assert by_name["pool1"][1:] == ("max pooling", (3, 3), (2, 2), "VALID", False, (26, 26, 64), 0)
    assert by_name["dropout6"][1:] == ("dropout", None, None, None, False, (1, 1, 4096), 0)
    assert by_name["conv2"].padding == "SAME" and by_name["fc6"].padding == "VALID"
    assert [layer.shape for layer in layers if layer.name.startswith("conv")] == [
        (54, 54, 64), (26, 26, 192), (12, 12, 384), (12, 12, 384), (12, 12, 256),
    ]  # fmt: skip
    assert [layer.shape for layer in layers if layer.name.startswith("fc")] == [
        (1, 1, 4096), (1, 1, 4096), (1, 1, 5),
    ]  # fmt: skip
    assert [layer.name for layer in layers if layer.is_rectified] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7",
    ]  # fmt: skip
    assert by_name["fc6"].num_parameters == 5 * 5 * 256 * 4096 + 4096
    assert sum(layer.num_parameters for layer in layers) == 46227397


def test_another_size_and_other_classes():
    layers = architecture.layers(image_size=195, num_classes=3)
    assert layers[0].shape == (195, 195, 3) and layers[1].shape == (47, 47, 64)
    assert layers[-1].shape == (1, 1, 3) and layers[-1].num_parameters == 4096 * 3 + 3
