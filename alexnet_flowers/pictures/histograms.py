"""How the values of every layer are distributed over time: TensorBoard's two views of that."""

import functools
import re
import textwrap
from typing import Callable, NamedTuple, Tuple

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

from alexnet_flowers.events import tags, tensorboard_views
from alexnet_flowers.pictures import colors, style

KINDS = {"parameters": tags.PARAMETERS_PREFIX, "activations": tags.ACTIVATIONS_PREFIX}
_NUM_COLUMNS = 4
MAX_RUNS = _NUM_COLUMNS
_PANEL_WIDTH_IN, _PANEL_HEIGHT_IN = 2.1, 1.2
_NUM_BINS = 30
# Of a line of a run's name: a wider one would lie over its neighbor, or make all panels narrower.
_NAME_LETTERS = 17
# The highest ridge, as a share of the steps' axis: it reaches over those behind it.
_RIDGE = 0.35
# Few values are far from all others; if all were shown, nothing would be seen of the others.
_SHOWN_PERCENTS = (0.5, 99.5)


class _View(NamedTuple):
    """One of TensorBoard's views.

    Attributes:
      draw: draws a list of ``Histogram`` into a panel, given the values' scale and a color.
      percents: the percentiles at the ends of the values' scale.
      max_in_panel: how many histograms a panel shows at most.
      max_in_all: how many all panels show together at most, so that the file stays small.
      axes: the labels of the horizontal and the vertical axis.
    """

    draw: Callable
    percents: Tuple[float, float]
    max_in_panel: int
    max_in_all: int
    axes: Tuple[str, str]


def has_any(run, kind):
    """Says whether a ``RunEvents`` has histograms of a kind."""
    return any(tag.startswith(KINDS[kind]) for tag in run.training.histograms)


def histograms(runs, kind):
    """Returns a ``Figure`` of ridges, how often each value occurs: one a step, the oldest on top.

    The panels of a layer share the scale of the values, which leaves out the least and the
    largest 0.5 %; each ridge is as high as the others. The heights of activations are square
    roots: beside the zeros of the ReLUs nothing else would be seen.

    Args:
      runs: a list of ``event_reader.RunEvents``, at most ``MAX_RUNS``; side by side for each layer.
      kind: one of ``KINDS``.
    """
    is_rooted = kind == "activations"
    draw = functools.partial(_draw_ridges, is_rooted=is_rooted)
    value = "value (heights: square roots)" if is_rooted else "value"
    return _figure(runs, kind, _View(draw, _SHOWN_PERCENTS, 10, 240, (value, "step")))


def distributions(runs, kind):
    """Returns a ``Figure`` of bands over the steps: percentiles, ``tensorboard_views.PERCENTS``.

    The line is the median; the bands around it hold 38 %, 68 %, 87 % and all of the values.

    Args:
      runs: see ``histograms``.
      kind: one of ``KINDS``.
    """
    return _figure(runs, kind, _View(_draw_bands, (0, 100), 30, 600, ("step", "value")))


def _draw_ridges(panel, shown, span, color, is_rooted):
    edges = np.linspace(span[0], span[1], _NUM_BINS + 1)
    outline = np.concatenate([[span[0]], (edges[:-1] + edges[1:]) / 2, [span[1]]])
    shares = np.array([tensorboard_views.shares_between(one, edges) for one in shown])
    steps = np.array([one.step for one in shown])
    duration = (steps[-1] - steps[0]) or 1
    heights = np.sqrt(shares) if is_rooted else shares
    # Each on its own scale: beside the first one of biases, a single value, no other would show.
    heights = heights / heights.max(1, keepdims=True)
    heights = np.pad(heights * duration * _RIDGE, ((0, 0), (1, 1)), "constant")
    for number, (step, height) in enumerate(zip(steps, heights)):
        age = 1 - number / max(1, len(steps) - 1)
        panel.fill(
            outline, step - height, facecolor=_lighter(color, 0.75 * age), edgecolor="white",
            linewidth=0.4, clip_on=False,
        )  # fmt: skip
    panel.set_xlim(span)
    panel.set_ylim(steps[-1] + 0.03 * duration, steps[0] - duration * (_RIDGE + 0.03))
    panel.set_yticks(sorted({steps[0], steps[-1]}))
    # These steps make two or three ticks, whose labels of many digits have room beside each other.
    panel.xaxis.set_major_locator(MaxNLocator(2, steps=(1, 2, 4, 5, 10)))


