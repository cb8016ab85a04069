"""What excites units: a square of patches for each."""

from PIL import Image, ImageDraw, ImageOps

from alexnet_flowers.pictures import cards

PATCH_PX = 56
_PER_SIDE = 3
PER_UNIT = _PER_SIDE**2
_GAP_PX = 1
_MARGIN_PX = 5
_LINE_PX = 16
# Where a unit has no patch.
_EMPTY_COLOR = "#ddd"


def units(patches, captions, num_columns=None):
    """Returns a Pillow image of each unit's patches, a square, row by row, with a caption above.

    Args:
      patches: a list of a list of uint8 [size, size, 3] for each unit, at most ``PER_UNIT``.
      captions: a list of str, one for each unit; of a long one what is before ": " is shortened.
      num_columns: see ``cards.sheet``.
    """
    return cards.sheet([_unit(*one) for one in zip(patches, captions)], num_columns)


def _unit(patches, caption):
    empty = Image.new("RGB", (PATCH_PX, PATCH_PX), _EMPTY_COLOR)
    shown = [Image.fromarray(patch).resize(empty.size, Image.BICUBIC) for patch in patches]
    shown += [empty] * (PER_UNIT - len(shown))
    frame = (0, 0, _GAP_PX, _GAP_PX)
    square = cards.sheet([ImageOps.expand(one, frame, "white") for one in shown], _PER_SIDE)
    drawn = ImageOps.expand(square, _MARGIN_PX, "white")
    drawn = ImageOps.expand(drawn, (0, _LINE_PX, 0, 0), "white")
    end = caption.rfind(": ") if ": " in caption else len(caption)
    name, value = caption[:end], caption[end:]
    cards.write(ImageDraw.Draw(drawn), _MARGIN_PX, 2, name, square.width, kept=value)
    return drawn
