"""What the pictures of runs and of the network show is what the events and the graph hold."""

import itertools
import re
import shutil
from xml.etree import ElementTree

import event_files
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from alexnet_flowers.events import event_reader, reported, tags, tensorboard_views
from alexnet_flowers.nets import architecture
from alexnet_flowers.pictures import (
    colors,
    curves,
    histograms,
    network_diagram,
    picture_file,
    style,
)
from alexnet_flowers.training.runs import locate_run

LAYERS = ["conv%d" % number for number in range(1, 6)] + ["fc6", "fc7", "fc8"]


def read(parent, *names):
    return [
        event_reader.read_run(locate_run(name, "none", str(parent)), "validation") for name in names
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    parent = tmp_path_factory.mktemp("summaries")
    for seed, name in enumerate("ab"):
        event_files.write_run(parent, name, num_steps=12, layers=LAYERS, seed=seed)
    shutil.copytree(str(parent / "a"), str(parent / "c"))
    shutil.copytree(str(parent / "b"), str(parent / "d"))
    return read(parent, *"abcd")


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=lambda one: hasattr(one, "get_text"))]


def test_curves_are_the_scalars_raw_and_smoothed(runs):
    figure = curves.learning(runs[:2], 0.5, "validation")
    assert [panel.get_title() for panel in figure.axes] == [
        "cross entropy", "accuracy", "recall@2",
    ]  # fmt: skip
    loss, accuracy, _ = figure.axes
    for run, color, (raw, smooth) in zip(
        runs, colors.LINE_COLORS, (loss.lines[:2], loss.lines[2:])
    ):
        steps, values = run.training.scalars[tags.CROSS_ENTROPY]
        for line, expected in ((raw, values), (smooth, tensorboard_views.smoothed(values, 0.5))):
            assert line.get_color() == color
            np.testing.assert_array_equal(line.get_xdata(), steps)
            np.testing.assert_array_equal(line.get_ydata(), expected)
        assert raw.get_linewidth() < smooth.get_linewidth()
    evaluation = [line for line in accuracy.lines if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in evaluation] == [[[120, 0.5]]] * 2
    shown = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    # Of one evaluation there is no line to be smoothed.
    assert shown == ["a", "b", "training", "training, smoothed, 0.5", "validation"]


def test_a_legend_has_as_many_rows_as_it_needs(runs):
    named = [run._replace(name="a_rather_long_name_%d" % i) for i, run in enumerate(2 * runs[:3])]
    figure = curves.learning(named, 0.5, "validation")
    of_runs, of_lines = (
        legend.get_window_extent(FigureCanvasAgg(figure).get_renderer())
        for legend in figure.legends
    )
    assert of_runs.width <= figure.bbox.width and of_runs.height > 1.5 * of_lines.height
    assert of_runs.y0 >= of_lines.y1


@pytest.mark.parametrize("log_steps", [False, True])
def test_a_single_point_is_seen(tmp_path, log_steps):
    event_files.write(tmp_path / "a", {5: {tags.CROSS_ENTROPY: 1.5, "sparsity/a/conv1": 0.5}})
    (run,) = read(tmp_path, "a")
    for figure in (
        curves.learning([run], 0.5, "validation", log_steps=log_steps),
        curves.sparsity([run], ["conv1"], log_steps),
    ):
        panel = figure.axes[0]
        assert {line.get_marker() for line in panel.lines} == {"."}
        left, right = panel.get_xlim()
        assert left < 5 < right and right - left >= 1
        assert sum(left <= tick <= right for tick in panel.get_xticks()) >= 2


def test_a_loss_that_is_far_off_does_not_hide_the_others(tmp_path):
    losses = {step: {tags.CROSS_ENTROPY: 1 + step / 100.0} for step in range(20)}
    losses[1] = {tags.CROSS_ENTROPY: 1e6}
    losses[2] = {tags.CROSS_ENTROPY: float("nan")}
    event_files.write(tmp_path / "a", losses)
    figure = curves.learning(read(tmp_path, "a"), 0.0, "validation")
    low, high = figure.axes[0].get_ylim()
    assert low < 1 and 1.19 < high < 3
    assert "values up to 1e+06 lie above" in texts(figure)
    assert [line.get_label() for line in figure.legends[1].get_lines()] == ["training"]
    assert len(figure.axes[0].lines) == 1  # Nothing is smoothed.


