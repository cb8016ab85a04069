"""Diagrams of networks at one step: dead units and the confusion matrix."""

import numpy as np

from alexnet_flowers.pictures import colors, style

_MAX_NUMBERED = 30
_MAX_NAMED = 60


def dead_units(layers):
    """Returns a ``Figure``: each layer's share of dead units a bar, its share of zeros a mark.

    Args:
      layers: a list of ``dead_units.LayerUnits``.
    """
    with style.figure(6.5, 3.2) as figure:
        axes = figure.subplots()
        places = np.arange(len(layers))
        dead = [one.percent_dead for one in layers]
        axes.bar(places, dead, color=colors.WRONG, width=0.6, label="units that never fire")
        zeros = [100.0 * one.zeros for one in layers]
        axes.plot(
            places, zeros, "_", color=colors.RIGHT, markersize=18, markeredgewidth=2,
            label="zeros among all values",
        )  # fmt: skip
        for place, one, percent in zip(places, layers, dead):
            axes.annotate(
                "%d of %d" % (one.num_dead, one.num_units),
                (place, percent), (0, 3), textcoords="offset points", ha="center", fontsize=7,
            )  # fmt: skip
        axes.set_xticks(places)
        axes.set_xticklabels([one.layer for one in layers])
        axes.set_ylim(0, 108)
        axes.set_ylabel("%")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncol=2)
    return figure


def dead_units_side_by_side(runs_to_layers):
    """Returns a ``Figure``: for each layer the share of dead units of each run, bars side by side.

    Args:
      runs_to_layers: a dict of run name to a list of ``dead_units.LayerUnits``, at most as
        many as ``colors.LINE_COLORS``.
    """
    with style.figure(6.5, 2.8) as figure:
        axes = figure.subplots()
        width = 0.8 / len(runs_to_layers)
        for number, (name, layers) in enumerate(runs_to_layers.items()):
            axes.bar(
                np.arange(len(layers)) + (number + 0.5) * width - 0.4,
                [one.percent_dead for one in layers],
                color=colors.LINE_COLORS[number], width=0.9 * width, label=style.plain(name),
            )  # fmt: skip
        axes.set_xticks(np.arange(len(layers)))
        axes.set_xticklabels([one.layer for one in layers])
        axes.set_ylim(0, 100)
        axes.set_ylabel("% of the units never fire")
        axes.grid(axis="y", linewidth=0.5, alpha=0.4)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def confusion_matrix(counts, class_names):
    """Returns a ``Figure`` of how often each class was predicted for each.

    Of more than 30 classes without the numbers, of more than 60 with ids in place of the names.

    Args:
      counts: int [classes, classes]; rows are the true classes.
      class_names: list of str.
    """
    counts = np.asarray(counts)
    names = [style.plain(name) for name in class_names]
    is_named = len(names) <= _MAX_NAMED
    with np.errstate(invalid="ignore"):  # The row of a class without photos has no color.
        shares = counts / counts.sum(1, keepdims=True)
    side_in = 2.2 + 0.45 * min(len(class_names), _MAX_NUMBERED)
    with style.figure(side_in + 0.8, side_in) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap=colors.COLOR_MAP, vmin=0, vmax=1)
        # Of many classes nobody could read the numbers, and writing them would take minutes.
        written = np.ndindex(*counts.shape) if len(counts) <= _MAX_NUMBERED else ()
        for row, column in written:
            axes.text(
                column, row, counts[row, column], ha="center", va="center",
                color="white" if shares[row, column] < 0.6 else "black",
            )  # fmt: skip
        if is_named:
            axes.set_xticks(range(len(class_names)))
            if len(names) > _MAX_NUMBERED:  # Slanted, they would lie over each other.
                axes.set_xticklabels(names, rotation=90)
            else:
                axes.set_xticklabels(names, rotation=30, ha="right")
            axes.set_yticks(range(len(class_names)))
            axes.set_yticklabels(names)
        axes.set_xlabel("predicted class" if is_named else "predicted class (id)")
        axes.set_ylabel("true class" if is_named else "true class (id)")
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
        bar.set_label("share of the true class")
    return figure
