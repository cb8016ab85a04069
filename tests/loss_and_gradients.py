"""Prints the TensorFlow that there is, and writes what it computes of fixed weights and images.

python loss_and_gradients.py CHECKPOINT RESULT.npz
"""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(checkpoint, path):
    """Writes the loss and all gradients, by this project's rules and by TensorFlow's own."""
    import gpus

    from alexnet_flowers.nets import alexnet_v2
    from alexnet_flowers.tf1 import slim, tf
    from alexnet_flowers.training import optimization

    images = np.random.RandomState(0).uniform(-1, 1, [4, 195, 195, 3]).astype(np.float32)
    found = {}
    for rules in (True, False):
        with tf.Graph().as_default(), gpus.cpu_session() as session:
            logits, _ = alexnet_v2.alexnet_v2(
                tf.constant(images), 5, True, dropout_keep_prob=1.0, use_gradient_rules=rules
            )
            labels = tf.constant(np.arange(4), tf.int64)
            _, loss = optimization.losses(logits, labels, 0.1)
            variables = tf.trainable_variables()
            gradients = tf.gradients(loss, variables)
            slim.assign_from_checkpoint_fn(checkpoint, slim.get_model_variables())(session)
            found["loss_%d" % rules] = session.run(loss)
            for variable, value in zip(variables, session.run(gradients)):
                found["%s_%d" % (variable.op.name.replace("/", "."), rules)] = value
    np.savez(path, **found)
    print(tf.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
