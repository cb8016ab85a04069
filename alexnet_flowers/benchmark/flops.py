"""The arithmetic of a training step, counted from the graph's shapes."""

from alexnet_flowers.nets import alexnet_v2


def of_training_step(graph):
    """Returns how many floating-point operations a step's convolutions take, two for each product.

    A convolution and each of its two gradients take the same number; the first layer's input, the
    images, needs no gradient. Everything else (pools, biases, the update) is left out: the sum is
    a floor.

    Args:
      graph: a ``tf.Graph`` with ``alexnet_v2``'s forward pass for a known batch size.
    """
    total = 0
    for op in graph.get_operations():
        if op.type != "Conv2D" or not op.name.startswith(alexnet_v2.SCOPE + "/"):
            continue
        kernel = op.inputs[1].shape
        forward = 2 * op.outputs[0].shape.num_elements() * kernel[:3].num_elements()
        total += forward * (2 if op.name.startswith(alexnet_v2.SCOPE + "/conv1/") else 3)
    return total
