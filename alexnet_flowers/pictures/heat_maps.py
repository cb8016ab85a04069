"""Heat maps over photos."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from PIL import Image

from alexnet_flowers.pictures import colors

_OPACITY = 0.6
_PALENESS = 0.6


def over_photo(photo, heat, fraction):
    """Lays heat over the middle of a photo, in the colors of ``colors.COLOR_MAP``.

    The photo is gray beneath it, and paler around it. The darkest color is 0, the lightest the
    maximum; where there is no heat at all, everything is dark.

    Args:
      photo: a Pillow image, RGB.
      heat: float [rows, columns], at least 0; over the middle of the photo.
      fraction: float, which part of each side of the photo the heat covers.

    Returns:
      A Pillow image, as large as the photo.
    """
    gray = photo.convert("L").convert("RGB")
    shown = Image.blend(gray, Image.new("RGB", gray.size, "white"), _PALENESS)
    left, top = (int((side - side * fraction) / 2) for side in gray.size)
    box = (left, top, gray.width - left, gray.height - top)
    in_colors = ScalarMappable(Normalize(0, heat.max() or 1.0), colors.COLOR_MAP)
    colored = Image.fromarray(in_colors.to_rgba(np.asarray(heat), bytes=True)[..., :3])
    size = (box[2] - box[0], box[3] - box[1])
    shown.paste(
        Image.blend(gray.crop(box), colored.resize(size, Image.BILINEAR), _OPACITY), box[:2]
    )
    return shown
