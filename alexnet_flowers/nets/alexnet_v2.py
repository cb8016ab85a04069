"""slim's own ``alexnet_v2``: the same variables, end points and forward graph, to the letter.

::

    images  224 x 224 x   3   (195 to 226 give the same maps from pool5 on)
    conv1    54 x  54 x  64   11 x 11, stride 4, VALID
    pool1    26 x  26 x  64
    conv2    26 x  26 x 192   5 x 5
    pool2    12 x  12 x 192
    conv3    12 x  12 x 384   3 x 3
    conv4    12 x  12 x 384   3 x 3
    conv5    12 x  12 x 256   3 x 3
    pool5     5 x   5 x 256
    fc6       1 x   1 x 4096  5 x 5, VALID, then dropout
    fc7       1 x   1 x 4096  1 x 1, then dropout
    fc8       1 x   1 x classes
"""

from alexnet_flowers.errors import UsageError
from alexnet_flowers.nets import bfloat16, conv_gradients
from alexnet_flowers.tf1 import alexnet, slim

SCOPE = "alexnet_v2"
# Every layer whose output is the ReLU of its own units; pooling only repeats these.
RELU_LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
SMALLEST_IMAGE_SIZE = 195
LARGEST_IMAGE_SIZE = 226
# That of slim's ``alexnet_v2_arg_scope``.
WEIGHT_DECAY = 0.0005


def check_image_size(image_size):
    """Raises ``UsageError`` for a size from which fc6 would not make a single 1x1 map."""
    if not SMALLEST_IMAGE_SIZE <= image_size <= LARGEST_IMAGE_SIZE:
        raise UsageError(
            "--image_size %d: AlexNet v2 takes %d to %d px; fc6 is a 5x5 kernel that must cover "
            "the whole map of pool5, which is 5x5 for these sizes only (for 227, often quoted, 6x6)"
            % (image_size, SMALLEST_IMAGE_SIZE, LARGEST_IMAGE_SIZE)
        )


def alexnet_v2(
    images,
    num_classes,
    is_training,
    dropout_keep_prob=0.5,
    use_arg_scope=True,
    weight_decay=WEIGHT_DECAY,
    use_gradient_rules=True,
    spatial_squeeze=True,
    in_bfloat16=False,
    rules_for_bfloat16=False,
):
    """Builds ``slim.nets.alexnet.alexnet_v2``.

    Args:
      images: float32 [N, size, size, 3] in [-1, 1].
      num_classes: int.
      is_training: whether dropout is on.
      dropout_keep_prob: the share of units of fc6 and fc7 that dropout keeps.
      use_arg_scope: build it within slim's ``alexnet_v2_arg_scope``, which sets the weight decay
        and starts all biases but fc8's at 0.1. Without it there is no weight decay, and the
        biases of conv1 to conv5 start at 0.
      weight_decay: the factor of the weights' L2 loss, where the arg scope is used.
      use_gradient_rules: compute the gradients by ``conv_gradients``' rules (the same values,
        faster on a CPU) instead of TensorFlow's own.
      spatial_squeeze: return one row of scores an image; False for larger images: a map of them.
      in_bfloat16: compute the layers and their gradients in bfloat16; see ``bfloat16``.
      rules_for_bfloat16: of the gradients' rules, take those that are faster where TensorFlow
        rewrites this graph, so that a CPU computes it in bfloat16.

    Returns:
      logits, float32 [N, num_classes] ([N, rows, columns, num_classes] if not squeezed), and the
      end points by name (``alexnet_v2/conv1``, ...).
    """
    arg_scope = alexnet.alexnet_v2_arg_scope(weight_decay) if use_arg_scope else {}

    def build(images):
        return alexnet.alexnet_v2(
            images,
            num_classes=num_classes,
            is_training=is_training,
            dropout_keep_prob=dropout_keep_prob,
            spatial_squeeze=spatial_squeeze,
            scope=SCOPE,
        )

    rules = conv_gradients.rules(use_gradient_rules, rules_for_bfloat16)
    with slim.arg_scope(arg_scope) as scope, rules:
        return bfloat16.computed(build, images, scope) if in_bfloat16 else build(images)
