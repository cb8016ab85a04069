"""Pictures as files, which say beneath and in their metadata what they show, of which run."""

import os
import re
import textwrap
from typing import NamedTuple

from PIL import Image, ImageDraw, PngImagePlugin

from alexnet_flowers import atomic, escapes
from alexnet_flowers.pictures import colors, fonts

# Of what is drawn with lines and letters, and of what consists of pixels.
DIAGRAM_FORMATS = ("svg", "pdf", "png")
PHOTO_FORMATS = ("png",)
_DPI = 110
# Of the line beneath a picture.
_FONT_PX, _LETTER_PX, _LINE_PX = 11, 6.5, 16
_FONT_PT, _LETTERS_AN_IN = 8, 16
_MIN_LETTERS = 40
# In an SVG: the coordinates, their digits from the third on, and the indentation.
_COORDINATES = re.compile(r'(?<= [dxy]=")[^"]*')
_LONG = re.compile(r"(\.\d\d)\d+")
_INDENTATION = re.compile(r"\n +(?=<)")


class Origin(NamedTuple):
    """Where a picture comes from.

    Attributes:
      title: what it shows, and of which run and step; it is written beneath the picture, too.
      command: the command that made it.
    """

    title: str
    command: str


def kind_of(path):
    """Returns the suffix of a file's name, without the dot, in small letters."""
    return os.path.splitext(path)[1][1:].lower()


def save(picture, path, origin, kind=None):
    """Saves a picture, whole or not at all, with its title beneath and its ``Origin`` as metadata.

    Args:
      picture: a Pillow ``Image``, or a matplotlib ``Figure`` of ``style.figure``.
      path: the file, in a folder that is there.
      origin: an ``Origin``.
      kind: of a figure, one of ``DIAGRAM_FORMATS``, by default the suffix; an image becomes a PNG.

    Raises:
      OSError: it cannot be written; nothing is left of it.
    """
    origin = Origin(*map(escapes.printable, origin))
    with atomic.replacing(path) as partial:
        if isinstance(picture, Image.Image):
            _save_image(picture, partial, origin)
        else:
            kind = kind or kind_of(path)
            _save_figure(picture, partial, kind, origin)


def _save_image(image, path, origin):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", origin.title)
    info.add_text("Description", origin.command)
    _with_title(image, origin.title).save(path, "PNG", pnginfo=info)


def _with_title(image, title):
    """Returns an image with a title beneath it."""
    lines = textwrap.wrap(title, max(_MIN_LETTERS, int(image.width / _LETTER_PX)))
    font = fonts.font(_FONT_PX)
    widths = [font.getlength(line) for line in lines]
    width = max([image.width] + [int(one) + 8 for one in widths])
    titled = Image.new("RGB", (width, image.height + _LINE_PX * len(lines) + 4), "white")
    titled.paste(image, ((width - image.width) // 2, 0))
    for number, (line, line_width) in enumerate(zip(lines, widths)):
        place = (width - line_width) / 2, image.height + 2 + _LINE_PX * number
        ImageDraw.Draw(titled).text(place, line, fill=colors.NEUTRAL, font=font)
    return titled


def _save_figure(figure, path, kind, origin):
    # Without a date: the same figure is the same file.
    metadata = {
        "svg": {"Title": origin.title, "Description": origin.command, "Date": None},
        "pdf": {"Title": origin.title, "Subject": origin.command, "CreationDate": None},
        "png": {"Title": origin.title, "Description": origin.command},
    }[kind]
    # Here, as training, which draws no diagrams, imports this module and should not wait for them.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from alexnet_flowers.pictures import style

    width_in, height_in = figure.get_size_inches()
    lines = textwrap.wrap(origin.title, max(_MIN_LETTERS, int(width_in * _LETTERS_AN_IN)))
    lowest = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()).y0 / height_in
    title = figure.text(
        0.5, lowest - 0.06 / height_in, "\n".join(map(style.plain, lines)), ha="center", va="top",
        fontsize=_FONT_PT, color=colors.NEUTRAL,
    )  # fmt: skip
    figure.savefig(path, format=kind, dpi=_DPI, bbox_inches="tight", metadata=metadata)
    title.remove()  # It may be saved again.
    if kind == "svg":
        _shorten(path)


def _shorten(svg_path):
    """Halves a file: a hundredth of a point is exact enough, and nobody reads the indentation."""
    with open(svg_path, encoding="utf-8") as file:
        svg = _INDENTATION.sub("\n", file.read())
    with open(svg_path, "w", encoding="utf-8") as file:
        file.write(_COORDINATES.sub(lambda found: _LONG.sub(r"\1", found.group()), svg))
