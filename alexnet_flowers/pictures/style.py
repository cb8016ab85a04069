"""The style of what matplotlib draws."""

import matplotlib
from matplotlib.figure import Figure

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
        with matplotlib.rc_context(_RC):
            super().savefig(*args, **kwargs)


def figure(width_in, height_in, draw):
    """Returns a matplotlib ``Figure`` on which ``draw(figure)`` has drawn, in this style."""
    with matplotlib.rc_context(_RC):
        drawn = _StyledFigure(figsize=(width_in, height_in))
        draw(drawn)
        return drawn


def plain(text):
    """Returns text for matplotlib, which otherwise reads what is between two ``$`` as a formula."""
    return text.replace("$", r"\$")
