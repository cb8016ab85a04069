"""How runs learn, as curves over the steps."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from alexnet_flowers.events import tensorboard_views
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.pictures import style
from alexnet_flowers.training import summaries

_LEARNING = (
    (summaries.CROSS_ENTROPY_TAG, "loss (cross entropy)"),
    (summaries.ACCURACY_TAG, "accuracy"),
    (summaries.RECALL_AT_2_TAG, "recall@2"),
)
_SPARSITY = tuple(
    ("%s%s/%s" % (summaries.SPARSITY_PREFIX, alexnet_v2.SCOPE, layer), layer)
    for layer in alexnet_v2.RELU_LAYERS
)
_SPARSITY_COLUMNS = 4
# More than a panel has room for only make the file large.
_MOST_POINTS = 200
_MOST_MARKS = 40
# A loss beyond so many interquartile ranges, as after a first large step, is out of the picture.
_FAR = 10


def has_learning(run):
    """Says whether ``learning`` has something to draw of an ``events.RunEvents``."""
    return any(tag in part.scalars for part in run[1:] for tag, _ in _LEARNING)


def has_sparsity(run):
    """Says whether ``sparsity`` has something to draw of an ``events.RunEvents``."""
    return any(tag in run.training.scalars for tag, _ in _SPARSITY)


def learning(runs, smoothing, split_name, reported=None, log_steps=False):
    """Draws loss, accuracy and recall@2, and in each each run in a color of its own.

    What was measured is thin, what is smoothed is strong. Training is solid; evaluation is
    dotted, with a mark for each, and dashed where it is smoothed.

    Args:
      runs: a list of ``events.RunEvents``, at most as many as ``style.LINE_COLORS``.
      smoothing: float in [0, 1), see ``tensorboard_views.smoothed``.
      split_name: str, of what the evaluations are.
      reported: a ``reported.Reported``, drawn as diamonds, or None.
      log_steps: whether the steps' axis is logarithmic.

    Returns:
      A matplotlib ``Figure``.
    """

    def draw(figure):
        panels = figure.subplots(1, len(_LEARNING))
        for panel, (tag, title) in zip(panels, _LEARNING):
            for run, color in zip(runs, style.LINE_COLORS):
                _draw_run(panel, run, tag, color, smoothing)
            if reported and tag in reported.points:
                panel.plot(*reported.points[tag].T, **_REPORTED)
            _lay_out(panel, title, log_steps)
            if tag == summaries.CROSS_ENTROPY_TAG:
                _leave_out_outliers(panel, runs, reported, tag)
            else:
                panel.set_ylim(0, 1.02)
        figure.subplots_adjust(wspace=0.22)
        marks = _styles(smoothing, split_name)
        if reported:
            marks.append(Line2D([], [], label=style.plain(reported.name), **_REPORTED))
        for row, handles in enumerate((_names(runs), marks)):
            figure.legend(
                handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.04 - 0.08 * row),
                ncol=len(handles),
            )  # fmt: skip

    return style.figure(9, 2.7, draw)


def sparsity(runs, log_steps=False):
    """Draws each layer's share of zeros in the training batches, as it was measured.

    Args:
      runs: a list of ``events.RunEvents``, at most as many as ``style.LINE_COLORS``.
      log_steps: whether the steps' axis is logarithmic.

    Returns:
      A matplotlib ``Figure``.
    """
    num_rows = -(-(len(_SPARSITY) + 1) // _SPARSITY_COLUMNS)

    def draw(figure):
        panels = figure.subplots(num_rows, _SPARSITY_COLUMNS, sharex=True, sharey=True).ravel()
        for panel, (tag, layer) in zip(panels, _SPARSITY):
            for run, color in zip(runs, style.LINE_COLORS):
                measured = run.training.scalars.get(tag)
                if measured is not None:
                    shown = tensorboard_views.evenly_spaced(len(measured.steps), _MOST_POINTS)
                    panel.plot(
                        measured.steps[shown], measured.values[shown], color=color, linewidth=1.2
                    )
            _lay_out(panel, layer, log_steps)
            panel.tick_params(labelbottom=True)
            panel.set_ylim(0, 1.02)
        for panel in panels[len(_SPARSITY) :]:
            panel.set_axis_off()
        for row in panels.reshape(num_rows, -1):
            row[0].set_ylabel("share of zeros")
        panels[len(_SPARSITY)].legend(handles=_names(runs), loc="center")
        figure.subplots_adjust(wspace=0.1, hspace=0.55)

    return style.figure(9, 2.0 * num_rows, draw)


_REPORTED = dict(
    color="black", linestyle="", marker="D", markersize=4.5, markerfacecolor="white",
    markeredgewidth=1.2, zorder=3,
)  # fmt: skip


def _lay_out(panel, title, log_steps):
    panel.set_title(title)
    panel.set_xlabel("step")
    panel.grid(axis="y", linewidth=0.5, alpha=0.4)
    if log_steps:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=6))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda step, _: "%g" % step))
    else:
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10), integer=True))


def _draw_run(panel, run, tag, color, smoothing):
    training = run.training.scalars.get(tag)
    if training is not None:
        shown = tensorboard_views.evenly_spaced(len(training.steps), _MOST_POINTS)
        averages = tensorboard_views.smoothed(training.values, smoothing)
        panel.plot(
            training.steps[shown], training.values[shown], color=color, linewidth=0.8, alpha=0.35
        )
        panel.plot(training.steps[shown], averages[shown], color=color, linewidth=1.6)
    evaluation = run.evaluation.scalars.get(tag)
    if evaluation is not None:
        shown = tensorboard_views.evenly_spaced(len(evaluation.steps), _MOST_MARKS)
        averages = tensorboard_views.smoothed(evaluation.values, smoothing)
        panel.plot(evaluation.steps[shown], averages[shown], "--", color=color, linewidth=1.4)
        panel.plot(
            evaluation.steps[shown], evaluation.values[shown], "o:", color=color, markersize=3.5,
            markerfacecolor="white", markeredgewidth=0.9, linewidth=0.8,
        )  # fmt: skip


def _names(runs):
    """Returns the legend's lines for the runs."""
    return [
        Line2D([], [], color=color, linewidth=3, label=style.plain(run.name))
        for run, color in zip(runs, style.LINE_COLORS)
    ]


def _styles(smoothing, split_name):
    """Returns the legend's lines for what is drawn how."""
    smooth = "smoothed, %g" % smoothing
    gray = style.NEUTRAL
    return [
        Line2D([], [], color=gray, linewidth=0.8, alpha=0.6, label="training"),
        Line2D([], [], color=gray, linewidth=1.6, label="training, " + smooth),
        Line2D(
            [], [], color=gray, linestyle=":", linewidth=0.8, marker="o", markersize=3.5,
            markerfacecolor="white", label=split_name,
        ),
        Line2D(
            [], [], color=gray, linewidth=1.4, linestyle="--", label="%s, %s" % (split_name, smooth)
        ),
    ]  # fmt: skip


def _leave_out_outliers(panel, runs, reported, tag):
    parts = [part.scalars[tag].values for run in runs for part in run[1:] if tag in part.scalars]
    values = np.concatenate(parts or [[]])
    values = values[np.isfinite(values)]
    points = reported.points[tag][:, 1] if reported and tag in reported.points else []
    if len(values):
        low, quarter, three_quarters, high = np.percentile(values, (0, 25, 75, 100))
        high = min(high, three_quarters + _FAR * (three_quarters - quarter))
        low, high = min([low, *points]), max([high, *points])
        margin = 0.05 * (high - low) or 0.05
        panel.set_ylim(low - margin, high + margin)
