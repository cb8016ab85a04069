"""Pictures as files, which say in their metadata what they show and which command made them."""

import os
import re
from typing import NamedTuple

from PIL import Image, PngImagePlugin

from alexnet_flowers import atomic
from alexnet_flowers.errors import UsageError

DIAGRAM_FORMATS = ("svg", "pdf", "png")
_PHOTO_FORMATS = ("png",)
_DPI = 110
# In an SVG: the coordinates, their digits from the third on, and the indentation.
_COORDINATES = re.compile(r'(?<= [dxy]=")[^"]*')
_LONG = re.compile(r"(\.\d\d)\d+")
_INDENTATION = re.compile(r"\n +(?=<)")


class Origin(NamedTuple):
    """Where a picture comes from, for its metadata.

    Attributes:
      title: what it shows, and of which run.
      command: the command that made it.
    """

    title: str
    command: str


def check_output(path, of_photos=False):
    """Raises ``UsageError`` unless a picture can have this file name."""
    formats = _PHOTO_FORMATS if of_photos else DIAGRAM_FORMATS
    suffixes = ["." + kind for kind in formats]
    if os.path.isdir(path) or os.path.splitext(path)[1].lower() not in suffixes:
        raise UsageError("%s: must be the name of a file, *%s" % (path, " or *".join(suffixes)))


def save(picture, path, origin):
    """Saves a picture, whole or not at all, with its ``Origin`` in its metadata.

    Args:
      picture: a Pillow ``Image``, or a matplotlib ``Figure`` of ``style.figure``.
      path: the file; its folder is made if need be.
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
            _save_image(picture, partial, origin)
        else:
            _save_figure(picture, partial, os.path.splitext(path)[1][1:].lower(), origin)


def _save_image(image, path, origin):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", origin.title)
    info.add_text("Description", origin.command)
    image.save(path, "PNG", pnginfo=info)


def _save_figure(figure, path, kind, origin):
    # Without a date: the same figure is the same file.
    metadata = {
        "svg": {"Title": origin.title, "Description": origin.command, "Date": None},
        "pdf": {"Title": origin.title, "Subject": origin.command, "CreationDate": None},
        "png": {"Title": origin.title, "Description": origin.command},
    }[kind]
    figure.savefig(path, format=kind, dpi=_DPI, bbox_inches="tight", metadata=metadata)
    if kind == "svg":
        _shorten(path)


def _shorten(svg_path):
    """Halves a file: a hundredth of a point is exact enough, and nobody reads the indentation."""
    with open(svg_path, encoding="utf-8") as file:
        svg = _INDENTATION.sub("\n", file.read())
    with open(svg_path, "w", encoding="utf-8") as file:
        file.write(_COORDINATES.sub(lambda found: _LONG.sub(r"\1", found.group()), svg))
