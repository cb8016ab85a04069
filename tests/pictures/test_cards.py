"""Cards of photos with what was answered."""

import numpy as np

from alexnet_flowers.pictures import cards, colors


def test_a_bar_is_as_long_as_its_probability():
    right = tuple(bytes.fromhex(colors.RIGHT[1:]))

    def blue_px(probability):
        drawn = np.asarray(
            cards.card(
                np.zeros([10, 10, 3], np.uint8), [probability, 1 - probability], ["a", "b"], 0
            )
        )
        return (drawn == right).all(-1).any(0).sum()

    assert blue_px(1.0) == cards.PHOTO_PX + 1
    assert abs(blue_px(0.5) - cards.PHOTO_PX / 2) <= 1
    assert blue_px(0.0) == 0


def test_cards_of_wide_and_tall_photos_and_long_names_have_one_size():
    sizes = {
        cards.card(np.zeros(shape, np.uint8), [0.4, 0.6], [name, "b"], label).size
        for shape in ([10, 90, 3], [90, 10, 3])
        for name in ("a", "a very long name of a class, longer than a card is wide")
        for label in (None, 0, 1)
    }
    assert len(sizes) == 1
