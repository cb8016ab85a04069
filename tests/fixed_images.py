"""Runs ``scripts/train.py`` on four images that do not change, or on a worker's half of them.

python fixed_images.py FLAGS OF scripts/train.py
"""

import os
import runpy
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def training_batches(split, batch_size, image_size, **_):
    """Stands in for ``pipeline.training_batches``: as many images as asked, from where asked."""
    from alexnet_flowers.input import pipeline
    from alexnet_flowers.tf1 import tf

    flags = dict(arg.lstrip("-").split("=", 1) for arg in sys.argv[1:] if "=" in arg)
    first = batch_size * int(flags.get("task_index", 0))
    rng = np.random.RandomState(0)
    images = rng.uniform(-1, 1, [4, image_size, image_size, 3]).astype(np.float32)
    chosen = slice(first, first + batch_size)
    with tf.device("/cpu:0"):
        return pipeline.Batch(
            tf.constant(images[chosen]),
            tf.constant(np.arange(4)[chosen], tf.int64),
            tf.constant([b""] * batch_size),
            tf.constant([b""] * batch_size),
        )


if __name__ == "__main__":
    sys.path[:0] = [ROOT, os.path.join(ROOT, "scripts")]
    from alexnet_flowers.input import pipeline as room

    room.training_batches = training_batches
    sys.argv[0] = os.path.join(ROOT, "scripts", "train.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
