"""Heat maps over photos."""

from PIL import Image

from alexnet_flowers.pictures import tiles

_OPACITY = 0.6
_PALENESS = 0.6


def over_photo(photo, heat, fraction):
    """Returns a photo with heat over its middle, in ``colors.COLOR_MAP``: a Pillow image.

    The photo is gray beneath it, and paler around it. The darkest color is 0, the lightest the
    maximum; where there is no heat at all, everything is dark.

    Args:
      photo: a Pillow image, RGB.
      heat: float [rows, columns], at least 0; over the middle of the photo.
      fraction: float, which part of each side of the photo the heat covers.
    """
    gray = photo.convert("L").convert("RGB")
    shown = Image.blend(gray, Image.new("RGB", gray.size, "white"), _PALENESS)
    left, top = (int((side - side * fraction) / 2) for side in gray.size)
    box = (left, top, gray.width - left, gray.height - top)
    seen = gray.crop(box)
    over = Image.fromarray(tiles.colored(heat, 0, heat.max() or 1.0))
    shown.paste(Image.blend(seen, over.resize(seen.size, Image.BILINEAR), _OPACITY), box[:2])
    return shown
