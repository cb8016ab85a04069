"""The style of what matplotlib draws."""

import contextlib
import warnings

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from alexnet_flowers import escapes
from alexnet_flowers.pictures import colors

_RC = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=colors.PALETTE),
    "axes.titlesize": 10,
    "legend.frameon": False,
    "svg.hashsalt": "alexnet_flowers",  # The same figure is the same file.
    "svg.fonttype": "path",
}
# Of an image's longer side. Each panel keeps a copy of all pixels that it is given.
_MAX_PX = 1024


class _StyledFigure(Figure):
    """A figure that is saved, and gets its title, in the style in which it was drawn."""

    def text(self, *args, **kwargs):
        with _style():
            return super().text(*args, **kwargs)

    def savefig(self, *args, **kwargs):
        with _style():
            super().savefig(*args, **kwargs)

    def get_tightbbox(self, *args, **kwargs):
        with _style():
            return super().get_tightbbox(*args, **kwargs)


@contextlib.contextmanager
def _style():
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # A person's matplotlibrc may ask for LaTeX, or black paper.
        matplotlib.rcParams.update(_RC)
        # A letter that the font lacks is a box; that is to be seen.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@contextlib.contextmanager
def figure(width_in, height_in):
    """Yields a matplotlib ``Figure`` to draw on, in this style."""
    with _style():
        yield _StyledFigure(figsize=(width_in, height_in))


def plain(text):
    """Returns text for matplotlib, which otherwise reads what is between two ``$`` as a formula.

    What begins with ``_`` it leaves out of legends, hence the space before that.
    """
    shown = escapes.printable(text).replace("$", r"\$")
    return " " + shown if shown.startswith("_") else shown


def show(panel, image, **look):
    """Shows an image, whose pixels are the panel's units; of a large one only what can be seen.

    Args:
      panel: matplotlib's.
      image: uint8 [height, width, 3] or [height, width]; a small one of any type.
      **look: of ``imshow``.
    """
    height, width = image.shape[:2]
    if max(height, width) > _MAX_PX:
        scaled = Image.fromarray(image)
        scaled.thumbnail((_MAX_PX, _MAX_PX))
        image = np.asarray(scaled)
    panel.imshow(image, extent=(-0.5, width - 0.5, height - 0.5, -0.5), **look)
