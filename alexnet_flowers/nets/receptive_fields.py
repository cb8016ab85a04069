"""Which pixels of an image a unit of ``alexnet_v2`` sees."""

import functools
from typing import NamedTuple

from alexnet_flowers.nets import architecture


class ReceptiveField(NamedTuple):
    """The squares of pixels that the places of an end point see, alike in both directions.

    Attributes:
      size: px, the side of each square.
      stride: px, from one place's square to the next one's.
      first: px, where the first place's square begins; below 0 where it reaches into the padding.
    """

    size: int
    stride: int
    first: int

    def span(self, place):
        """Returns where the square of a place, counted from 0, begins and ends, in px."""
        begin = self.first + place * self.stride
        return begin, begin + self.size


@functools.lru_cache(maxsize=None)
def receptive_field(end_point):
    """Returns the ``ReceptiveField`` of conv1 ... fc8, from the layers' kernels and strides."""
    size = stride = 1
    first = 0
    for layer in architecture.layers():
        if layer.kernel:
            (kernel, _), (step, _) = layer.kernel, layer.stride
            # The layers that pad have a stride of 1 and odd kernels.
            first -= stride * ((kernel - 1) // 2 if layer.padding == "SAME" else 0)
            size += stride * (kernel - 1)
            stride *= step
        if layer.name == end_point:
            return ReceptiveField(size, stride, first)
    raise ValueError("%s: no layer of alexnet_v2" % end_point)
