"""Cards: a photo, what it is, and what the network takes it for; and sheets of them."""

import numpy as np
from PIL import Image, ImageDraw

from alexnet_flowers.pictures import style

PHOTO_PX = 192
_MARGIN_PX = 6
_LINE_PX = 18
_FONT_PX = 11
_MOST_BARS = 5


def card(photo, probabilities, class_names, label=None, photo_px=PHOTO_PX):
    """Draws a card.

    The bars are those of the likeliest classes; the true class has a blue one, a wrong answer a
    vermilion one and a frame of that color, and a cross before its name.

    Args:
      photo: a Pillow image, or uint8 [height, width, 3].
      probabilities: float [classes], the softmax.
      class_names: list of str.
      label: int, the true class id, or None.
      photo_px: the photo's box on the card; it is fitted in.

    Returns:
      A Pillow image; cards of the same number of classes and photo size have the same size.
    """
    photo = photo.copy() if isinstance(photo, Image.Image) else Image.fromarray(photo)
    scale = photo_px / float(max(photo.size))
    photo = photo.resize([max(1, int(round(side * scale))) for side in photo.size], Image.BICUBIC)
    answer = int(np.argmax(probabilities))
    is_wrong = label is not None and answer != label
    best = np.argsort(-np.asarray(probabilities), kind="stable")[:_MOST_BARS]

    width = photo_px + 2 * _MARGIN_PX
    height = photo_px + 3 * _MARGIN_PX + _LINE_PX * (len(best) + 1)
    drawn = Image.new("RGB", (width, height), "white")
    drawn.paste(photo, ((width - photo.width) // 2, _MARGIN_PX + (photo_px - photo.height) // 2))
    draw = ImageDraw.Draw(drawn)

    top = photo_px + 2 * _MARGIN_PX
    truth = "" if label is None else "is: %s" % class_names[label]
    mark = "\N{MULTIPLICATION X} " if is_wrong else ""
    _text(draw, _MARGIN_PX, top, mark + truth, style.WRONG if is_wrong else "black", width)
    room = width - 2 * _MARGIN_PX
    for line, class_id in enumerate(best, 1):
        y = top + line * _LINE_PX
        color = style.NEUTRAL
        if class_id == label:
            color = style.RIGHT
        elif class_id == answer and is_wrong:
            color = style.WRONG
        bar = int(round(room * float(probabilities[class_id])))
        draw.rectangle((_MARGIN_PX, y + 13, _MARGIN_PX + room, y + 15), "#eee")
        if bar:
            draw.rectangle((_MARGIN_PX, y + 13, _MARGIN_PX + bar, y + 15), color)
        value = "%.3f" % probabilities[class_id]
        value_width = _width(draw, value)
        _text(draw, width - _MARGIN_PX - value_width, y - 2, value, "black", width)
        _text(
            draw, _MARGIN_PX, y - 2, class_names[class_id], "black", room - value_width - _MARGIN_PX
        )
    if is_wrong:
        draw.rectangle((0, 0, width - 1, height - 1), outline=style.WRONG, width=3)
    return drawn


def sheet(cards, num_columns=None):
    """Lays cards of one size out in rows.

    Args:
      cards: a list of Pillow images, at least one.
      num_columns: int; None: about as wide as high, but at most ten.

    Returns:
      A Pillow image.
    """
    if num_columns is None:
        num_columns = min(10, int(np.ceil(np.sqrt(len(cards)))))
    width, height = cards[0].size
    num_rows = -(-len(cards) // num_columns)
    laid_out = Image.new("RGB", (width * num_columns, height * num_rows), "white")
    for number, one in enumerate(cards):
        row, column = divmod(number, num_columns)
        laid_out.paste(one, (column * width, row * height))
    return laid_out


def _width(draw, text):
    return draw.textlength(text, font=style.font(_FONT_PX))


def _text(draw, left, top, text, color, room):
    """Writes a line, shortened to its room."""
    if _width(draw, text) > room:
        while text and _width(draw, text + "\N{HORIZONTAL ELLIPSIS}") > room:
            text = text[:-1]
        text += "\N{HORIZONTAL ELLIPSIS}"
    draw.text((left, top), text, fill=color, font=style.font(_FONT_PX))