def test_what_others_reported_is_laid_beside(runs, tmp_path):
    path = tmp_path / "they_saw.csv"
    path.write_text(
        "tag,step,value\nlosses/cross_entropy,900,7\nlosses/cross_entropy,30,1.5\nother,1,2\n"
    )
    theirs = reported.read(str(path))
    figure = curves.learning(runs[:1], 0.5, "validation", theirs, log_steps=True)
    loss, accuracy, _ = figure.axes
    (diamonds,) = [line for line in loss.lines if line.get_marker() == "D"]
    assert diamonds.get_xydata().tolist() == [[30, 1.5], [900, 7]]
    assert not [line for line in accuracy.lines if line.get_marker() == "D"]
    assert loss.get_xscale() == accuracy.get_xscale() == "log"
    assert loss.get_xlim()[1] > 900 and loss.get_ylim()[1] > 7
    path.write_text("tag,step,value\nlosses/cross_entropy,90000,1\n")
    figure = curves.learning(runs[:1], 0.5, "validation", reported.read(str(path)), log_steps=True)
    left, right = figure.axes[0].get_xlim()
    assert 1 <= left <= 10 and right > 90000  # The run's first step is in it, too.
    assert "they saw" in [text.get_text() for text in figure.legends[1].get_texts()]


def test_shares_of_zeros_are_drawn_layer_by_layer(runs, tmp_path):
    tag = "sparsity/alexnet_v2/%s"
    event_files.write(
        tmp_path / "x", {step: {tag % "fc6": step / 8.0, tag % "conv1": 0.5} for step in (2, 7)}
    )
    figure = curves.sparsity(read(tmp_path, "x"), LAYERS[:7])
    panels = {panel.get_title(): panel for panel in figure.axes}
    assert list(panels)[:7] == LAYERS[:7]
    (line,) = panels["fc6"].lines
    assert line.get_xydata().tolist() == [[2, 0.25], [7, 0.875]]
    assert not panels["conv2"].lines
    assert curves.has_sparsity(read(tmp_path, "x")[0]) and not curves.has_sparsity(runs[0])


def test_histograms_have_a_ridge_for_each_step_and_a_panel_for_each_layer(runs):
    figure = histograms.histograms(runs[:1], "parameters")
    panels = [panel for panel in figure.axes if panel.patches]
    assert [panel.get_title(loc="left") for panel in panels] == [
        "%s/%s" % (layer, what) for layer in LAYERS for what in ("weights", "biases")
    ]
    weights = panels[0]
    found = runs[0].training.histograms["parameters/alexnet_v2/conv1/weights"]
    shown = tensorboard_views.evenly_spaced(12, 10)
    assert len(weights.patches) == 10
    scales = []
    for number, patch in zip(shown, weights.patches):
        x, y = patch.get_xy()[:-1].T  # The polygon ends where it began.
        assert y[0] == y[-1] == found[number].step
        edges = np.linspace(x[0], x[-1], len(x) - 1)
        shares = tensorboard_views.shares_between(found[number], edges)
        np.testing.assert_array_equal(y[1:-1] == y[0], shares == 0)
        scales.append((y[0] - y[1:-1])[shares > 0] / shares[shares > 0] * shares.max())
    np.testing.assert_allclose(np.concatenate(scales), scales[0][0])  # All are equally high.
    assert weights.get_ylim()[0] > weights.get_ylim()[1]


def test_distributions_are_the_percentiles_around_the_median(runs):
    figure = histograms.distributions(runs[:1], "parameters")
    panel = figure.axes[0]
    found = runs[0].training.histograms["parameters/alexnet_v2/conv1/weights"]
    lines = np.array([tensorboard_views.percentiles(one) for one in found]).T
    (median,) = panel.lines
    assert median.get_xdata().tolist() == [one.step for one in found]
    np.testing.assert_array_equal(median.get_ydata(), lines[4])
    for band, patch in enumerate(panel.patches):
        y = patch.get_xy()[:-1, 1]
        np.testing.assert_array_equal(y[:12], lines[band])
        np.testing.assert_array_equal(y[12:], lines[8 - band][::-1])
    assert len(panel.patches) == 4


