"""Small images side by side: kernels and feature maps."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from PIL import Image, ImageDraw, ImageOps

from alexnet_flowers.pictures import cards, colors, fonts

_GAP_PX = 2
_MAX_COLUMNS = 16
_LABEL_PX, _LABEL_FONT_PX = 13, 9
_BAR_PX = 8


def kernels(weights, scale=8):
    """Returns a Pillow image of the kernels of a layer that sees colors.

    All share one scale: gray is 0, and the largest magnitude among them is black or white. So a
    kernel that has learned nothing looks like noise on gray, beside one that has.

    Args:
      weights: float [height, width, 3, units].
      scale: int, px of a weight.
    """
    images = np.moveaxis(np.asarray(weights), -1, 0)
    largest = np.abs(images).max() or 1.0
    return grid(np.uint8(np.round((images / largest + 1) * 127.5)), scale)


def feature_maps(maps, scale, labels):
    """Draws maps in the colors of ``colors.COLOR_MAP``, whose scale stands beneath them.

    Args:
      maps: float [count, rows, columns].
      scale: int, px of a value.
      labels: list of str, what is written beneath each map.

    Returns:
      A Pillow image; 0 (or what is less) is dark, the maps' common maximum light.
    """
    maps = np.asarray(maps)
    low, high = min(0.0, maps.min()), maps.max()
    drawn = grid(colored(maps, low, high if high > low else low + 1), scale, labels)
    ramp = colored(np.linspace(0, 1, drawn.width)[np.newaxis], 0, 1).repeat(_BAR_PX, 0)
    bar = grid(ramp[np.newaxis], 1, ["%.3g" % low])
    ends = "%.3g" % high
    _write(bar, bar.width - _width(ends) - _GAP_PX, _GAP_PX + _BAR_PX, ends)
    return _together((drawn, 0, 0), (bar, 0, drawn.height))


def colored(values, low, high):
    """Returns an array of any shape in the colors of ``colors.COLOR_MAP``, uint8 [..., 3]."""
    # Of an image's shape, [..., 3], it would take the values for colors.
    in_colors = ScalarMappable(Normalize(low, high), colors.COLOR_MAP)
    flat = in_colors.to_rgba(values.ravel(), bytes=True)
    return flat.reshape(values.shape + (4,))[..., :3]


def _together(*placed):
    """Returns images on white, each given with its left and top."""
    width = max(left + image.width for image, left, _ in placed)
    height = max(top + image.height for image, _, top in placed)
    laid_out = Image.new("RGB", (width, height), "white")
    for image, left, top in placed:
        laid_out.paste(image, (left, top))
    return laid_out


def num_columns(count):
    """Returns how many tiles of ``count`` stand in a row."""
    return min(_MAX_COLUMNS, int(np.ceil(np.sqrt(count))))


def grid(tiles, scale, labels=()):
    """Returns a Pillow image of tiles in rows of ``num_columns``, each value as a square.

    Args:
      tiles: uint8 [count, height, width, 3].
      scale: int, px of a value.
      labels: a list of str, written beneath each tile, which has room for them; none by default.
    """
    count, height, width = tiles.shape[:3]
    missing = max(map(_width, labels), default=0) - width * scale
    frame = (0, 0, _GAP_PX + max(0, missing), _GAP_PX + (_LABEL_PX if labels else 0))
    drawn = []
    for number, tile in enumerate(tiles):
        image = Image.fromarray(tile).resize((width * scale, height * scale), Image.NEAREST)
        drawn.append(ImageOps.expand(image, frame, "white"))
        if labels:
            _write(drawn[-1], 0, image.height, labels[number])
    laid_out = cards.sheet(drawn, num_columns(count))
    return ImageOps.expand(laid_out, (_GAP_PX, _GAP_PX, 0, 0), "white")


def _width(text):
    """Returns how many px wide a label is."""
    return int(np.ceil(fonts.font(_LABEL_FONT_PX).getlength(text)))


def _write(image, left, top, text):
    font = fonts.font(_LABEL_FONT_PX)
    ImageDraw.Draw(image).text((left, top), text, fill="black", font=font)


def beside(left, right):
    """Returns two Pillow images side by side, on white."""
    return _together((left, 0, 0), (right, left.width + _GAP_PX, 0))
