"""Cards: a photo, its class, and the network's answer; and sheets of cards."""

import numpy as np
from PIL import Image, ImageDraw

from alexnet_flowers.pictures import colors, fonts

PHOTO_PX = 192
_MARGIN_PX = 6
_LINE_PX = 18
_FONT_PX = 11
_MAX_BARS = 5
_TRACK_COLOR = "#eee"


def card(photo, probabilities, class_names, label=None, beside=None, caption=None):
    """Returns a card, a Pillow image; those of the same number of classes have the same size.

    The bars are those of the likeliest classes; the true class has a blue one, a wrong answer a
    vermilion one and a frame of that color, and a cross before the true class's name.

    Args:
      photo: a Pillow image, or uint8 [height, width, 3]; fitted into a box of ``PHOTO_PX``.
      probabilities: float [classes], the softmax.
      class_names: list of str.
      label: int, the true class id, or None.
      beside: a second picture, likewise, in a box on the right of the photo's; or None.
      caption: str, what stands beneath that picture.
    """
    answer = int(np.argmax(probabilities))
    is_wrong = label is not None and answer != label
    best = np.argsort(-np.asarray(probabilities), kind="stable")[:_MAX_BARS]
    pictures = [photo] if beside is None else [photo, beside]
    box_px = PHOTO_PX + _MARGIN_PX
    width = len(pictures) * box_px + _MARGIN_PX
    height = PHOTO_PX + 3 * _MARGIN_PX + _LINE_PX * (len(best) + 1)
    drawn = Image.new("RGB", (width, height), "white")
    for number, picture in enumerate(pictures):
        _paste_photo(drawn, picture, _MARGIN_PX + number * box_px)

    draw = ImageDraw.Draw(drawn)
    top = PHOTO_PX + 2 * _MARGIN_PX
    truth = "" if label is None else "is: %s" % class_names[label]
    mark = "\N{MULTIPLICATION X} " if is_wrong else ""
    write(draw, _MARGIN_PX, top, mark + truth, PHOTO_PX, colors.WRONG if is_wrong else "black")
    if caption:
        write(draw, _MARGIN_PX + box_px, top, caption, PHOTO_PX)
    for line, class_id in enumerate(best, 1):
        color = colors.NEUTRAL
        if class_id == label:
            color = colors.RIGHT
        elif class_id == answer and is_wrong:
            color = colors.WRONG
        y = top + line * _LINE_PX
        _bar(draw, y, width, class_names[class_id], float(probabilities[class_id]), color)
    if is_wrong:
        draw.rectangle((0, 0, width - 1, height - 1), outline=colors.WRONG, width=3)
    return drawn


def fitted(photo, side_px):
    """Returns a Pillow image scaled to touch the sides of a square, the narrowest a pixel wide."""
    scale = side_px / max(photo.size)
    return photo.resize([max(1, round(side * scale)) for side in photo.size], Image.BICUBIC)


def sheet(cards, num_columns=None):
    """Returns a Pillow image of cards of one size, laid out in rows.

    Args:
      cards: a list of Pillow images, at least one.
      num_columns: int; None: about as many as rows, but at most ten.
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


def _paste_photo(drawn, photo, left):
    """Fits a photo into its box, in the middle."""
    photo = photo if isinstance(photo, Image.Image) else Image.fromarray(photo)
    photo = fitted(photo, PHOTO_PX)
    top = _MARGIN_PX + (PHOTO_PX - photo.height) // 2
    drawn.paste(photo, (left + (PHOTO_PX - photo.width) // 2, top))


def _bar(draw, y, width, name, probability, color):
    """Draws a class: its name and its probability above a bar."""
    bar_width = width - 2 * _MARGIN_PX
    length = round(bar_width * probability)
    draw.rectangle((_MARGIN_PX, y + 13, _MARGIN_PX + bar_width, y + 15), _TRACK_COLOR)
    if length:
        draw.rectangle((_MARGIN_PX, y + 13, _MARGIN_PX + length, y + 15), color)
    value = "%.3f" % probability
    value_width = _width(value)
    write(draw, width - _MARGIN_PX - value_width, y - 2, value, width)
    write(draw, _MARGIN_PX, y - 2, name, bar_width - value_width - _MARGIN_PX)


def _width(text):
    return fonts.font(_FONT_PX).getlength(text)


def write(draw, left, top, text, max_width, color="black", kept=""):
    """Writes a line, shortened to so many px; what is ``kept`` stays at its end."""
    if _width(text + kept) > max_width:
        kept = "\N{HORIZONTAL ELLIPSIS}" + kept
        while text and _width(text + kept) > max_width:
            text = text[:-1]
    draw.text((left, top), text + kept, fill=color, font=fonts.font(_FONT_PX))
