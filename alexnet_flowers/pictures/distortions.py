"""What the preprocessing does to a photo, as a table of images."""

from matplotlib.patches import Rectangle

from alexnet_flowers.pictures import colors, style

_PANEL_IN = 1.55
# Of a caption.
_FONT_PT, _LINE_IN = 6.5, 0.13
_HEADINGS = ("drawn box", "crop", "resized", "mirrored?", "colors", "what it sees")


def distortions(drawn, seen, view, changes):
    """Returns a ``Figure``: a row for each distortion, the evaluation's view beside the first rows.

    Args:
      drawn: a ``draws.Distortions``.
      seen: a list of uint8 [size, size, 3], what the network sees of each distortion.
      view: uint8 [size, size, 3], what it sees in an evaluation.
      changes: a list of str, how each distortion changes the colors.
    """
    num_rows = max(2, len(drawn.draws))
    num_columns = len(_HEADINGS) + 1
    caption_in = 0.1 + _LINE_IN * max(change.count("\n") + 1 for change in changes)
    with style.figure(
        num_columns * _PANEL_IN, num_rows * _PANEL_IN + (num_rows - 1) * caption_in
    ) as figure:
        panels = figure.subplots(
            num_rows, num_columns, squeeze=False,
            gridspec_kw=dict(
                left=0, right=1, bottom=0, top=1, wspace=0.08, hspace=caption_in / _PANEL_IN
            ),
        )  # fmt: skip
        for panel in panels.ravel():
            panel.set_axis_off()
        for panel, heading in zip(panels[0], _HEADINGS):
            panel.set_title(heading)
        parts = (drawn.draws, drawn.crops, drawn.stages, seen, changes)
        for row, *of_draw in zip(panels, *parts):
            _draw_row(row, drawn.photo, *of_draw)
        beside = panels[:, -1]
        beside[0].set_title("evaluation")
        _photo_with_box(beside[0], drawn.photo, *drawn.box, color=colors.PALETTE[5])
        beside[1].imshow(view)
        _caption(beside[1], "the central 87.5 %")
    return figure


def _draw_row(row, photo, draw, crop, stages, seen, changes):
    _photo_with_box(row[0], photo, draw.begin, draw.size, colors.PALETTE[1])
    images = (crop, stages.resized.clip(0, 1), stages.flipped.clip(0, 1), stages.colored, seen)
    captions = (
        "%d x %d px" % (draw.size[1], draw.size[0]),
        "%d x %d px" % stages.resized.shape[1::-1],
        "mirrored" if draw.flip else "as it was",
        changes,
        "%.2f to %.2f" % (stages.centered.min(), stages.centered.max()),
    )
    for panel, image, caption in zip(row[1:], images, captions):
        style.show(panel, image)
        _caption(panel, caption)


def _photo_with_box(panel, photo, begin, size, color):
    style.show(panel, photo)
    (top, left), (height, width) = begin, size
    panel.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=color, linewidth=2))


def _caption(panel, text):
    panel.annotate(
        text, (0.5, 0), (0, -2), "axes fraction", textcoords="offset points",
        ha="center", va="top", fontsize=_FONT_PT, annotation_clip=False,
    )  # fmt: skip
