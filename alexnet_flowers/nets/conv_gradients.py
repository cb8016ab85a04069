"""How the backward pass is computed: the same gradients as TensorFlow's own, faster on a CPU.

The forward graph stays slim's. Only the function that TensorFlow calls to build the gradient of
a ``Conv2D`` is exchanged, by ``Graph.gradient_override_map``. For a convolution of an input x
with a kernel w, and the gradient g of its output:

**The kernel covers the whole map** (fc6: 5x5 on 5x5, VALID), or the map is 1x1 (fc7, fc8). There
is one output position, y = flat(x) . flat(w). So the gradient of x is g . flat(w)^T and that of w
is flat(x)^T . g: two matrix products. TensorFlow 1.15 walks through the batch image by image
instead, and reads or writes the 105 MB kernel of fc6 each time.

**Stride 1, SAME, odd kernel** (conv2 to conv5). y[p] = sum over d of x[p + d] w[d], so the
gradient of x at p is the sum over d of g[p - d] w[d]^T: again a convolution, of g with the kernel
turned by 180 degrees and its two channel axes exchanged. An odd kernel has as much padding on both
sides, so it is SAME too. TensorFlow's forward convolution is its fastest kernel.

**The kernel's gradient, of any stride s** (conv1 to conv5). With n counting the images,
y[n, p] = sum over d of x[n, s p + d] w[d], so the gradient of w at d is the sum over n and p of
x[n, s p + d]^T g[n, p]: a convolution over positions p that are s apart, summed over n. So it is a
forward convolution whose depth is the batch: its picture is x, its kernel g, dilated by s. The
channels of x are no depth any more, and lie side by side in the picture's width, which turns
[n, rows, columns, c] into [1, rows, columns c, n] by exchanging the two axes of a matrix; the
result [1, d rows, d columns c, channels of g] is the kernel's own layout.

**The same by oneDNN in bfloat16** (conv3 to conv5). There its own kernel's gradient takes twice as
long as what the formula says: for each of the nine d one product of two matrices.

**And of a stride s > 1, VALID** (conv1). oneDNN is slow where x has three channels only. Each s x s
pixels of x become one place of s x s times as many channels, and each s x s of the kernel; then it
is a convolution of stride 1, whose kernel's gradient takes a third of the time.
"""

import contextlib
import functools

from alexnet_flowers.nets import matrix_products
from alexnet_flowers.tf1 import runtime, tf

_OVERRIDE = "AlexnetFlowersConv2D"
_BFLOAT16_OVERRIDE = "AlexnetFlowersBfloat16Conv2D"
_OVERRIDE_ATTRIBUTE = "_gradient_op_type"  # TensorFlow's name for what overrides a gradient.


@contextlib.contextmanager
def rules(enabled=True, in_bfloat16=False):
    """A context in which convolutions of the default graph get these gradients, if enabled.

    ``in_bfloat16`` says that TensorFlow will compute the graph so, as ``devices.session_config``
    has it do; what is fastest then is something else.
    """
    if not enabled:
        yield
        return
    _register()
    override = _BFLOAT16_OVERRIDE if in_bfloat16 else _OVERRIDE
    with tf.get_default_graph().gradient_override_map({"Conv2D": override}):
        yield


def forget_rules():
    """Has the default graph's convolutions name TensorFlow's own gradients again.

    To be called once all gradients are built: a saved graph that named these rules could be trained
    on, or differentiated, only by programs that register them.
    """
    names = (_OVERRIDE.encode(), _BFLOAT16_OVERRIDE.encode())
    for op in tf.get_default_graph().get_operations():
        if op.type == "Conv2D" and op.node_def.attr[_OVERRIDE_ATTRIBUTE].s in names:
            op._clear_attr(_OVERRIDE_ATTRIBUTE)  # There is no public way.


@functools.lru_cache(maxsize=None)  # Once.
def _register():
    tf.RegisterGradient(_OVERRIDE)(_conv2d_gradient)
    in_bfloat16 = functools.partial(_conv2d_gradient, in_bfloat16=True)
    tf.RegisterGradient(_BFLOAT16_OVERRIDE)(in_bfloat16)


def _conv2d_gradient(op, grad, in_bfloat16=False):
    """Returns the gradients of a ``Conv2D``'s input and kernel by the fastest rule that holds."""
    x, kernel = op.inputs
    if not (
        op.get_attr("data_format") == b"NHWC"
        and list(op.get_attr("dilations")) == [1, 1, 1, 1]
        and op.get_attr("padding") in (b"VALID", b"SAME")
        and matrix_products.has_known_sizes(op)
    ):
        return _stock_input_gradient(op, grad), _stock_kernel_gradient(op, grad)
    if matrix_products.is_matrix_product(op):
        return _matrix_product_gradients(x, kernel, grad)
    if _is_centered(op):
        x_grad = _input_gradient_as_convolution(kernel, grad)
    else:
        x_grad = _stock_input_gradient(op, grad)
    if in_bfloat16 and _is_centered(op) and kernel.shape[:2].num_elements() <= 9:
        return x_grad, _kernel_gradient_as_products(x, kernel, grad)
    if in_bfloat16 and _is_strided(op):
        return x_grad, _kernel_gradient_of_blocks(op, grad)
    # MKL's own kernel gradient is fast in float32, its convolution of so deep a picture is not.
    if runtime.HAS_MKL:
        return x_grad, _stock_kernel_gradient(op, grad)
    return x_grad, _kernel_gradient_as_convolution(op, grad)


def _is_centered(op):
    return (
        op.get_attr("padding") == b"SAME"
        and list(op.get_attr("strides")) == [1, 1, 1, 1]
        and all(side % 2 for side in op.inputs[1].shape.as_list()[:2])
    )


