"""A score map as a picture."""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from alexnet_flowers.pictures import score_heat_map


def test_a_narrow_map_has_a_picture_of_bounded_height():
    narrow = [np.zeros([6000, 200, 3], np.uint8), np.zeros([180, 1, 2], np.float32)]
    width, height = score_heat_map.score_heat_map(*narrow, ["a", "b"], 195, 32).get_size_inches()
    assert height < 3 * width


def test_the_picture_lays_the_scores_over_the_windows_middles():
    scores = np.zeros([3, 5, 2], np.float32)
    scores[..., 1] = 0.9
    scores[2, 4, 0] = 1.0
    image = np.zeros([280, 350, 3], np.uint8)
    figure = score_heat_map.score_heat_map(image, scores, ["a", "b"], 195, 32)
    photo_axes, likeliest, other = figure.axes[:3]
    assert photo_axes.get_title() == "350 x 280 px, 5 x 3 places"
    assert (
        likeliest.get_title().startswith("b: 0.90") and "a: 0.07, at most 1.00" in other.get_title()
    )
    heat = other.images[1]
    np.testing.assert_array_equal(heat.get_array(), scores[..., 0])
    left, right, bottom, top = heat.get_extent()
    # The first window's middle is at 97.5 px, the place around it 32 px wide.
    assert (left, top) == (81.5, 81.5) and (right, bottom) == (81.5 + 5 * 32, 81.5 + 3 * 32)


def test_of_many_classes_the_likeliest_are_drawn():
    scores = np.zeros([3, 5, 1000], np.float32)
    scores[..., 700], scores[..., 7] = 0.6, 0.2
    image = np.zeros([280, 350, 3], np.uint8)
    names = ["class %d" % number for number in range(1000)]
    figure = score_heat_map.score_heat_map(image, scores, names, 195, 32)
    titles = [panel.get_title() for panel in figure.axes]
    assert titles[0] == "350 x 280 px, 5 x 3 places\nthe likeliest 11 of 1000 classes"
    assert [title.split(":")[0] for title in titles[1:4]] == ["class 700", "class 7", "class 0"]
    assert len(titles) == 1 + 11 + 1  # And the scale.


def test_titles_of_long_names_do_not_lie_over_each_other():
    names = ["black-footed ferret, ferret, Mustela nigripes", "convolvulus arvensis", "x" * 200]
    image = np.zeros([280, 350, 3], np.uint8)
    figure = score_heat_map.score_heat_map(image, np.full([3, 5, 3], 0.25), names, 195, 32)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [panel.title.get_window_extent(renderer) for panel in figure.axes[:4]]
    photos = [panel.get_window_extent(renderer) for panel in figure.axes[:4]]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(one.overlaps(other) for one, other in itertools.product(boxes, photos))
    assert all("0.25, at most 0.25" in panel.get_title() for panel in figure.axes[1:4])


def test_a_large_photo_is_kept_no_larger_than_can_be_seen():
    image = np.zeros([1500, 3000, 3], np.uint8)
    image[:, 2900:] = 255
    figure = score_heat_map.score_heat_map(image, np.zeros([40, 87, 3]), ["a", "b", "c"], 195, 32)
    for panel in figure.axes[:4]:
        shown = panel.images[0]
        assert shown.get_array().shape[:2] == (512, 1024)
        assert list(shown.get_extent()) == [-0.5, 2999.5, 1499.5, -0.5]
        assert shown.get_array()[5, :985].max() < 9 and shown.get_array()[5, 995:].min() > 245
