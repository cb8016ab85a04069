"""The style of what matplotlib draws."""

import contextlib
import warnings

import matplotlib
from matplotlib.figure import Figure

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


class _StyledFigure(Figure):
    """A figure that is saved in the style in which it was drawn."""

    def savefig(self, *args, **kwargs):
        with _style():
            super().savefig(*args, **kwargs)

    def get_tightbbox(self, *args, **kwargs):
        with _style():
            return super().get_tightbbox(*args, **kwargs)


@contextlib.contextmanager
def _style():
    with matplotlib.rc_context(_RC), warnings.catch_warnings():
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