def test_runs_stand_side_by_side_on_the_same_scale(runs):
    figure = histograms.distributions(runs[:2], "activations")
    first = figure.axes[:4]
    assert [panel.get_title(loc="left") for panel in first] == ["conv1", "", "conv2", ""]
    assert first[0].get_ylim() == first[1].get_ylim() != first[2].get_ylim()
    assert [
        text.get_text() for panel in first for text in panel.texts
    ] == ["a", "b", "a", "b"]  # fmt: skip


@pytest.mark.parametrize("draw", [histograms.histograms, histograms.distributions])
def test_labels_of_values_differ_are_exact_and_do_not_overlap(tmp_path, draw):
    spans = [(0.09996, 0.10005), (-0.0005, 0.0007), (-3e-7, 3e-7), (-0.03, 0.03), (0.0998, 0.1003)]
    values = {
        "parameters/alexnet_v2/conv%d/biases" % number: np.linspace(*span, num=50)
        for number, span in enumerate(spans)
    }
    event_files.write(tmp_path / "a", steps_to_values={2: values, 4: values})
    figure = draw(read(tmp_path, "a"), "parameters")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = []
    for panel in figure.axes[: len(spans)]:
        labels = {axis: _labels_in_view(axis) for axis in (panel.xaxis, panel.yaxis)}
        values_axis = panel.xaxis if draw is histograms.histograms else panel.yaxis
        power = values_axis.get_offset_text().get_text()
        for place, label in labels[values_axis]:
            number = label.get_text() + power[len("1") :]
            np.testing.assert_allclose(float(number.replace("\u2212", "-")), place, atol=1e-12)
        texts += [label for found in labels.values() for _, label in found]
        texts += [axis.get_offset_text() for axis in labels]
        texts.append(panel._left_title)
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    assert len(boxes) > 4 * len(spans)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def _labels_in_view(axis):
    low, high = sorted(axis.get_view_interval())
    return [
        (place, label)
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels())
        if low <= place <= high and label.get_visible()
    ]


def test_a_runs_name_is_no_formula(runs, tmp_path):
    odd = [run._replace(name="$\\x_" + run.name) for run in runs[:2]]
    for picture in (curves.learning(odd, 0.9, "test"), histograms.histograms(odd, "activations")):
        picture_file.save(picture, str(tmp_path / "x.svg"), picture_file.Origin("t", "c"))
        assert "<!-- $\\x_a -->" in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_a_file_is_one_whatever_signs_a_name_has(runs, tmp_path, recwarn):
    odd = [run._replace(name="\x1b[31m \udce9 \u65e5 " + run.name) for run in runs[:1]]
    origin = picture_file.Origin("of \x07 \udce9 and \u65e5", "python \x1b")
    for kind in picture_file.DIAGRAM_FORMATS:
        picture = curves.learning(odd, 0.9, "test")
        picture_file.save(picture, str(tmp_path / "x"), origin, kind)
        assert not [one for one in recwarn if "Glyph" in str(one.message)]
        if kind == "svg":
            ElementTree.parse(str(tmp_path / "x"))


def test_layers_stand_in_the_networks_order(tmp_path):
    layers = ["conv1", "conv2", "conv5", "fc6", "pool1", "pool2", "pool5"]
    event_files.write_run(tmp_path, "a", 1, layers)
    figure = histograms.histograms(read(tmp_path, "a"), "activations")
    assert [panel.get_title(loc="left") for panel in figure.axes][:7] == [
        "conv1", "pool1", "conv2", "pool2", "conv5", "pool5", "fc6",
    ]  # fmt: skip
    assert all(len(panel.patches) == 1 for panel in figure.axes[:7])


