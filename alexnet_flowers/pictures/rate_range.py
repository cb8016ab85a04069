"""The curve of a learning-rate range test."""

import numpy as np
from matplotlib.ticker import LogLocator, NullLocator

from alexnet_flowers.pictures import colors, style


def curve(rates, losses, smoothed, suggestion, caption):
    """Returns a ``Figure`` of the loss over the rate: thin as measured, strong as smoothed.

    Args:
      rates: float [n], ascending, at least one; their axis is logarithmic.
      losses: float [n], the cross entropy.
      smoothed: float [n].
      suggestion: float, which becomes a line, or None.
      caption: str, of which run, under the curve.
    """
    with style.figure(6, 3.2) as figure:
        panel = figure.subplots()
        color = colors.LINE_COLORS[0]
        panel.plot(rates, losses, color=color, linewidth=0.8, alpha=0.4, label="a batch")
        panel.plot(rates, smoothed, color=color, linewidth=1.8, label="smoothed")
        if suggestion is not None:
            panel.axvline(
                suggestion,
                color="black",
                linestyle="--",
                linewidth=1,
                label="suggested: %g" % suggestion,
            )
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=12))
        panel.xaxis.set_minor_locator(NullLocator())
        low, first = np.min(smoothed), smoothed[0]
        panel.set_ylim(max(0, low - 0.3), max(first, low + 0.5) * 1.5)
        panel.set_xlabel("learning rate\n" + style.plain(caption))
        panel.set_ylabel("cross entropy")
        panel.grid(axis="y", linewidth=0.5, alpha=0.4)
        panel.legend(loc="upper left")
    return figure
