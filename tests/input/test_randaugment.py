"""Each operation does what Pillow's does, and which one is applied follows from what was drawn."""

import gpus
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from alexnet_flowers.data import dataset
from alexnet_flowers.input import preprocessing, randaugment, resident
from alexnet_flowers.tf1 import tf

SIZE = (40, 30)  # Height and width.
LEVEL = 0.7
NAMES = [one.__name__ for one in randaugment.OPERATIONS]


@pytest.fixture(scope="module")
def picture():
    """A colored picture with areas and edges, uint8."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    noise = np.random.RandomState(0).randint(0, 60, SIZE + (3,))
    planes = [40 + 4 * rows, 200 - 5 * columns, 90 + 60 * ((rows // 8 + columns // 8) % 2)]
    return np.uint8(np.clip(np.stack(planes, -1) + noise, 10, 230))


def affine(image, a, b, c, d, e, f):
    """Pillow's: (x, y) comes from (a x + b y + c, d x + e y + f), from the center in px."""
    x, y = image.width / 2, image.height / 2
    moved = (a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y)
    fill = (128, 128, 128)
    return image.transform(image.size, Image.AFFINE, moved, Image.BILINEAR, fillcolor=fill)


def with_pillow(name, image, sign):
    factor = 1 + sign * 0.9 * LEVEL
    angle, shear = np.radians(30) * sign * LEVEL, 0.3 * sign * LEVEL
    cos, sin = np.cos(angle), np.sin(angle)
    return {
        "identity": lambda: image,
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "rotate": lambda: affine(image, cos, -sin, 0, sin, cos, 0),
        "solarize": lambda: ImageOps.solarize(image, 256 - 256 * LEVEL),
        "color": lambda: ImageEnhance.Color(image).enhance(factor),
        "posterize": lambda: ImageOps.posterize(image, 5),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(factor),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(factor),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
        "shear_x": lambda: affine(image, 1, shear, 0, 0, 1, 0),
        "shear_y": lambda: affine(image, 1, 0, 0, shear, 1, 0),
        "translate_x": lambda: affine(image, 1, 0, sign * LEVEL * 0.45 * image.width, 0, 1, 0),
        "translate_y": lambda: affine(image, 1, 0, 0, 0, 1, sign * LEVEL * 0.45 * image.height),
    }[name]()


@pytest.fixture(scope="module")
def apply():
    """A function of a uint8 image, of operations and directions, and of the magnitude."""
    with tf.Graph().as_default() as graph:
        image = tf.placeholder(tf.float32, SIZE + (3,))
        drawn = tf.placeholder(tf.float32, [None, 2])
        results = {
            (layers, magnitude): randaugment.augmented(
                image, tf.ensure_shape(drawn, [layers, 2]), magnitude
            )
            for layers, magnitude in ((1, 10 * LEVEL), (1, 0.0), (2, 10 * LEVEL))
        }
        with gpus.cpu_session(graph) as session:

            def run(picture, chosen, magnitude=10 * LEVEL):
                numbers = [
                    [(NAMES.index(name) + 0.5) / len(NAMES), 0.25 if sign < 0 else 0.75]
                    for name, sign in chosen
                ]
                found = session.run(
                    results[len(chosen), magnitude],
                    {image: np.float32(picture) / 127.5 - 1, drawn: numbers},
                )
                return (found / 2 + 0.5) * 255

            yield run


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_does_what_pillows_does(apply, picture, name, sign):
    ours = apply(picture, [(name, sign)])
    theirs = np.float32(with_pillow(name, Image.fromarray(picture), sign))
    distance = np.abs(ours - theirs)
    if name.startswith(("rotate", "shear", "translate")):
        # At the border Pillow takes the nearest pixel, where here the gray begins.
        assert (distance > 2).any(-1).mean() < 0.1 and np.median(distance) <= 1
    else:
        assert distance.max() <= 2
    assert name == "identity" or np.abs(ours - picture).mean() > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_magnitude_of_0_changes_nothing_that_has_one(apply, picture, name):
    changed = np.abs(apply(picture, [(name, 1)], 0.0) - picture).max()
    assert (changed > 2) == (name in ("autocontrast", "equalize"))


def test_operations_follow_one_another(apply, picture):
    chosen = [("translate_x", 1), ("solarize", 1)]
    once = apply(picture, chosen[:1])
    np.testing.assert_allclose(apply(picture, chosen), apply(once, chosen[1:]), atol=0.01)


def test_one_color_alone_stays(apply):
    # What a device rounds by pixel is one value, too.
    plain = 77 + 1e-5 * np.random.RandomState(0).randn(*SIZE, 3)
    for name in ("autocontrast", "equalize"):
        np.testing.assert_allclose(apply(plain, [(name, 1)]), plain, atol=0.01)


def test_all_operations_are_drawn_as_often():
    with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
        tf.set_random_seed(1)
        drawn = session.run(randaugment.draw(2800))
    assert drawn.shape == (2800, 2)
    counts = np.bincount((drawn[:, 0] * len(NAMES)).astype(int), minlength=len(NAMES))
    assert len(counts) == 14 and counts.min() > 140 and counts.max() < 260
    assert 0.45 < (drawn[:, 1] < 0.5).mean() < 0.55


@pytest.fixture(scope="module")
def photos(tiny_dataset):
    return resident.read(dataset.get_split("train", tiny_dataset), 2**40)


def from_the_queues(photos, policy):
    """The same draws of some photos each time, as the queues' threads distort them."""
    with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
        tf.set_random_seed(4)
        image = preprocessing.preprocess_for_train(
            tf.constant(photos.encoded[0]), *SIZE, randaug=policy
        )
        return [session.run(image) for _ in range(4)]


def from_the_device(photos, policy):
    """The same draws of some photos each time, as they are distorted on a device."""
    with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
        distortion = preprocessing.Distortion(SIZE[0], True, 0.5, policy)
        first_batch = tf.constant(0, tf.int64)
        batch = resident.training_batches(photos, 4, distortion, "/cpu:0", [2], first_batch)
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        assert batch.images.shape.as_list() == [4, SIZE[0], SIZE[0], 3]
        return session.run(batch.images)


@pytest.mark.parametrize("images", [from_the_queues, from_the_device])
def test_an_operation_is_the_last_thing_that_befalls_a_distorted_photo(photos, images):
    policy = randaugment.Policy(1, 10 * LEVEL)
    plain, augmented = (np.stack(images(photos, one)) for one in (randaugment.NOTHING, policy))
    with tf.Graph().as_default() as graph, gpus.cpu_session(graph) as session:
        image = tf.placeholder(tf.float32, plain.shape[1:])
        every = [
            tf.clip_by_value(one(image / 2 + 0.5, LEVEL, sign), 0.0, 1.0) * 2 - 1
            for one in randaugment.OPERATIONS
            for sign in (tf.constant(-1.0), tf.constant(1.0))
        ]
        chosen = set()
        for before, after in zip(plain, augmented):
            distances = [np.abs(one - after).max() for one in session.run(every, {image: before})]
            assert min(distances) < 1e-4
            chosen.add(int(np.argmin(distances)))
    assert len(chosen) > 1
    np.testing.assert_array_equal(augmented, np.stack(images(photos, policy)))
