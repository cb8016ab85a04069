"""The class scores over a photo."""

import numpy as np

from alexnet_flowers import escapes
from alexnet_flowers.pictures import colors, style

_PANEL_IN = 2.3
_MAX_COLUMNS = 3
# With the photo they fill four rows. A picture of a thousand would be longer than matplotlib draws.
_MAX_CLASSES = 11
# A panel is at most so many times as high as wide; a narrower photo leaves its sides empty.
_MAX_RATIO = 4
# About as many of a title's letters are as wide as a panel and the gap beside it.
_MAX_LETTERS = 34


def score_heat_map(image, scores, class_names, window_px, stride_px):
    """Returns a ``Figure``: the photo, and for each class the photo with its score at each place.

    A score is drawn at the middle of its window; so there are none at the photo's borders, where
    no window has its middle. Of more than eleven classes the likeliest are drawn.

    Args:
      image: uint8 [height, width, 3], the photo.
      scores: float [rows, columns, classes]; the place (i, j) has the window whose top left corner
        is at (i, j) * ``stride_px``.
      class_names: list of str.
      window_px: int, the side of a window.
      stride_px: int, from one window to the next.
    """
    height, width = image.shape[:2]
    rows, columns = scores.shape[:2]
    # A score colors the square of a stride around its window's middle.
    first = (window_px - stride_px) / 2.0
    extent = (first, first + columns * stride_px, first + rows * stride_px, first)
    num_shown = min(len(class_names), _MAX_CLASSES)
    num_columns = min(_MAX_COLUMNS, num_shown + 1)
    num_rows = -(-(num_shown + 1) // num_columns)
    mean, highest = scores.mean((0, 1)), scores.max((0, 1))
    panel_height_in = _PANEL_IN * min(height / width, _MAX_RATIO) + 0.3
    with style.figure(num_columns * _PANEL_IN * 1.15, num_rows * panel_height_in) as figure:
        panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
        for panel in panels:
            panel.set_axis_off()
        style.show(panels[0], image)
        gray = image.mean(2).astype(np.uint8)
        about = "%d x %d px, %d x %d places" % (width, height, columns, rows)
        if num_shown < len(class_names):
            about += "\nthe likeliest %d of %d classes" % (num_shown, len(class_names))
        panels[0].set_title(about, fontsize=8)
        for class_id, panel in zip(np.argsort(-mean, kind="stable")[:num_shown], panels[1:]):
            heat = _draw_class(panel, gray, scores[..., class_id], extent)
            numbers = "%.2f, at most %.2f" % (mean[class_id], highest[class_id])
            panel.set_title(_title(class_names[class_id], numbers), fontsize=8)
        bar = figure.colorbar(heat, ax=list(panels), fraction=0.025, pad=0.02)
        bar.set_label("softmax")
    return figure


def _title(name, numbers):
    """Returns a panel's title, of a long name in two lines."""
    name = escapes.printable(name)
    if len(name) + len(": ") + len(numbers) <= _MAX_LETTERS:
        return style.plain("%s: %s" % (name, numbers))
    if len(name) >= _MAX_LETTERS:
        name = name[: _MAX_LETTERS - 2] + "\N{HORIZONTAL ELLIPSIS}"
    return "%s:\n%s" % (style.plain(name), numbers)


def _draw_class(panel, gray, scores, extent):
    """Lays the scores of one class over the gray photo; returns matplotlib's image of them."""
    style.show(panel, gray, cmap="gray", vmin=0, vmax=255)
    heat = panel.imshow(
        scores, extent=extent, cmap=colors.COLOR_MAP, vmin=0, vmax=1, alpha=0.6,
        interpolation="nearest",
    )  # fmt: skip
    height, width = gray.shape
    panel.set_xlim(0, width)
    panel.set_ylim(height, 0)
    return heat
