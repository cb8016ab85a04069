"""What the preprocessing does to a photo, as a table of images."""

from matplotlib.patches import Rectangle

from alexnet_flowers.input import draws, preprocessing
from alexnet_flowers.pictures import style

_PANEL_IN = 1.55
_HEADINGS = ("drawn box", "crop", "resized", "mirrored?", "colors", "what it sees")


def distortions(looked, fast_mode=True):
    """Draws a row for each draw, and the evaluation's view beside the first rows.

    Args:
      looked: a ``draws.Distorted``.
      fast_mode: see ``preprocessing.preprocess_for_train``.

    Returns:
      A matplotlib ``Figure``.
    """
    num_rows = max(2, len(looked.draws))
    num_columns = len(_HEADINGS) + 1

    def draw(figure):
        panels = figure.subplots(num_rows, num_columns, squeeze=False)
        for panel in panels.ravel():
            panel.set_axis_off()
        for panel, heading in zip(panels[0], _HEADINGS):
            panel.set_title(heading)
        for row, drawn, crop, stages in zip(panels, looked.draws, looked.crops, looked.stages):
            _photo_with_box(row[0], looked.photo, drawn.begin, drawn.size, style.PALETTE[1])
            row[1].imshow(crop)
            row[2].imshow(stages.resized.clip(0, 1))
            row[3].imshow(stages.flipped.clip(0, 1))
            row[4].imshow(stages.colored)
            row[5].imshow(preprocessing.as_bytes(stages.centered))
            _caption(row[1], "%d x %d px" % (drawn.size[1], drawn.size[0]))
            _caption(row[2], "%d x %d px" % stages.resized.shape[1::-1])
            _caption(row[3], "mirrored" if drawn.flip else "as it was")
            _caption(row[4], draws.words(drawn, fast_mode))
            _caption(row[5], "%.2f to %.2f" % (stages.centered.min(), stages.centered.max()))
        beside = panels[:, -1]
        beside[0].set_title("evaluation")
        _photo_with_box(beside[0], looked.photo, *looked.box, color=style.PALETTE[5])
        beside[1].imshow(preprocessing.as_bytes(looked.view))
        _caption(beside[1], "the central 87.5 %")

    return style.figure(num_columns * _PANEL_IN, num_rows * (_PANEL_IN + 0.25), draw)


def _photo_with_box(panel, photo, begin, size, color):
    panel.imshow(photo)
    (top, left), (height, width) = begin, size
    panel.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=color, linewidth=2))


def _caption(panel, text):
    panel.annotate(
        text, (0.5, 0), (0, -2), "axes fraction", textcoords="offset points",
        ha="center", va="top", fontsize=6.5, annotation_clip=False,
    )  # fmt: skip