def _draw_bands(panel, shown, span, color):
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
    panel.yaxis.set_offset_position("right")  # On the left is the title.


def _figure(runs, kind, view):
    """Draws a panel for each tag and run: the tags in the network's order, the runs side by side.

    Args:
      runs: a list of ``event_reader.RunEvents``, see ``has_any``.
      kind: one of ``KINDS``.
      view: a ``_View``.
    """
    found = {tag for run in runs for tag in run.training.histograms if tag.startswith(KINDS[kind])}
    found = sorted(found, key=_order)
    tags_in_row = max(1, _NUM_COLUMNS // len(runs))
    num_rows = -(-len(found) // tags_in_row)
    max_in_panel = max(2, min(view.max_in_panel, view.max_in_all // (len(found) * len(runs))))
    view = view._replace(max_in_panel=max_in_panel)
    width_in = _PANEL_WIDTH_IN * tags_in_row * len(runs)
    with style.figure(width_in, _PANEL_HEIGHT_IN * num_rows) as figure:
        panels = figure.subplots(num_rows, tags_in_row * len(runs), squeeze=False)
        for panel in panels.ravel():
            panel.set_axis_off()
        for number, tag in enumerate(found):
            row, place = divmod(number, tags_in_row)
            of_tag = panels[row, place * len(runs) :]
            title = style.plain(tags.name_in_network(tag))
            of_tag[0].set_title(title, fontsize=8, pad=3, loc="left")
            of_runs = [run.training.histograms.get(tag, ()) for run in runs]
            is_lowest = number + tags_in_row >= len(found)
            _draw_tag(of_tag, of_runs, view, place == 0, is_lowest)
        if len(runs) > 1:
            _name_columns(panels[0], runs)
        figure.tight_layout(pad=0, h_pad=0.6, w_pad=0.8)
    return figure


def _draw_tag(panels, of_runs, view, is_leftmost, is_lowest):
    """Draws a tag's histograms of each run, all on one scale of values."""
    span = _span([one for found in of_runs for one in found], view.percents)
    for column, (panel, found) in enumerate(zip(panels, of_runs)):
        if found:
            shown = tensorboard_views.evenly_spaced(len(found), view.max_in_panel)
            panel.set_axis_on()
            view.draw(panel, [found[i] for i in shown], span, colors.LINE_COLORS[column])
            _label(panel, view.axes, column == 0, is_leftmost and column == 0, is_lowest)


def _label(panel, axes_labels, is_first_of_layer, is_leftmost, is_lowest):
    """Labels a panel's axes; a scale that a neighbor shares has its numbers there only."""
    panel.patch.set_visible(False)
    panel.tick_params(labelsize=7, length=2, pad=2)
    panel.ticklabel_format(useOffset=False)  # As many digits as tell the ticks apart.
    for axis in (panel.xaxis, panel.yaxis):
        axis.get_offset_text().set_size(7)  # A power of ten.
    is_over_steps = axes_labels[1] == "step"
    if is_over_steps:
        panel.tick_params(labelbottom=is_first_of_layer)
    else:
        panel.tick_params(labelleft=is_first_of_layer, labelbottom=is_lowest)
    if is_lowest:
        has_numbers = is_first_of_layer or not is_over_steps
        panel.set_xlabel(axes_labels[0], fontsize=7, labelpad=2 if has_numbers else 13)
    if is_leftmost:
        panel.set_ylabel(axes_labels[1], fontsize=7, labelpad=2)


def _name_columns(panels, runs):
    for number, panel in enumerate(panels):
        lines = textwrap.wrap(runs[number % len(runs)].name, _NAME_LETTERS)
        panel.annotate(
            "\n".join(map(style.plain, lines)), (0.5, 1), (0, 14), "axes fraction",
            "offset points", ha="center", va="bottom", weight="bold",
        )  # fmt: skip


def _span(found, percents):
    """Returns the range between two percentiles of all; a wider one if that is one value."""
    ends = np.array([tensorboard_views.percentiles(one, percents) for one in found])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    margin = 0.0 if high > low else abs(low) / 2 or 0.5
    return low - margin, high + margin


def _order(tag):
    """Sorts layers by their number; pooling after what it pools, weights before biases."""
    layer = tags.layer_of(tag)
    number = re.search(r"\d*$", layer).group()
    return int(number or 0), layer, "biases" in tag


def _lighter(color, share):
    """Returns a color mixed with this share of white."""
    return tuple(np.array(to_rgb(color)) * (1 - share) + share)
