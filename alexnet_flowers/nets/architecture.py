"""The layers of ``alexnet_v2``, read from the graph that slim builds."""

import collections
import typing

from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import alexnet, slim, tf

# The classes of the Flowers photos.
NUM_CLASSES = 5


class Layer(typing.NamedTuple):
    """A layer, its activation included.

    Attributes:
      name: str, its scope within the network: ``conv1`` ... ``fc8``, ``dropout6``; or ``images``.
      kind: ``"input"``, ``"convolution"``, ``"max pooling"`` or ``"dropout"``.
      kernel: (height, width), or None where there is none.
      stride: (vertical, horizontal), or None.
      padding: ``"VALID"`` or ``"SAME"``, or None.
      is_rectified: whether a ReLU follows.
      shape: (height, width, maps) of its output for one image.
      num_parameters: int, weights and biases.
    """

    name: str
    kind: str
    kernel: typing.Optional[typing.Tuple[int, int]]
    stride: typing.Optional[typing.Tuple[int, int]]
    padding: typing.Optional[str]
    is_rectified: bool
    shape: typing.Tuple[int, ...]
    num_parameters: int


_KINDS = {"Conv2D": "convolution", "MaxPool": "max pooling", "Placeholder": "input"}


def layers(image_size=None, num_classes=NUM_CLASSES):
    """Builds the network as training does; returns the graph's ``Layer``s, from images to scores.

    Args:
      image_size: int, px; None: slim's own, 224.
      num_classes: int.
    """
    image_size = image_size or alexnet.alexnet_v2.default_image_size
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [1, image_size, image_size, 3], "images")
        logits, _ = alexnet_v2.alexnet_v2(
            images, num_classes, is_training=True, use_gradient_rules=False, spatial_squeeze=False
        )
        sizes = collections.Counter()
        for variable in slim.get_model_variables():
            sizes[_layer_name(variable.op)] += variable.shape.num_elements()
        operations = {}
        for op in _path_to(logits.op):
            operations.setdefault(_layer_name(op), []).append(op)
        return [_layer(name, ops, sizes[name]) for name, ops in operations.items()]


def _path_to(op):
    """Returns the operations from the images to ``op``, in order; None if ``op`` sees no image.

    AlexNet has no branches: of an operation's inputs one comes from the image, the others from
    weights, biases and masks.
    """
    if op.type == "Placeholder":
        return [op]
    for tensor in op.inputs:
        path = _path_to(tensor.op)
        if path is not None:
            return path + [op]
    return None


def _layer_name(op):
    return op.name[len(alexnet_v2.SCOPE) + 1 :].split("/")[0] if "/" in op.name else op.name


def _layer(name, ops, size):
    types = {op.type: op for op in ops}
    main = types.get("Conv2D") or types.get("MaxPool")
    kernel = stride = padding = None
    if main is not None:
        is_conv = main.type == "Conv2D"
        sides = main.inputs[1].shape.as_list() if is_conv else main.get_attr("ksize")[1:]
        kernel, stride = tuple(sides[:2]), tuple(main.get_attr("strides")[1:3])
        padding = main.get_attr("padding").decode()
    return Layer(
        name=name,
        kind=_KINDS.get(main.type if main is not None else ops[0].type, "dropout"),
        kernel=kernel,
        stride=stride,
        padding=padding,
        is_rectified="Relu" in types,
        shape=tuple(ops[-1].outputs[0].shape.as_list()[1:]),
        num_parameters=size,
    )
