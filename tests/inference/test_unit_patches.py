"""The patches of a unit are where its values are largest, cut out of what the network sees."""

import re

import numpy as np
import pytest

from alexnet_flowers.data import photos
from alexnet_flowers.inference import trained_network, unit_patches
from alexnet_flowers.input import preprocessing
from alexnet_flowers.pictures import patches


@pytest.fixture(scope="module")
def shown(tiny_dataset):
    return photos.from_split(tiny_dataset, "train")[0]


@pytest.mark.parametrize(
    "layer, size, stride, before",  # In pixels; the last: how far beyond the corner it begins.
    [("conv3", 99, 16, 32), ("pool5", 195, 32, 64)],
)
def test_they_are_the_strongest_places_of_all_photos(
    network, shown, monkeypatch, layer, size, stride, before
):
    fetches = {"values": network.end_points[layer], "images": network.images}
    ((_, answers),) = network.ask(shown, fetches)
    values, images = answers["values"], preprocessing.as_bytes(answers["images"])
    monkeypatch.setattr(trained_network, "BATCH_SIZE", 7)
    found = unit_patches.strongest(network, shown, "alexnet_v2/" + layer, max_units=5)
    per_photo = values.max((1, 2))
    strongest = np.argsort(-per_photo.max(0), kind="stable")[:5]
    assert [unit.number for unit in found] == list(strongest)
    names = [photo.name for photo in shown]
    for unit in found:
        expected = np.sort(per_photo[:, unit.number])[::-1][:9]
        activations = [patch.activation for patch in unit.patches]
        np.testing.assert_allclose(activations, expected[expected > 0], rtol=1e-5)
        assert len({patch.photo_name for patch in unit.patches}) == len(unit.patches)
        for patch in unit.patches:
            photo = names.index(patch.photo_name)
            at = values[(photo,) + patch.place + (unit.number,)]
            assert at == pytest.approx(patch.activation, rel=1e-5)
            padded = np.pad(images[photo], ((size, size), (size, size), (0, 0)), "constant",
                            constant_values=128)  # fmt: skip
            top, left = (size - before + stride * one for one in patch.place)
            expected = padded[top : top + size, left : left + size]
            np.testing.assert_array_equal(patch.pixels, expected)


def test_of_units_that_see_everything_it_is_the_whole_image(network, shown):
    found = unit_patches.strongest(network, shown[:2], "fc7", max_units=3)
    assert {patch.pixels.shape for unit in found for patch in unit.patches} == {(195, 195, 3)}
    drawn = patches.units(*unit_patches.drawable(found))
    assert drawn.width > 2 * 3 * patches.PATCH_PX


def test_scores_of_classes_may_be_below_zero(network, shown):
    found = unit_patches.strongest(network, shown, "fc8", max_units=5)
    assert sorted(unit.name for unit in found) == sorted(network.class_names)
    assert {len(unit.patches) for unit in found} == {patches.PER_UNIT}
    _, captions = unit_patches.drawable(found)
    assert all(re.match(r"\w+: -?\d", caption) for caption in captions)


def test_a_unit_that_never_fires_has_no_patch():
    empty, captions = unit_patches.drawable([unit_patches.Unit(4, "unit 4", [])])
    assert captions == ["unit 4: never fires"]
    middle = patches.units(empty, captions).getpixel((30, 50))
    assert middle == (221, 221, 221)


def test_of_a_long_name_the_value_stays():
    shown = []
    for value in ("12.3", "45.6"):
        shown.append(
            np.asarray(
                patches.units([[]], ["black-footed ferret, ferret, Mustela nigripes: " + value])
            )
        )
    assert (shown[0] != shown[1]).any()
