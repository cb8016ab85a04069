"""The font of text in pictures, matplotlib's for Pillow too."""

import functools
import importlib.util
import os

from PIL import ImageFont

_FONT = os.path.join("fonts", "ttf", "DejaVuSans.ttf")


@functools.lru_cache(maxsize=None)
def font(size_px):
    """Returns matplotlib's own DejaVu Sans for Pillow."""
    return ImageFont.truetype(_font_path(), size_px)


def _font_path():
    # Found without importing matplotlib: training draws cards, and should not wait for it.
    (folder,) = importlib.util.find_spec("matplotlib").submodule_search_locations
    path = os.path.join(folder, "mpl-data", _FONT)
    if os.path.isfile(path):
        return path
    import matplotlib  # As Linux distributions package it, its fonts are elsewhere.

    return os.path.join(matplotlib.get_data_path(), _FONT)
