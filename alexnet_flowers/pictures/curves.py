"""How runs learn, as curves over the steps."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from alexnet_flowers.events import streaming, tags, tensorboard_views
from alexnet_flowers.pictures import colors, style

_LEARNING = (
    (tags.CROSS_ENTROPY, "cross entropy"),
    (tags.ACCURACY, "accuracy"),
    (tags.RECALL_AT_2, "recall@2"),
)
# Training writes their means since its process started.
_STREAMING = (tags.ACCURACY, tags.RECALL_AT_2)
# Each run has a color of its own.
MAX_RUNS = len(colors.LINE_COLORS)
_SPARSITY_COLUMNS = 4
# More points than a panel can show would only make the file large.
_MAX_POINTS = 200
_MAX_MARKS = 40
# From the first to the last step that a logarithmic axis shows of a curve.
_LOG_RANGE = 1000.0
# A loss this many interquartile ranges off, as after a first large step, is out of the picture.
_FAR = 10
_DIAMONDS = dict(
    color="black", linestyle="", marker="D", markersize=4.5, markerfacecolor="white",
    markeredgewidth=1.2, zorder=3,
)  # fmt: skip


# What ``learning`` draws.
LEARNING_TAGS = tuple(tag for tag, _ in _LEARNING)


def has_learning(run):
    """Says whether ``learning`` has something to draw of a ``RunEvents``."""
    return _most_points((run.training, run.evaluation)) > 0


def has_sparsity(run):
    """Says whether ``sparsity`` has something to draw of a ``RunEvents``."""
    return any(tag.startswith(tags.SPARSITY_PREFIX) for tag in run.training.scalars)


def learning(runs, smoothing, split_name, reported=None, log_steps=False):
    """Returns a ``Figure`` of cross entropy, accuracy and recall@2; each run has its own color.

    What was measured is thin, what is smoothed is strong. Training is solid: the cross entropy of
    a batch, the shares of all steps since the point before; see ``streaming``. Evaluation is
    dotted, with a mark for each, or for some of very many, and dashed where it is smoothed.

    Args:
      runs: a list of ``event_reader.RunEvents``, at most ``MAX_RUNS``.
      smoothing: float in [0, 1), see ``tensorboard_views.smoothed``.
      split_name: str, the split of the evaluations.
      reported: a ``reported.Reported``, drawn as diamonds, or None.
      log_steps: bool, whether the steps' axis is logarithmic.
    """
    points = reported.points if reported else {}
    with style.figure(9, 2.7) as figure:
        panels = figure.subplots(1, len(_LEARNING))
        for panel, (tag, title) in zip(panels, _LEARNING):
            for run, color in zip(runs, colors.LINE_COLORS):
                _draw_run(panel, run, tag, color, smoothing)
            if tag in points:
                panel.plot(*points[tag].T, **_DIAMONDS)
            _lay_out(panel, title)
            if tag == tags.CROSS_ENTROPY:
                _leave_out_outliers(panel, runs, points.get(tag))
            else:
                panel.set_ylim(0, 1.02)
        _lay_out_steps(panels, log_steps)
        figure.subplots_adjust(left=0.06, right=0.99, wspace=0.22)
        lines = _legend_of_lines(runs, smoothing, split_name)
        if reported:
            lines.append(
                Line2D([], [], label=style.plain(reported.name.replace("_", " ")), **_DIAMONDS)
            )
        top = -0.06
        for handles in (_legend_of_runs(runs), lines):
            top = _add_legend(figure, handles, top)
    return figure


def sparsity(runs, layers, log_steps=False):
    """Returns a ``Figure`` of each layer's share of zeros in the training batches, as measured.

    Args:
      runs: a list of ``event_reader.RunEvents``, at most ``MAX_RUNS``.
      layers: a list of str, the layers' names, in the order of their panels.
      log_steps: bool, whether the steps' axis is logarithmic.
    """
    num_rows = -(-(len(layers) + 1) // _SPARSITY_COLUMNS)
    with style.figure(9, 2.0 * num_rows) as figure:
        panels = figure.subplots(num_rows, _SPARSITY_COLUMNS, sharex=True, sharey=True).ravel()
        for run, color in zip(runs, colors.LINE_COLORS):
            measured = {
                tags.layer_of(tag): scalars
                for tag, scalars in run.training.scalars.items()
                if tag.startswith(tags.SPARSITY_PREFIX)
            }
            for panel, layer in zip(panels, layers):
                if layer in measured:
                    _plot(panel, measured[layer], color=color, linewidth=1.2)
        for panel, layer in zip(panels, layers):
            _lay_out(panel, layer)
            panel.tick_params(labelbottom=True)
            panel.set_ylim(0, 1.02)
        _lay_out_steps(panels[: len(layers)], log_steps)
        for panel in panels[len(layers) :]:
            panel.set_axis_off()
        for row in panels.reshape(num_rows, -1):
            row[0].set_ylabel("share of zeros")
        # To the right there is nothing that a long name could lie over.
        panels[len(layers)].legend(
            handles=_legend_of_runs(runs), loc="center left", bbox_to_anchor=(0, 0.5)
        )
        figure.subplots_adjust(wspace=0.1, hspace=0.55)
    return figure


def _lay_out(panel, title):
    panel.set_title(title)
    panel.set_xlabel("step")
    panel.grid(axis="y", linewidth=0.5, alpha=0.4)


def _lay_out_steps(panels, log_steps):
    first = min((_first_shown(line) for panel in panels for line in panel.lines), default=1)
    for panel in panels:
        if log_steps:
            panel.set_xscale("log")
            panel.set_xlim(left=0.8 * max(1, first))
            left, right = panel.get_xlim()
            # Within a decade there is one whole power of ten, or none.
            ticks = MaxNLocator(3, integer=True) if right < 10 * left else LogLocator(numticks=6)
            panel.xaxis.set_major_locator(ticks)
            panel.xaxis.set_minor_locator(NullLocator())
            panel.xaxis.set_major_formatter(FuncFormatter(lambda step, _: "%g" % step))
        else:
            left, right = panel.get_xlim()
            if right - left < 2:  # There is one step.
                panel.set_xlim((left + right) / 2 - 1, (left + right) / 2 + 1)
            panel.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10), integer=True))


def _first_shown(line):
    """Returns from which step on a logarithmic axis shows a line: diamonds all, of others the end.

    What is learned lies in the last decades; the first one would fill a third of the picture.
    """
    steps = line.get_xdata()
    return (
        steps[0]
        if line.get_marker() == _DIAMONDS["marker"]
        else max(steps[0], steps[-1] / _LOG_RANGE)
    )


def _draw_run(panel, run, tag, color, smoothing):
    training = run.training.scalars.get(tag)
    if training is not None and tag in _STREAMING:
        training = streaming.between_points(training, run.training.starts)
    if training is not None:
        if smoothing:
            _plot(panel, training, color=color, linewidth=0.8, alpha=0.35)
        _plot(panel, _smoothed(training, smoothing), color=color, linewidth=1.6)
    evaluation = run.evaluation.scalars.get(tag)
    if evaluation is not None:
        if smoothing:
            averages = _thinned(_smoothed(evaluation, smoothing))
            panel.plot(*averages, "--", color=color, linewidth=1.4)
        steps, values = _thinned(evaluation)
        panel.plot(
            steps, values, "o:", color=color, markersize=3.5, markerfacecolor="white",
            markeredgewidth=0.9, linewidth=0.8, markevery=-(-len(steps) // _MAX_MARKS),
        )  # fmt: skip


def _plot(panel, scalars, **look):
    """Draws a line; a single point, of which there is none, is drawn as a dot."""
    steps, values = _thinned(scalars)
    panel.plot(steps, values, marker="." if len(steps) == 1 else "", **look)


def _smoothed(scalars, smoothing):
    return scalars._replace(values=tensorboard_views.smoothed(scalars.values, smoothing))


def _thinned(scalars):
    """Returns the steps and values of ``Scalars``, as many as a panel can show."""
    shown = tensorboard_views.evenly_spaced(len(scalars.steps), _MAX_POINTS)
    return scalars.steps[shown], scalars.values[shown]


def _add_legend(figure, handles, top):
    """Adds a legend in so few rows that it is no wider than the figure; returns its lower edge.

    Args:
      figure: a ``Figure``.
      handles: a list of what it explains.
      top: float, its upper edge, from 0 at the figure's lower edge to 1 at the upper one.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    for rows in range(1, len(handles) + 1):
        legend = figure.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, top), borderaxespad=0,
            ncol=-(-len(handles) // rows),
        )  # fmt: skip
        box = legend.get_window_extent(renderer).transformed(figure.transFigure.inverted())
        if box.width <= 1 or rows == len(handles):
            return box.y0
        legend.remove()
    return top