def _is_strided(op):
    _, rows, columns, _ = op.get_attr("strides")
    return op.get_attr("padding") == b"VALID" and rows == columns > 1


def _matrix_product_gradients(x, kernel, grad):
    flat_x, flat_kernel = matrix_products.flat(x, kernel)
    flat_grad = tf.reshape(grad, [-1, flat_kernel.shape[1]])
    # Not matmul(flat_grad, flat_kernel, transpose_b=True), which takes twice as long.
    x_grad = tf.transpose(tf.matmul(flat_kernel, tf.transpose(flat_grad)))
    kernel_grad = tf.matmul(flat_x, flat_grad, transpose_a=True)
    return tf.reshape(x_grad, tf.shape(x)), tf.reshape(kernel_grad, kernel.shape)


def _input_gradient_as_convolution(kernel, grad):
    turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
    return tf.nn.conv2d(grad, turned, strides=1, padding="SAME")


def _kernel_gradient_as_convolution(op, grad):
    x, kernel = op.inputs
    stride = op.get_attr("strides")[1:3]
    k = kernel.shape.as_list()
    out = grad.shape.as_list()[1:3]
    # The rows and columns of x that the forward convolution read, its padding included.
    read = [(out[a] - 1) * stride[a] + k[a] for a in (0, 1)]
    size = [min(read[a], x.shape.as_list()[1:3][a]) for a in (0, 1)]
    # SAME puts the odd pixel of padding at the end; VALID pads nothing.
    before = [(read[a] - size[a]) // 2 for a in (0, 1)]
    after = [read[a] - size[a] - before[a] for a in (0, 1)]

    if size != x.shape.as_list()[1:3]:
        x = x[:, : size[0], : size[1]]
    # One picture, its width holding columns and channels, its depth the batch. The exchange of a
    # matrix' two axes is TensorFlow's fastest transposition.
    wide = tf.transpose(tf.reshape(x, [-1, size[0] * size[1] * k[2]]))
    wide = tf.reshape(wide, [1, size[0], size[1] * k[2], tf.shape(x)[0]])
    result = tf.nn.conv2d(
        wide,
        tf.transpose(grad, [1, 2, 0, 3]),
        strides=1,
        padding=[[0, 0], [before[0], after[0]], [before[1] * k[2], after[1] * k[2]], [0, 0]],
        dilations=[1, stride[0], stride[1] * k[2], 1],
    )
    return tf.reshape(result, k)


def _kernel_gradient_as_products(x, kernel, grad):
    """Returns the gradient of a kernel of stride 1 and padding SAME, of odd sides."""
    k = kernel.shape.as_list()
    rows, columns = x.shape.as_list()[1:3]
    padded = tf.pad(x, [[0, 0], [k[0] // 2] * 2, [k[1] // 2] * 2, [0, 0]])
    flat_grad = tf.reshape(grad, [-1, k[3]])
    products = [
        tf.matmul(
            tf.reshape(padded[:, row : row + rows, column : column + columns], [-1, k[2]]),
            flat_grad,
            transpose_a=True,
        )
        for row in range(k[0])
        for column in range(k[1])
    ]
    return tf.reshape(tf.stack(products), k)


def _kernel_gradient_of_blocks(op, grad):
    """Returns the gradient of a kernel of a stride above 1 and padding VALID, block by block."""
    x, kernel = op.inputs
    side = op.get_attr("strides")[1]
    k = kernel.shape.as_list()
    of_kernel = [-(-k[a] // side) for a in (0, 1)]
    of_x = [grad.shape.as_list()[1 + a] - 1 + of_kernel[a] for a in (0, 1)]
    # What is beyond the kernel's own sides is cut off in the end, so it may be anything there.
    x = x[:, : of_x[0] * side, : of_x[1] * side]
    lacking = [of_x[a] * side - x.shape.as_list()[1 + a] for a in (0, 1)]
    x = tf.pad(x, [[0, 0], [0, lacking[0]], [0, lacking[1]], [0, 0]])
    # Not tf.nn.space_to_depth, which takes two to four times as long.
    x = tf.reshape(x, [-1, of_x[0], side, of_x[1], side * k[2]])
    x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4]), [-1, *of_x, side * side * k[2]])
    shape = [*of_kernel, side * side * k[2], k[3]]
    blocks = tf.nn.conv2d_backprop_filter(x, shape, grad, strides=[1, 1, 1, 1], padding="VALID")
    blocks = tf.reshape(blocks, [*of_kernel, side, side, k[2], k[3]])
    whole = tf.reshape(
        tf.transpose(blocks, [0, 2, 1, 3, 4, 5]),
        [of_kernel[0] * side, of_kernel[1] * side, k[2], k[3]],
    )
    return whole[: k[0], : k[1]]


def _stock_input_gradient(op, grad):
    return tf.nn.conv2d_backprop_input(tf.shape(op.inputs[0]), op.inputs[1], grad, **_geometry(op))


def _stock_kernel_gradient(op, grad):
    return tf.nn.conv2d_backprop_filter(op.inputs[0], tf.shape(op.inputs[1]), grad, **_geometry(op))


def _geometry(op):
    padding = op.get_attr("padding").decode()
    if padding == "EXPLICIT":
        pairs = op.get_attr("explicit_paddings")
        padding = [pairs[2 * axis : 2 * axis + 2] for axis in range(4)]
    return {
        "strides": op.get_attr("strides"),
        "padding": padding,
        "data_format": op.get_attr("data_format").decode(),
        "dilations": op.get_attr("dilations"),
    }
