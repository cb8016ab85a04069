"""The network as a diagram: its layers, what they compute, and the shapes between them."""

import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from alexnet_flowers.pictures import colors, style

_COLORS = {
    "input": colors.NEUTRAL,
    "convolution": colors.PALETTE[0],
    "max pooling": colors.PALETTE[1],
    "dropout": colors.PALETTE[4],
}
# All lengths are inches, as are the axes.
_WIDTH, _ROW = 9.0, 0.42
_BLOCK_HEIGHT, _BLOCK_WIDTH = 0.28, 1.0
_MAPS_HEIGHT, _MAPS_WIDTH = 0.34, 1.5
_BAR_HEIGHT, _BAR_WIDTH = 0.16, 0.95


class _AT:
    """The left side of each column, but the right side of the parameters' numbers."""

    block, operation, shape, maps, parameters, bar = 0.1, 1.3, 4.3, 5.6, 7.95, 8.05


def diagram(layers):
    """Returns a ``Figure``: a block for each layer, from the images at the top to the scores below.

    Beside a block is what it computes; then its output, also as a rectangle, whose height and
    width are the square roots of the side and of the number of the maps; then its number of
    parameters, and their share of all as a bar.

    Args:
      layers: a list of ``architecture.Layer``.
    """
    num_parameters = sum(layer.num_parameters for layer in layers)
    largest = np.sqrt(np.max([layer.shape for layer in layers], 0))
    height = (len(layers) + 2) * _ROW
    with style.figure(_WIDTH, height) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        _draw_headings(axes, _ROW / 2)
        for row, layer in enumerate(layers, 1):
            y = (row + 0.5) * _ROW
            if row > 1:
                _draw_arrow(axes, y - _ROW, y)
            _draw_block(axes, y, layer)
            axes.text(_AT.operation, y, _operation(layer), va="center")
            _draw_output(axes, y, layer, largest)
            if layer.num_parameters:
                _draw_parameters(axes, y, layer.num_parameters, num_parameters)
        y = height - _ROW / 2
        axes.text(_AT.parameters, y, f"{num_parameters:,}", ha="right", va="center")
        axes.text(_AT.bar, y, "in all", va="center")
    return figure


def _draw_headings(axes, y):
    for left, heading, side in (
        (_AT.block + _BLOCK_WIDTH / 2, "layer", "center"),
        (_AT.operation, "operation", "left"),
        (_AT.shape, "output", "left"),
        (_AT.maps, "side \N{MULTIPLICATION SIGN} maps", "left"),
        (_AT.parameters, "parameters", "right"),
    ):
        axes.text(left, y, heading, ha=side, va="center", color=colors.NEUTRAL, fontsize=8)


def _draw_arrow(axes, upper_y, lower_y):
    axes.annotate(
        "",
        (_AT.block + _BLOCK_WIDTH / 2, lower_y - _BLOCK_HEIGHT / 2),
        (_AT.block + _BLOCK_WIDTH / 2, upper_y + _BLOCK_HEIGHT / 2),
        arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7},
    )


def _draw_block(axes, y, layer):
    axes.add_patch(
        FancyBboxPatch(
            (_AT.block, y - _BLOCK_HEIGHT / 2), _BLOCK_WIDTH, _BLOCK_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.05", facecolor="white",
            edgecolor=_COLORS[layer.kind], linewidth=1.5,
        )
    )  # fmt: skip
    axes.text(_AT.block + _BLOCK_WIDTH / 2, y, layer.name, ha="center", va="center")


def _operation(layer):
    """Returns what a layer computes in words."""
    words = [layer.kind]
    if layer.kernel:
        words[0] += " %d \N{MULTIPLICATION SIGN} %d" % layer.kernel
        words += ["stride %d" % layer.stride[0]] if max(layer.stride) > 1 else []
        words += [layer.padding]
    return ", ".join(words) + (" + ReLU" if layer.is_rectified else "")


def _draw_output(axes, y, layer, largest):
    axes.text(_AT.shape, y, " \N{MULTIPLICATION SIGN} ".join(map(str, layer.shape)), va="center")
    side, _, maps = np.sqrt(layer.shape) / largest
    height, width = side * _MAPS_HEIGHT, maps * _MAPS_WIDTH
    axes.add_patch(
        Rectangle(
            (_AT.maps, y - height / 2), width, height, facecolor=_COLORS[layer.kind], linewidth=0
        )
    )


def _draw_parameters(axes, y, count, of_all):
    axes.text(_AT.parameters, y, f"{count:,}", ha="right", va="center")
    axes.add_patch(
        Rectangle(
            (_AT.bar, y - _BAR_HEIGHT / 2), _BAR_WIDTH * count / of_all, _BAR_HEIGHT,
            facecolor=colors.NEUTRAL, linewidth=0,
        )
    )  # fmt: skip
