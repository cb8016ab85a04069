"""Muon: momentum whose steps are orthogonalized, for the kernels of conv1 to conv5.

Of K. Jordan and others, "Muon: An optimizer for hidden layers in neural networks" (2024),
https://kellerjordan.github.io/posts/muon/. A gradient is long in few directions and short in most,
so gradient descent hardly learns along those. Muon writes a kernel's momentum as a matrix of
[rows * columns * channels in, channels out] and steps by the same matrix with all singular values
near 1: as far in every direction. A weight decay that is in the loss counts for little there, as
the length of a gradient does; so these kernels have one of their own, which works beside it (I.
Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019,
https://arxiv.org/abs/1711.05101).

All else learns by plain momentum: biases, which are no matrices; fc8, the output, as Muon's authors
advise; fc6 and fc7, whose 4,096 columns would take ten times as long as the rest of a step.
"""

import re

from alexnet_flowers.tf1 import tf

_KERNELS = re.compile(r"/conv\d+/weights$")
# Of the article: x <- a x + b (x x^T) x + c (x x^T)^2 x, five times, brings singular values in
# (0, 1] close to 1 (from 0.7 to 1.2; all but those below some hundredths of the largest), fastest
# where they are small. That is near enough, and needs no more than bfloat16.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_NUM_ITERATIONS = 5
# Of a matrix of zeros the norm, by which it is divided, is no less.
_LEAST_NORM = 1e-7


def optimizer(learning_rate, muon_momentum, muon_weight_decay, momentum_learning_rate, momentum):
    """Returns a ``tf.train.Optimizer``.

    Args:
      learning_rate: float32 [], the length of each orthogonal step.
      muon_momentum: how much of the mean of past gradients, which is orthogonalized, stays.
      muon_weight_decay: how much of the learning rate each of these steps takes from its kernel.
      momentum_learning_rate: float32 [], the learning rate of all other variables.
      momentum: the momentum of all other variables.
    """

    class Muon(tf.train.MomentumOptimizer):
        """TensorFlow's momentum, but for kernels of convolutions."""

        def _apply_dense(self, grad, var):
            if not _KERNELS.search(var.op.name):
                return super()._apply_dense(grad, var)
            kept, new = muon_momentum, 1 - muon_momentum
            mean = self.get_slot(var, "momentum")
            mean = tf.assign(mean, kept * mean + new * grad, use_locking=self._use_locking)
            # Nesterov's: where the mean will be if the next gradient is like this one.
            ahead = tf.reshape(kept * mean + new * grad, [-1, var.shape[3]])
            step = tf.reshape(orthogonalized(ahead), var.shape)
            if muon_weight_decay:
                step += muon_weight_decay * var
            return tf.assign_sub(var, learning_rate * step, use_locking=self._use_locking)

    return Muon(momentum_learning_rate, momentum, name="Muon")


def orthogonalized(matrix):
    """Returns a matrix of the same singular vectors whose singular values are about 1.

    Args:
      matrix: float32 [rows, columns], of known sizes.

    Returns:
      float32 [rows, columns]; of zeros, zeros.
    """
    rows, columns = matrix.shape.as_list()
    x = tf.transpose(matrix) if rows > columns else matrix  # Then x x^T is the smaller product.
    x /= tf.maximum(tf.norm(x), _LEAST_NORM)
    for _ in range(_NUM_ITERATIONS):
        square = tf.matmul(x, x, transpose_b=True)
        x = _A * x + tf.matmul(_B * square + _C * tf.matmul(square, square), x)
    return tf.transpose(x) if rows > columns else x
