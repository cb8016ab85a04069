"""What excites units: a square of patches for each."""

from PIL import Image, ImageDraw

from alexnet_flowers.pictures import cards, fonts

PATCH_PX = 56
_PER_SIDE = 3
PER_UNIT = _PER_SIDE**2
_GAP_PX = 1
_MARGIN_PX = 5
_LINE_PX = 16
_FONT_PX = 11
# Where a unit has no patch.
_EMPTY_COLOR = "#ddd"


def units(patches, captions, num_columns=None):
    """Draws the patches of each unit as a square, row by row, with a caption above.

    Args:
      patches: a list of a list of uint8 [size, size, 3] for each unit, at most ``PER_UNIT``.
      captions: a list of str, one for each unit.
      num_columns: see ``cards.sheet``.

    Returns:
      A Pillow image.
    """
    return cards.sheet([_unit(*one) for one in zip(patches, captions)], num_columns)


def _unit(patches, caption):
    step = PATCH_PX + _GAP_PX
    width = _PER_SIDE * step + 2 * _MARGIN_PX
    drawn = Image.new("RGB", (width, width + _LINE_PX), "white")
    draw = ImageDraw.Draw(drawn)
    draw.text((_MARGIN_PX, 2), caption, fill="black", font=fonts.font(_FONT_PX))
    for number in range(PER_UNIT):
        row, column = divmod(number, _PER_SIDE)
        left, top = _MARGIN_PX + column * step, _LINE_PX + _MARGIN_PX + row * step
        if number < len(patches):
            patch = Image.fromarray(patches[number]).resize((PATCH_PX, PATCH_PX), Image.BICUBIC)
            drawn.paste(patch, (left, top))
        else:
            box = (left, top, left + PATCH_PX - 1, top + PATCH_PX - 1)
            draw.rectangle(box, _EMPTY_COLOR)
    return drawn
