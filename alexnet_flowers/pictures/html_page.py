"""A page in one file: its pictures are in it, and nothing is loaded from elsewhere."""

import base64
import html
import io
import os
import tempfile
from typing import List, NamedTuple

from PIL import Image

from alexnet_flowers import escapes
from alexnet_flowers.pictures import picture_file

_QUALITY = 88
_STYLE = """
body { font: 15px/1.5 "DejaVu Sans", sans-serif; max-width: 1212px; margin: 2em auto; }
h1, h2 { line-height: 1.2; }
h2 { border-top: 1px solid #ccc; padding-top: 1em; margin-top: 2em; }
figure { margin: 1em 0; overflow-x: auto; }
figcaption { color: #555; font-size: 13px; }
img { max-width: 100%; }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: .15em 1em .15em 0; text-align: left; }
pre { background: #f5f5f5; padding: .8em; white-space: pre-wrap; font-size: 13px; }
"""


class Section(NamedTuple):
    """A part of a page.

    Attributes:
      title: str.
      about: str, a paragraph that says what is seen.
      parts: a list of HTML, of ``picture``, ``table`` and ``code``.
    """

    title: str
    about: str
    parts: List[str]


def picture(drawn, caption=""):
    """Returns a picture as HTML that holds it.

    Args:
      drawn: a matplotlib ``Figure``, which becomes an SVG, or a Pillow image, which becomes a JPEG
        or a PNG, whichever is smaller.
      caption: str.
    """
    kind, content = _image(drawn) if isinstance(drawn, Image.Image) else _figure(drawn)
    data = base64.b64encode(content).decode("ascii")
    text = _text(caption)
    image = '<img alt="%s" src="data:image/%s;base64,%s">' % (text, kind, data)
    return "<figure>%s<figcaption>%s</figcaption></figure>" % (image, text)


def table(header, rows):
    """Returns a table as HTML; every cell is what ``str`` makes of it."""
    lines = ["".join("<th>%s</th>" % _text(cell) for cell in header)]
    lines += ["".join("<td>%s</td>" % _text(cell) for cell in row) for row in rows]
    return "<table>%s</table>" % "\n".join("<tr>%s</tr>" % line for line in lines)


def code(text):
    """Returns lines of text as HTML that keeps them."""
    return "<pre>%s</pre>" % _text(text, "\n")


def page(title, about, sections):
    """Returns a page as HTML, with a table of its contents.

    Args:
      title: str.
      about: str, a paragraph.
      sections: a list of ``Section``.
    """
    contents = " · ".join(
        '<a href="#s%d">%s</a>' % (number, _text(one.title)) for number, one in enumerate(sections)
    )
    body = [
        '<h2 id="s%d">%s</h2>\n<p>%s</p>\n%s'
        % (number, _text(one.title), _text(one.about), "\n".join(one.parts))
        for number, one in enumerate(sections)
    ]
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        "<title>%s</title>\n<style>%s</style></head>\n"
        "<body><h1>%s</h1>\n<p>%s</p>\n<p>%s</p>\n%s\n</body></html>\n"
        % (_text(title), _STYLE, _text(title), _text(about), contents,
           "\n".join(body))
    )  # fmt: skip


def _text(value, kept=""):
    """Returns what ``str`` makes of a value as HTML; see ``escapes.printable``."""
    return html.escape(escapes.printable(str(value), kept))


def _image(image):
    encoded = {}
    for kind, options in (("jpeg", {"quality": _QUALITY}), ("png", {"optimize": True})):
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, kind, **options)
        encoded[kind] = buffer.getvalue()
    kind = min(sorted(encoded), key=lambda one: len(encoded[one]))
    return kind, encoded[kind]


def _figure(figure):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figure.svg")
        picture_file.save(figure, path, picture_file.Origin("", ""))
        with open(path, "rb") as file:
            return "svg+xml", file.read()
