"""The class scores over a photo."""

import numpy as np

from alexnet_flowers.inference.score_map import STRIDE_PX, WINDOW_PX
from alexnet_flowers.pictures import style

_PANEL_IN = 2.3
_MAX_COLUMNS = 3


def score_map(mapped, class_names):
    """Draws the photo, and for each class the photo with the class's score at each place on it.

    A score is drawn at the middle of the window that it is of. At the photo's borders, where no
    window has its middle, there is none.

    Args:
      mapped: a ``score_map.ScoreMap``.
      class_names: list of str.

    Returns:
      A matplotlib ``Figure``.
    """
    height, width = mapped.image.shape[:2]
    rows, columns = mapped.scores.shape[:2]
    # The middles of the first and the last window, and half a stride on.
    first = (WINDOW_PX - STRIDE_PX) / 2.0
    extent = (first, first + columns * STRIDE_PX, first + rows * STRIDE_PX, first)
    num_columns = min(_MAX_COLUMNS, len(class_names) + 1)
    num_rows = -(-(len(class_names) + 1) // num_columns)
    mean = mapped.scores.mean((0, 1))

    def draw(figure):
        panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
        for panel in panels:
            panel.set_axis_off()
        panels[0].imshow(mapped.image)
        panels[0].set_title(
            "%d x %d px, %d x %d places" % (width, height, columns, rows), fontsize=8
        )
        for class_id, panel in zip(np.argsort(-mean, kind="stable"), panels[1:]):
            panel.imshow(mapped.image.mean(2), cmap="gray", vmin=0, vmax=255)
            heat = panel.imshow(
                mapped.scores[..., class_id], extent=extent, cmap=style.COLOR_MAP, vmin=0, vmax=1,
                alpha=0.6, interpolation="nearest",
            )  # fmt: skip
            panel.set_xlim(0, width)
            panel.set_ylim(height, 0)
            panel.set_title(
                "%s: %.2f, at most %.2f"
                % (
                    style.plain(class_names[class_id]),
                    mean[class_id],
                    mapped.scores[..., class_id].max(),
                ),
                fontsize=8,
            )
        bar = figure.colorbar(heat, ax=list(panels), fraction=0.025, pad=0.02)
        bar.set_label("softmax")

    panel_height_in = _PANEL_IN * height / width + 0.3
    return style.figure(num_columns * _PANEL_IN * 1.15, num_rows * panel_height_in, draw)