def test_what_other_networks_have_written_is_drawn(tmp_path):
    values = {"activations/Logits": [1.0, 2.0], "activations/x/$\\frac{$": [1.0, 2.0]}
    event_files.write(tmp_path / "a", {1: {"sparsity/Logits": 0.5}}, {1: values})
    (run,) = read(tmp_path, "a")
    figure = histograms.histograms([run], "activations")
    picture_file.save(figure, str(tmp_path / "x.svg"), picture_file.Origin("t", "c"))
    titles = {panel.get_title(loc="left") for panel in figure.axes}
    assert titles >= {"Logits", r"\$\frac{\$"}
    curves.sparsity([run], LAYERS[:7])


def test_files_are_small(runs, tmp_path):
    assert len(runs) == histograms.MAX_RUNS
    path = tmp_path / "h.svg"
    picture_file.save(
        histograms.histograms(runs, "parameters"), str(path), picture_file.Origin("t", "c")
    )
    assert 100000 < path.stat().st_size < 300000


def test_an_svg_keeps_its_words_and_loses_needless_digits(tmp_path):
    with style.figure(3, 2) as picture:
        picture.subplots().plot([0, 1 / 3.0], [0, 2 / 3.0])
    path = tmp_path / "x.svg"
    picture_file.save(
        picture, str(path), picture_file.Origin("a title", "python x.py --rate 0.0001234")
    )
    svg = path.read_text(encoding="utf-8")
    assert "<dc:title>a title</dc:title>" in svg and "--rate 0.0001234" in svg
    assert not re.search(r' [dxy]="[^"]*\.\d\d\d', svg) and re.search(r' d="M \d+\.\d\d ', svg)


def test_the_diagram_says_what_the_graph_holds():
    shown = texts(network_diagram.diagram(architecture.layers()))
    for expected in (
        "conv1", "convolution 11 × 11, stride 4, VALID + ReLU", "54 × 54 × 64", "23,296",
        "max pooling 3 × 3, stride 2, VALID", "convolution 1 × 1, SAME", "dropout6",
        "1 × 1 × 4096", "26,218,496", "46,227,397",
    ):  # fmt: skip
        assert expected in shown


@pytest.mark.parametrize("draw", [histograms.histograms, histograms.distributions])
def test_long_names_of_runs_lie_over_nothing_and_leave_the_panels_their_width(runs, draw):
    named = [
        run._replace(name="adam_rate_1e-4_warmup_100_seed_%d" % i) for i, run in enumerate(runs)
    ]
    figures = [draw(some, "parameters") for some in (runs, named)]
    widths = [figure.axes[0].get_window_extent().width for figure in figures]
    assert widths[1] > 0.9 * widths[0]
    renderer = FigureCanvasAgg(figures[1]).get_renderer()
    boxes = [
        text.get_window_extent(renderer)
        for panel in figures[1].axes[:4]
        for text in (*panel.texts, panel._left_title)
        if text.get_text()
    ]
    assert len(boxes) == 4 + 1
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_every_evaluation_is_on_its_line(tmp_path):
    shares = {step: {tags.ACCURACY: 0.75 if step == 57 else 0.5} for step in range(1, 85)}
    event_files.write(tmp_path / "a" / "validation", shares)
    (line,) = curves.learning(read(tmp_path, "a"), 0.0, "validation").axes[1].lines
    assert line.get_ydata().max() == 0.75 and len(line.get_xdata()) == 84
    assert 84 / line.get_markevery() <= 40


def test_long_names_of_runs_lie_over_no_layer(tmp_path):
    tag = "sparsity/alexnet_v2/fc7"
    event_files.write(tmp_path / ("a_long_name_" * 5), {step: {tag: 0.5} for step in (2, 7)})
    figure = curves.sparsity(read(tmp_path, "a_long_name_" * 5), LAYERS[:7])
    fc7, empty = figure.axes[6:8]
    box = empty.get_legend().get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert box.x0 > fc7.get_window_extent().x1


def test_a_split_of_a_folders_name_is_no_formula(runs, tmp_path):
    figure = curves.learning(runs[:1], 0.9, "validation_on_5 $_$_1a2b3c")
    picture_file.save(figure, str(tmp_path / "x.svg"), picture_file.Origin("t", "c"))
    assert "<!-- validation_on_5 $_$_1a2b3c -->" in (tmp_path / "x.svg").read_text(encoding="utf-8")
