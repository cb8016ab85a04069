"""Batches one step ahead: while a step computes, the next one's images come to its device.

``put`` takes the next batches from the input to a staging area on each device, and whoever reads
the staged batches takes what an earlier ``put`` brought. One ``put`` before the first step, and one
with every run that reads, keep the areas one step ahead.
"""

import typing

from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.input.pipeline import Batch
from alexnet_flowers.tf1 import tf


class Staged(typing.NamedTuple):
    """Batches one step ahead.

    Attributes:
      batches: a list of ``pipeline.Batch``, as the input made them, in its order.
      put: an operation, to be run once before the first step and with whatever reads ``batches``:
        without it a run would wait for ever.
    """

    batches: typing.List[Batch]
    put: "tf.Operation"


def stage(batches, clone_devices):
    """Adds staging areas to the graph.

    Args:
      batches: a list of ``pipeline.Batch``, one for each clone.
      clone_devices: where each clone is, for ``tf.device``.

    Returns:
      ``Staged``.
    """
    staged, puts = [], []
    with tf.name_scope("staging"):
        for number, (batch, device) in enumerate(zip(batches, clone_devices)):
            # Text can be on the CPU only, and labels are few.
            rest, put_rest = _area(batch[1:], INPUT_DEVICE, "rest_%d" % number)
            (images,), put_images = _area(batch[:1], device, "images_%d" % number)
            staged.append(Batch(images, *rest))
            puts += [put_images, put_rest]
        return Staged(staged, tf.group(*puts, name="put"))


def _area(tensors, device, name):
    """Returns what comes out of a staging area, and the operation that fills it."""
    with tf.device(device):
        put = tf.raw_ops.Stage(values=list(tensors), shared_name=name)
        taken = tf.raw_ops.Unstage(
            dtypes=[tensor.dtype.base_dtype for tensor in tensors], shared_name=name
        )
    for one, tensor in zip(taken, tensors):
        one.set_shape(tensor.shape)
    return taken, put
