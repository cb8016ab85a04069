"""Batches one step ahead: while a step computes, the next one's images come to its device.

``put`` takes the next batches from the input to a staging area on each device, and whoever reads
the staged batches takes what an earlier ``put`` brought. One ``put`` before the first step, and one
with every run that reads, keep the areas one step ahead.
"""

from alexnet_flowers.tf1 import tf


class Areas:
    """The staging areas of a graph."""

    def __init__(self):
        """Begins with none."""
        self._puts = []

    def ahead(self, tensors, device):
        """Adds an area on a device.

        Args:
          tensors: a list of those that one step needs.
          device: where they wait, for ``tf.device``; text can be on the CPU only.

        Returns:
          A list of the same, as they were when ``put`` ran.
        """
        name = "area_%d" % len(self._puts)
        with tf.device(device):
            self._puts.append(tf.raw_ops.Stage(values=list(tensors), shared_name=name))
            taken = tf.raw_ops.Unstage(
                dtypes=[tensor.dtype.base_dtype for tensor in tensors], shared_name=name
            )
        for one, tensor in zip(taken, tensors):
            one.set_shape(tensor.shape)
        return taken

    def put(self):
        """Returns the operation that fills all areas.

        It has to be run once before the first step and with whatever reads what is staged, which
        would wait for ever otherwise.
        """
        return tf.group(*self._puts, name="put")


def not_ahead(tensors, device):
    """Returns the tensors as they are: to be passed for ``Areas.ahead`` where nothing is staged."""
    return tensors
