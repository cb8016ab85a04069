"""fc6 to fc8 in the forward pass: the matrix products that they are, where that is faster.

slim builds the fully connected layers as convolutions whose kernel covers the whole map: one output
position, y = flat(x) . flat(w). oneDNN computes such a convolution image by image and reads the
kernel, of fc6 105 MB, each time; the product of two matrices reads it once for the batch.
"""

from alexnet_flowers.tf1 import runtime, tf


def has_known_sizes(op):
    """Says whether a ``Conv2D``'s map and kernel have known sizes; the batch's may be unknown."""
    return op.inputs[0].shape[1:].is_fully_defined() and op.inputs[1].shape.is_fully_defined()


def is_matrix_product(op):
    """Says whether a ``Conv2D`` has one output position, which sees all of its map.

    Those are fc6 (5x5 on 5x5, VALID), and fc7 and fc8 (1x1 on 1x1).

    Args:
      op: one that ``has_known_sizes``, whose layout is NHWC and which is not dilated, as all of
        slim's are: neither is looked at.
    """
    x_size, kernel_size = op.inputs[0].shape[1:3].as_list(), op.inputs[1].shape[:2].as_list()
    if kernel_size == [1, 1]:
        return x_size == [1, 1]
    return op.get_attr("padding") == b"VALID" and kernel_size == x_size


def flat(x, kernel):
    """Returns such a convolution's input [N, inputs] and kernel [inputs, outputs] as matrices."""
    num_inputs = kernel.shape[:3].num_elements()
    return tf.reshape(x, [-1, num_inputs]), tf.reshape(kernel, [num_inputs, kernel.shape[3]])


def replace_convolutions():
    """Has matrix products compute what the default graph's fully connected layers do.

    Where oneDNN computes; elsewhere nothing changes. The layer's ``Conv2D`` stays in the graph, but
    what took its output takes the product's. Call it before a session runs the graph, and after
    the gradients are built, which are those of the convolution.
    """
    if not runtime.HAS_MKL:
        return
    for op in tf.get_default_graph().get_operations():
        if op.type == "Conv2D" and has_known_sizes(op) and is_matrix_product(op):
            _replace(op)


def _replace(conv):
    consumers = conv.outputs[0].consumers()
    layer = conv.name.rpartition("/")[0]
    with tf.device(conv.device), tf.name_scope(layer + "/matrix_product/" if layer else None):
        product = tf.matmul(*flat(*conv.inputs))
        product = tf.reshape(product, [-1, 1, 1, product.shape[1]])
    for consumer in consumers:
        for index, tensor in enumerate(consumer.inputs):
            if tensor is conv.outputs[0]:
                consumer._update_input(index, product)  # There is no public way.
