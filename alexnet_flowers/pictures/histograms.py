"""How the values of every layer are distributed over time: TensorBoard's two views of that."""

import re

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from alexnet_flowers.events import tensorboard_views
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.pictures import style
from alexnet_flowers.training import summaries

KINDS = {
    "parameters": summaries.PARAMETERS_PREFIX,
    "activations": summaries.ACTIVATIONS_PREFIX,
}
_NUM_COLUMNS = 4
MOST_RUNS = _NUM_COLUMNS
_PANEL_WIDTH_IN, _PANEL_HEIGHT_IN = 2.25, 1.25
_NUM_BINS = 30
# A ridge reaches over so much of the panel's height: over those behind it.
_RIDGE = 0.35
# Few values are far from all others; if all were shown, nothing would be seen of the others.
_SHOWN_PERCENTS = (0.5, 99.5)
# What a file has room for: so many in a panel, so many in all of them.
_MOST_RIDGES, _MOST_RIDGES_IN_ALL = 10, 240
_MOST_STEPS, _MOST_STEPS_IN_ALL = 30, 600
_SHORT = FuncFormatter(lambda value, _: "%.4g" % value)


def has_any(run, kind):
    """Says whether an ``events.RunEvents`` has histograms of a kind."""
    return any(tag.startswith(KINDS[kind]) for tag in run.training.histograms)


def histograms(runs, kind):
    """Draws ridges: at each step, the oldest at the top, how often which value is.

    The panels of a layer share the scale of the values, which leaves out the least and the
    largest 0.5 %; the heights are each panel's own. Those of activations are square roots:
    beside the zeros of the ReLUs nothing else would be seen.

    Args:
      runs: a list of ``events.RunEvents``, at most ``MOST_RUNS``; a layer's are side by side.
      kind: one of ``KINDS``.

    Returns:
      A matplotlib ``Figure``.
    """
    is_rooted = kind == "activations"

    def draw_panel(panel, found, span, color, most):
        edges = np.linspace(span[0], span[1], _NUM_BINS + 1)
        middles = (edges[:-1] + edges[1:]) / 2
        shown = [found[i] for i in tensorboard_views.evenly_spaced(len(found), most)]
        shares = np.array([tensorboard_views.shares_between(one, edges) for one in shown])
        steps = np.array([one.step for one in shown])
        duration = (steps[-1] - steps[0]) or 1
        heights = np.sqrt(shares) if is_rooted else shares
        heights = heights / heights.max() * duration * _RIDGE
        for number, (step, height) in enumerate(zip(steps, heights)):
            age = 1 - number / max(1, len(steps) - 1)
            panel.fill(
                np.concatenate([[span[0]], middles, [span[1]]]),
                step - np.concatenate([[0], height, [0]]),
                facecolor=_lighter(color, 0.75 * age), edgecolor="white", linewidth=0.4,
                clip_on=False,
            )  # fmt: skip
        panel.set_xlim(span)
        panel.set_ylim(steps[-1] + 0.03 * duration, steps[0] - duration * (_RIDGE + 0.03))
        panel.set_yticks(sorted({steps[0], steps[-1]}))
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
        panel.xaxis.set_major_formatter(_SHORT)

    most = (_MOST_RIDGES, _MOST_RIDGES_IN_ALL)
    across = "value (heights: square roots)" if is_rooted else "value"
    return _panels(runs, kind, draw_panel, _SHOWN_PERCENTS, most, (across, "step"))


def distributions(runs, kind):
    """Draws bands: over the steps, the percentiles ``tensorboard_views.PERCENTS``.

    The line is the median; the bands around it hold 38 %, 68 %, 87 % and all of the values.

    Args:
      runs: see ``histograms``.
      kind: one of ``KINDS``.

    Returns:
      A matplotlib ``Figure``.
    """

    def draw_panel(panel, found, span, color, most):
        shown = [found[i] for i in tensorboard_views.evenly_spaced(len(found), most)]
        steps = [one.step for one in shown]
        lines = np.array([tensorboard_views.percentiles(one) for one in shown]).T
        if len(steps) == 1:  # A band needs two.
            steps, lines = [steps[0] - 0.5, steps[0] + 0.5], np.repeat(lines, 2, 1)
        middle = len(lines) // 2
        for band in range(middle):
            panel.fill(
                np.concatenate([steps, steps[::-1]]),
                np.concatenate([lines[band], lines[-1 - band][::-1]]),
                facecolor=_lighter(color, 0.85 - 0.2 * band), linewidth=0, clip_on=False,
            )  # fmt: skip
        panel.plot(steps, lines[middle], color="black", linewidth=0.9, clip_on=False)
        panel.set_xlim(steps[0], steps[-1])
        panel.set_ylim(span)
        panel.set_xticks(sorted({shown[0].step, shown[-1].step}))
        panel.yaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
        panel.yaxis.set_major_formatter(_SHORT)

    most = (_MOST_STEPS, _MOST_STEPS_IN_ALL)
    return _panels(runs, kind, draw_panel, (0, 100), most, ("step", "value"))


