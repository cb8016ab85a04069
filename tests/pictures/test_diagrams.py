"""Bars, lines and colors of the diagrams are as high as their numbers."""

import matplotlib
import numpy as np
import pytest

from alexnet_flowers.inference import dead_units
from alexnet_flowers.pictures import diagrams, picture_file


def test_the_bars_are_as_high_as_the_shares():
    layers = [dead_units.LayerUnits("conv1", 64, 16, 0.5), dead_units.LayerUnits("fc6", 10, 0, 0.9)]
    (axes,) = diagrams.dead_units(layers).axes
    assert [bar.get_height() for bar in axes.patches] == [25.0, 0.0]
    assert list(axes.lines[0].get_ydata()) == [50.0, 90.0]
    assert {"16 of 64", "0 of 10"} <= {text.get_text() for text in axes.texts}


def test_runs_have_their_bars_side_by_side():
    one = [dead_units.LayerUnits("conv1", 64, 16, 0.5), dead_units.LayerUnits("fc6", 10, 0, 0.9)]
    other = [dead_units.LayerUnits("conv1", 64, 64, 1), dead_units.LayerUnits("fc6", 10, 1, 0.9)]
    (axes,) = diagrams.dead_units_side_by_side({"_a": one, "$b": other}).axes
    assert [bar.get_height() for bar in axes.patches] == [25, 0, 100, 10]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    np.testing.assert_allclose(middles, [-0.2, 0.8, 0.2, 1.2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [" _a", "\\$b"]


def test_the_confusion_matrix_shows_counts_and_any_class_name():
    (axes, _) = diagrams.confusion_matrix([[3, 1], [0, 2]], ["$a_$b", "c"]).axes
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "2"]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    axes.figure.canvas.draw()
    many = diagrams.confusion_matrix(np.eye(31, dtype=int), ["c"] * 31).axes[0]
    assert not many.texts
    assert [text.get_text() for text in many.get_yticklabels()] == ["c"] * 31


def test_of_a_thousand_classes_the_confusion_matrix_names_ids():
    names = ["class %d" % label for label in range(1000)]
    figure = diagrams.confusion_matrix(np.eye(1000, dtype=int), names)
    figure.canvas.draw()
    axes = figure.axes[0]
    written = [text.get_text() for text in axes.get_yticklabels()]
    assert len(written) < 30 and not set(written) & set(names)
    assert axes.get_ylabel() == "true class (id)" and axes.get_xlabel() == "predicted class (id)"


def test_the_names_of_many_classes_do_not_lie_over_each_other():
    for number in (2, 30, 31, 60):
        axes = diagrams.confusion_matrix(np.eye(number, dtype=int), ["gyp"] * number).axes[0]
        axes.apply_aspect()
        left, right = axes.transData.transform([(0, 0), (1, 0)])[:, 0]
        label = axes.get_xticklabels()[0]
        between = (right - left) * np.sin(np.radians(label.get_rotation()))
        assert between >= label.get_size() / 72 * axes.figure.dpi


def test_a_class_without_photos_has_no_share():
    (axes, _) = diagrams.confusion_matrix([[3, 1], [0, 0]], ["a", "b"]).axes
    shares = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(shares, [[0.75, 0.25], [np.nan] * 2])
    assert [text.get_color() for text in axes.texts[2:]] == ["black"] * 2  # On white.


@pytest.mark.parametrize("name, value", [("text.usetex", True), ("figure.facecolor", "black")])
def test_a_persons_matplotlibrc_changes_no_picture(tmp_path, monkeypatch, name, value):
    def saved():
        figure = diagrams.confusion_matrix([[3, 1], [0, 2]], ["a", "b"])
        picture_file.save(figure, str(tmp_path / "a.svg"), picture_file.Origin("title", "command"))
        return (tmp_path / "a.svg").read_bytes()

    plain = saved()
    monkeypatch.setitem(matplotlib.rcParams, name, value)
    assert saved() == plain and matplotlib.rcParams[name] == value
