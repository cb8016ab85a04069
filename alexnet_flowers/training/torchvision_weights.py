"""The first layers of torchvision's ``alexnet`` as a checkpoint to start from.

slim's ``alexnet_v2`` has never been published with weights. torchvision's network is after the
same paper: its conv1 to conv3 have the same kernels, strides and numbers of maps; from conv4 on it
has others.

Before conv1 torchvision frames the image by 2 px of the mean color, slim does not. So slim's conv1
to conv3 of an image that has this frame (228 px instead of 224) are torchvision's of the image
without it, everywhere. Of 224 px without a frame they are torchvision's of the image without its
first two rows and columns, but for the first rows and columns of the maps, where torchvision sees
its frame: 1 of conv1, 3 of conv2 and conv3.
"""

import os

import numpy as np

from alexnet_flowers import devices, new_folder
from alexnet_flowers.errors import DataError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training.torch_file import TorchFile

# slim's layers, and the place of each in torchvision's network. PyTorch's kernels are OIHW.
_LAYERS = {"conv1": "features.0", "conv2": "features.3", "conv3": "features.6"}
_KERNELS = {"conv1": (64, 3, 11, 11), "conv2": (192, 64, 5, 5), "conv3": (384, 192, 3, 3)}
# What torchvision makes of red, green and blue in [0, 1] before conv1: (x - mean) / std.
MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
# Of the tensors that a refusal names.
_NUM_NAMED = 3

NOT_IMPORTED = tuple(
    "%s/%s" % (alexnet_v2.SCOPE, layer)
    for layer in alexnet_v2.RELU_LAYERS + ("fc8",)
    if layer not in _LAYERS
)


def import_weights(path, output_dir):
    """Writes a checkpoint with conv1 to conv3 for images in [-1, 1], whole or not at all.

    Args:
      path: a file with the ``state_dict()`` of torchvision's ``alexnet``.
      output_dir: a folder that does not exist yet, or is empty.

    Returns:
      The layers' names.

    Raises:
      DataError: the file is damaged, or another network's; there is something in ``output_dir``.
    """
    variables = read_variables(path)
    with new_folder.whole(output_dir) as folder:
        _save(variables, folder)
    return tuple(_LAYERS)


def read_variables(path):
    """Reads conv1 to conv3 as slim has them.

    Returns:
      Arrays by the names of slim's variables: weights float32 [height, width, in, out], biases
      float32 [out].

    Raises:
      DataError: the file is damaged, or another network's, or has values that are not finite.
    """
    file = TorchFile(path)
    _check(path, file.tensors)
    variables = {}
    for layer, name in _LAYERS.items():
        weights, biases = (
            _finite(path, full_name, file.read(full_name).astype(np.float64))
            for full_name in (name + ".weight", name + ".bias")
        )
        weights = weights.transpose(2, 3, 1, 0)
        if layer == "conv1":
            weights, biases = _fold_normalization(weights, biases)
        scope = "%s/%s/" % (alexnet_v2.SCOPE, layer)
        variables[scope + "weights"] = weights.astype(np.float32)
        variables[scope + "biases"] = biases.astype(np.float32)
    return variables


def _finite(path, name, values):
    if not np.isfinite(values).all():
        raise DataError("%s: %s has values that are not finite; get the file anew" % (path, name))
    return values


def _fold_normalization(weights, biases):
    """Makes a layer for (x - MEAN) / STD, x in [0, 1], one for 2 x - 1.

    That is exact for a layer without padding only.
    """
    scale = 1 / (2 * STD)
    shift = (0.5 - MEAN) / STD
    return weights * scale[:, np.newaxis], biases + np.tensordot(shift, weights, (0, 2)).sum((0, 1))


def _check(path, tensors):
    """Raises ``DataError`` unless there are the layers, in their shapes."""
    for layer, name in _LAYERS.items():
        for part, wanted in (("weight", _KERNELS[layer]), ("bias", _KERNELS[layer][:1])):
            full_name = "%s.%s" % (name, part)
            shape = tensors[full_name].shape if full_name in tensors else None
            if shape != wanted:
                raise DataError(
                    "%s: not torchvision's alexnet: %s is %s, not %s; there are %d tensors: %s"
                    % (
                        path,
                        full_name,
                        "missing" if shape is None else _written(shape),
                        _written(wanted),
                        len(tensors),
                        _named(tensors),
                    )
                )


def _named(tensors):
    """Returns the first tensors' names and shapes as text."""
    first = list(tensors.items())[:_NUM_NAMED]
    texts = ["%.80s %s" % (name, _written(tensor.shape)) for name, tensor in first]
    return ", ".join(texts + ["..."] * (len(tensors) > len(first)))


def _written(shape):
    return "x".join(map(str, shape)) or "one number"


def _save(variables, folder):
    config = devices.session_config(devices.resolve("cpu"))
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        saved = [tf.get_variable(name, initializer=value) for name, value in variables.items()]
        session.run(tf.global_variables_initializer())
        tf.train.Saver(saved, save_relative_paths=True).save(
            session, os.path.join(folder, "model.ckpt"), global_step=0, write_meta_graph=False
        )