def _panels(runs, kind, draw_panel, percents, most, axes_labels):
    """Draws all panels, the layers in the network's order, a layer's runs side by side.

    Args:
      runs: a list of ``events.RunEvents``; those without such histograms are left out.
      kind: one of ``KINDS``.
      draw_panel: draws a list of ``events.Histogram`` into a panel, from the values' scale, a
        color, and how many of them at most.
      percents: (float, float), which percentiles the values' scale is between.
      most: (int, int), how many histograms at most in a panel, and in all.
      axes_labels: (str, str), of the horizontal and the vertical axis.
    """
    prefix = KINDS[kind]
    runs = [run for run in runs if has_any(run, kind)]
    tags = {tag for run in runs for tag in run.training.histograms if tag.startswith(prefix)}
    tags = sorted(tags, key=_order)
    tags_in_row = max(1, _NUM_COLUMNS // len(runs))
    num_rows = -(-len(tags) // tags_in_row)
    most = max(2, min(most[0], most[1] // (len(tags) * len(runs))))

    def draw(figure):
        panels = figure.subplots(num_rows, tags_in_row * len(runs), squeeze=False)
        for panel in panels.ravel():
            panel.set_axis_off()
        for number, tag in enumerate(tags):
            row, place = divmod(number, tags_in_row)
            of_tag = panels[row, place * len(runs) :]
            of_tag[0].set_title(
                tag[len(prefix) :].replace(alexnet_v2.SCOPE + "/", ""),
                fontsize=8,
                pad=3,
                loc="left",
            )
            there = [run.training.histograms.get(tag, ()) for run in runs]
            span = _span([one for found in there for one in found], percents)
            is_lowest = number + tags_in_row >= len(tags)
            for column, (panel, found) in enumerate(zip(of_tag, there)):
                if found:
                    panel.set_axis_on()
                    draw_panel(panel, found, span, style.LINE_COLORS[column], most)
                    _label(panel, axes_labels, column == 0, place == column == 0, is_lowest)
        if len(runs) > 1:
            for number, panel in enumerate(panels[0]):
                panel.annotate(
                    style.plain(runs[number % len(runs)].name), (0.5, 1), (0, 16), "axes fraction",
                    "offset points", ha="center", weight="bold",
                )  # fmt: skip
        figure.subplots_adjust(hspace=0.5, wspace=0.3)

    return style.figure(
        _PANEL_WIDTH_IN * tags_in_row * len(runs), _PANEL_HEIGHT_IN * num_rows, draw
    )


def _label(panel, axes_labels, is_first_of_layer, is_leftmost, is_lowest):
    """Labels a panel's axes; a scale that a neighbour has as well has its numbers there only."""
    panel.patch.set_visible(False)
    panel.tick_params(labelsize=7, length=2, pad=2)
    if axes_labels[1] == "step":
        panel.tick_params(labelbottom=is_first_of_layer)
    else:
        panel.tick_params(labelleft=is_first_of_layer, labelbottom=is_lowest)
    if is_lowest:
        panel.set_xlabel(axes_labels[0], fontsize=7, labelpad=2)
    if is_leftmost:
        panel.set_ylabel(axes_labels[1], fontsize=7, labelpad=2)


def _span(found, percents):
    """Returns what range holds these percentiles of all; a wider one if that is one value."""
    ends = np.array([tensorboard_views.percentiles(one, percents) for one in found])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    room = 0.0 if high > low else abs(low) / 2 or 0.5
    return low - room, high + room


def _order(tag):
    """Sorts layers by their number; pooling after what it pools, weights before biases."""
    layer = tag.split("/")[2]
    number = re.search(r"\d*$", layer).group()
    return int(number or 0), layer, "biases" in tag


def _lighter(color, share):
    """Returns a color mixed with so much white."""
    return tuple(np.array(to_rgb(color)) * (1 - share) + share)
