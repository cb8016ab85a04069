"""The picture of the preprocessing shows what the preprocessing does."""

import gpus
import numpy as np
import photo_archives
import pytest

from alexnet_flowers.data import photos
from alexnet_flowers.input import draws, preprocessing
from alexnet_flowers.pictures import distortions
from alexnet_flowers.tf1 import tf


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "full"])
def fast_mode(request):
    return request.param


@pytest.fixture(scope="module")
def photo():
    return photos.Photo("rose.jpg", photo_archives.draw("roses", 1), None)


@pytest.fixture(scope="module")
def shown(photo, fast_mode):
    return draws.draw_distortions(photo, 4, 32, fast_mode, seed=1)


def test_the_photo_and_the_evaluations_view(shown, photo):
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        whole = session.run(tf.image.decode_jpeg(photo.encoded, channels=3))
        view = session.run(preprocessing.preprocess_for_eval(photo.encoded, 32, 32))
        central = session.run(tf.image.central_crop(whole, 0.875))
    np.testing.assert_array_equal(shown.photo, whole)
    np.testing.assert_array_equal(shown.view, view)
    (top, left), (height, width) = shown.box
    np.testing.assert_array_equal(whole[top : top + height, left : left + width], central)


def test_each_draw_leads_to_its_stages(shown, fast_mode):
    flips = set()
    for drawn, crop, stages in zip(shown.draws, shown.crops, shown.stages):
        (top, left), (height, width) = drawn.begin, drawn.size
        box = shown.photo[top : top + height, left : left + width]
        np.testing.assert_array_equal(crop, box)
        expected = stages.resized[:, ::-1] if drawn.flip else stages.resized
        np.testing.assert_array_equal(stages.flipped, expected)
        np.testing.assert_allclose(stages.centered, stages.colored * 2 - 1, atol=1e-6)
        assert stages.colored.min() >= 0 and stages.colored.max() <= 1
        with tf.Graph().as_default(), gpus.cpu_session() as session:
            distorted = preprocessing.distort(
                tf.constant(crop), preprocessing.Draw(*map(_constant, drawn)), 32, 32, fast_mode
            )
            np.testing.assert_array_equal(session.run(distorted.centered), stages.centered)
        flips.add(bool(drawn.flip))
    assert flips == {True, False}


def test_the_same_seed_draws_the_same(photo, shown, fast_mode):
    again, other = (draws.draw_distortions(photo, 4, 32, fast_mode, seed=seed) for seed in (1, 2))
    boxes = [[np.ravel((one.begin, one.size)).tolist() for one in s.draws] for s in (shown, again)]
    assert boxes[0] == boxes[1] and len(set(map(tuple, boxes[0]))) == 4
    for one, same, another in zip(shown.stages, again.stages, other.stages):
        np.testing.assert_array_equal(one.centered, same.centered)
        assert (one.centered != another.centered).any()


def test_without_a_seed_each_graph_draws_others():
    def draw():
        with tf.Graph().as_default(), tf.Session() as session:
            drawn = preprocessing.draw(tf.constant([999, 999, 3]))
            return np.ravel(session.run((drawn.begin, drawn.size))).tolist()

    assert draw() != draw()


def _constant(value):
    return [tf.constant(part) for part in value] if isinstance(value, list) else tf.constant(value)


def test_the_words_are_in_the_order_of_the_changes():
    drawn = preprocessing.Draw(
        [0, 0], [1, 1], False, 0, np.float32(0.1), np.float32(1.2), -0.1, 0.9, 0
    )
    assert draws.words(drawn) == "brightness +0.10\nsaturation 1.20"
    assert draws.words(drawn._replace(ordering=2)) == "saturation 1.20\nbrightness +0.10"
    full = draws.words(drawn._replace(ordering=2), fast_mode=False).split("\n")
    assert [line.split()[0] for line in full] == ["contrast", "hue", "brightness", "saturation"]


def test_the_picture_has_the_box_on_the_photo_and_the_images_beside_it(shown, fast_mode):
    seen = [preprocessing.as_bytes(stages.centered) for stages in shown.stages]
    changes = [draws.words(drawn, fast_mode) for drawn in shown.draws]
    view = preprocessing.as_bytes(shown.view)
    figure = distortions.distortions(shown, seen, view, changes)
    assert len(figure.axes) == 4 * 7
    rows = np.array(figure.axes).reshape(4, 7)
    for row, drawn, stages in zip(rows, shown.draws, shown.stages):
        (box,) = row[0].patches
        assert (box.get_y(), box.get_x()) == tuple(drawn.begin)
        assert (box.get_height(), box.get_width()) == tuple(drawn.size)
        np.testing.assert_array_equal(row[4].images[0].get_array(), stages.colored)
        np.testing.assert_array_equal(
            row[5].images[0].get_array(), preprocessing.as_bytes(stages.centered)
        )
    (box,) = rows[0, 6].patches
    assert (box.get_y(), box.get_x()) == shown.box[0]


def test_bytes_there_and_back(photo):
    image = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    seen = preprocessing.from_bytes(image)
    assert seen.dtype == np.float32 and seen.min() == -1 and seen.max() == 1
    np.testing.assert_array_equal(preprocessing.as_bytes(seen), image)
    opened = np.asarray(photos.open_image(photo))
    np.testing.assert_array_equal(preprocessing.as_bytes(preprocessing.from_bytes(opened)), opened)
