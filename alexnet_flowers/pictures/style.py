"""What all pictures share: colors, a font, and how they are saved."""

import collections
import functools
import os
import re

import matplotlib
from PIL import Image, ImageFont, PngImagePlugin

from alexnet_flowers import atomic
from alexnet_flowers.errors import UsageError

# Okabe and Ito, 2008: eight colors that people with any kind of color blindness can tell apart.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
RIGHT, WRONG, NEUTRAL = PALETTE[0], PALETTE[3], "#767676"

# Those of them that a line on white is seen in; so many runs can be told apart.
LINE_COLORS = PALETTE[:6]

# For quantities: dark to light in one direction, also in gray.
COLOR_MAP = "viridis"

DIAGRAM_FORMATS = ("svg", "pdf", "png")
_PHOTO_FORMATS = ("png",)
_DPI = 110
# The coordinates of an SVG, what is too exact in them, and the indentation.
_COORDINATES = re.compile(r'(?<= [dxy]=")[^"]*')
_LONG = re.compile(r"(\.\d\d)\d+")
_INDENTATION = re.compile(r"\n +(?=<)")

_RC = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "axes.titlesize": 10,
    "legend.frameon": False,
    "svg.hashsalt": "alexnet_flowers",  # The same figure is the same file.
    "svg.fonttype": "path",
}

Origin = collections.namedtuple("Origin", ["title", "command"])
Origin.__doc__ = """Where a picture comes from, for its metadata.

Attributes:
  title: str, what it shows, and of which run.
  command: str, the command that made it.
"""


def figure(width_in, height_in, draw):
    """Returns a matplotlib ``Figure`` on which ``draw(figure)`` has drawn, in this style."""
    # Here, as it takes 0.2 s: training, which draws cards only, should not wait for it.
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_RC):
        drawn = Figure(figsize=(width_in, height_in))
        draw(drawn)
        return drawn


def plain(text):
    """Returns text for matplotlib, which otherwise reads what is between two ``$`` as a formula."""
    return text.replace("$", r"\$")


def check_output(path, of_photos=False):
    """Raises ``UsageError`` unless a picture can have this file name."""
    formats = _PHOTO_FORMATS if of_photos else DIAGRAM_FORMATS
    suffixes = ["." + kind for kind in formats]
    if os.path.isdir(path) or os.path.splitext(path)[1].lower() not in suffixes:
        raise UsageError("%s: must be the name of a file, *%s" % (path, " or *".join(suffixes)))


def save(picture, path, origin):
    """Saves a picture, whole or not at all, with its ``Origin`` in its metadata.

    Args:
      picture: a matplotlib ``Figure`` or a Pillow ``Image``.
      path: its folder is made if need be.
      origin: an ``Origin``.

    Raises:
      OSError: it cannot be written; nothing is left of it.
      UsageError: see ``check_output``.
    """
    is_image = isinstance(picture, Image.Image)
    check_output(path, of_photos=is_image)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with atomic.replacing(path) as partial:
        if is_image:
            info = PngImagePlugin.PngInfo()
            info.add_text("Title", origin.title)
            info.add_text("Description", origin.command)
            picture.save(partial, "PNG", pnginfo=info)
        else:
            _save_figure(picture, partial, os.path.splitext(path)[1][1:].lower(), origin)


def _save_figure(drawn, path, kind, origin):
    metadata = {
        "svg": {"Title": origin.title, "Description": origin.command, "Date": None},
        "pdf": {"Title": origin.title, "Subject": origin.command, "CreationDate": None},
        "png": {"Title": origin.title, "Description": origin.command},
    }[kind]
    with matplotlib.rc_context(_RC):
        drawn.savefig(path, format=kind, dpi=_DPI, bbox_inches="tight", metadata=metadata)
    if kind == "svg":
        _shorten(path)


def _shorten(svg_path):
    """Halves a file: a hundredth of a point is exact enough, and nobody reads the indentation."""
    with open(svg_path, encoding="utf-8") as file:
        svg = _INDENTATION.sub("\n", file.read())
    with open(svg_path, "w", encoding="utf-8") as file:
        file.write(_COORDINATES.sub(lambda found: _LONG.sub(r"\1", found.group()), svg))


@functools.lru_cache(maxsize=None)
def font(size_px):
    """Returns matplotlib's own DejaVu Sans for Pillow, so that text looks alike everywhere."""
    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, size_px)