def _legend_of_runs(runs):
    return [
        Line2D([], [], color=color, linewidth=3, label=style.plain(run.name))
        for run, color in zip(runs, colors.LINE_COLORS)
    ]


def _legend_of_lines(runs, smoothing, split_name):
    """Returns the handles of those kinds of lines that ``_draw_run`` has drawn."""
    smooth = ", smoothed, %g" % smoothing if smoothing else ""
    gray = colors.NEUTRAL
    lines = []
    if _most_points(run.training for run in runs):
        if smoothing:
            lines.append(Line2D([], [], color=gray, linewidth=0.8, alpha=0.6, label="training"))
        lines.append(Line2D([], [], color=gray, linewidth=1.6, label="training" + smooth))
    num_evaluations = _most_points(run.evaluation for run in runs)
    if num_evaluations:
        lines.append(
            Line2D(
                [], [], color=gray, linestyle=":", linewidth=0.8, marker="o", markersize=3.5,
                markerfacecolor="white", label=style.plain(split_name),
            )
        )  # fmt: skip
    if smoothing and num_evaluations > 1:  # Of one point there is no line.
        label = style.plain(split_name + smooth)
        lines.append(Line2D([], [], color=gray, linewidth=1.4, linestyle="--", label=label))
    return lines


def _most_points(parts):
    """Returns how many points the longest curve of any ``Events`` has."""
    found = [
        len(part.scalars[tag].steps)
        for part in parts
        for tag, _ in _LEARNING
        if tag in part.scalars
    ]
    return max(found, default=0)


def _leave_out_outliers(panel, runs, points):
    """Fits the vertical axis to the reported points and all values but those far off; says so."""
    tag = tags.CROSS_ENTROPY
    parts = [part.scalars for run in runs for part in (run.training, run.evaluation)]
    values = np.concatenate([part[tag].values for part in parts if tag in part] or [[]])
    values = values[np.isfinite(values)]
    if not len(values):
        return
    low, quarter, three_quarters, highest = np.percentile(values, (0, 25, 75, 100))
    high = min(highest, three_quarters + _FAR * (three_quarters - quarter))
    if points is not None:
        low, high = min(low, points[:, 1].min()), max(high, points[:, 1].max())
    if highest > high:
        panel.annotate(
            "values up to %.3g lie above" % highest, (1, 1), xycoords="axes fraction", ha="right",
            va="top", fontsize=7, color=colors.NEUTRAL,
        )  # fmt: skip
    margin = 0.05 * (high - low) or 0.05
    panel.set_ylim(low - margin, high + margin)
