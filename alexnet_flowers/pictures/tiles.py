"""Small images side by side: kernels and feature maps."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from PIL import Image

from alexnet_flowers.pictures import colors

_GAP_PX = 2
_MAX_COLUMNS = 16


def kernels(weights, scale=8):
    """Draws the kernels of a layer that sees colors.

    All share one scale: gray is 0, and the largest magnitude among them is black or white. So a
    kernel that has learned nothing looks like noise on gray, beside one that has.

    Args:
      weights: float [height, width, 3, units].
      scale: int, px of a weight.

    Returns:
      A Pillow image.
    """
    images = np.moveaxis(np.asarray(weights), -1, 0)
    largest = np.abs(images).max() or 1.0
    return grid(np.uint8(np.round((images / largest + 1) * 127.5)), scale)


def feature_maps(maps, scale):
    """Draws maps in the colors of ``colors.COLOR_MAP``: 0 is dark, their common maximum light.

    Args:
      maps: float [count, rows, columns], at least 0.
      scale: int, px of a value.

    Returns:
      A Pillow image.
    """
    maps = np.asarray(maps)
    # Of an image's shape, [..., 3], it would take the values for colors.
    in_colors = ScalarMappable(Normalize(0, maps.max() or 1.0), colors.COLOR_MAP)
    colored = in_colors.to_rgba(maps.ravel(), bytes=True).reshape(maps.shape + (4,))
    return grid(colored[..., :3], scale)


def num_columns(count):
    """Returns how many tiles of ``count`` stand in a row."""
    return min(_MAX_COLUMNS, int(np.ceil(np.sqrt(count))))


def grid(tiles, scale):
    """Lays tiles out in rows, each value as a square.

    Args:
      tiles: uint8 [count, height, width, 3].
      scale: int, px of a value.

    Returns:
      A Pillow image; the tile ``i`` is at row ``i // num_columns(count)``.
    """
    count, height, width = tiles.shape[:3]
    columns = num_columns(count)
    rows = -(-count // columns)
    laid_out = Image.new(
        "RGB",
        (
            columns * (width * scale + _GAP_PX) + _GAP_PX,
            rows * (height * scale + _GAP_PX) + _GAP_PX,
        ),
        "white",
    )
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        image = Image.fromarray(tile).resize((width * scale, height * scale), Image.NEAREST)
        laid_out.paste(
            image,
            (
                column * (width * scale + _GAP_PX) + _GAP_PX,
                row * (height * scale + _GAP_PX) + _GAP_PX,
            ),
        )
    return laid_out


def beside(left, right):
    """Returns two Pillow images side by side, on white."""
    laid_out = Image.new(
        "RGB", (left.width + _GAP_PX + right.width, max(left.height, right.height)), "white"
    )
    laid_out.paste(left, (0, 0))
    laid_out.paste(right, (left.width + _GAP_PX, 0))
    return laid_out
