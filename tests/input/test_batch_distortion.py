"""A batch distorted at once is, image by image, what ``preprocessing.distort`` makes of each."""

import itertools

import gpus
import numpy as np
import pytest

from alexnet_flowers.input import batch_distortion, preprocessing
from alexnet_flowers.input.preprocessing import Draw
from alexnet_flowers.tf1 import tf

# Odd, tall, wide, of one pixel, and, for 64 px, five times as large as the result.
SHAPES = [(61, 87), (240, 320), (333, 251), (1, 1), (7, 300), (321, 2), (64, 64), (224, 195)]


def photo(height, width, rng):
    """Colors that change slowly and suddenly, black, white and gray among them."""
    coarse = rng.randint(0, 256, (height // 9 + 1, width // 9 + 1, 3))
    coarse[rng.rand(*coarse.shape[:2]) < 0.3] = rng.choice([0, 128, 255])
    image = np.kron(coarse, np.ones((9, 9, 1)))[:height, :width]
    return np.uint8(np.clip(image + rng.normal(0, 6, image.shape), 0, 255))


PHOTOS = [
    photo(height, width, np.random.RandomState(n)) for n, (height, width) in enumerate(SHAPES)
]


def random_draw(number, shape, rng):
    """A draw of numbers: some boxes touch the photo's edges, some are all of it."""
    size = [rng.randint(1, side + 1) for side in shape]
    begin = [
        rng.choice([0, side - part, rng.randint(side - part + 1)])
        for side, part in zip(shape, size)
    ]
    if number % 5 == 0:
        begin, size = [0, 0], list(shape)
    return Draw(
        begin, size, number % 2, rng.randint(4), rng.uniform(-32 / 255.0, 32 / 255.0),
        rng.uniform(0.5, 1.5), rng.uniform(-0.2, 0.2), rng.uniform(0.5, 1.5), rng.randint(4),
    )  # fmt: skip


def stacked(draws):
    """Returns a ``Draw`` of a batch, as constants."""

    def column(values):
        return tf.constant(np.array(values, np.float32))

    fields = Draw(*zip(*draws))
    return Draw(
        [column(begin) for begin in zip(*fields.begin)],
        [column(size) for size in zip(*fields.size)],
        *[column(field) for field in fields[2:]],
    )


def one_by_one(numbers, draws, image_size, fast_mode):
    """Returns what ``preprocessing.distort`` makes of some of PHOTOS on the CPU."""
    with tf.Graph().as_default(), gpus.cpu_session() as session, tf.device("/cpu:0"):
        box = tf.placeholder(tf.uint8, [None, None, 3])
        dtypes = (tf.bool, tf.int32) + 4 * (tf.float32,) + (tf.int32,)
        fed = [tf.placeholder(dtype, []) for dtype in dtypes]
        image = preprocessing.distort(
            box, Draw(None, None, *fed), image_size, image_size, fast_mode
        ).centered
        return [
            session.run(
                image, dict(zip([box] + fed, (cropped(PHOTOS[number], drawn),) + drawn[2:]))
            )
            for number, drawn in zip(numbers, draws)
        ]


def cropped(image, drawn):
    (top, left), (rows, columns) = drawn.begin, drawn.size
    return image[top : top + rows, left : left + columns]


def at_once(numbers, draws, image_size, fast_mode):
    """Returns what ``batch_distortion.distort`` makes of them, wherever TensorFlow puts it."""
    offsets = np.cumsum([0] + [image.shape[0] * image.shape[1] for image in PHOTOS])
    pixels = np.concatenate([batch_distortion.pack(image) for image in PHOTOS])
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        photos = batch_distortion.PackedPhotos(
            tf.constant(pixels),
            tf.constant(offsets[numbers]),
            tf.constant([float(PHOTOS[number].shape[1]) for number in numbers]),
        )
        taps = batch_distortion.taps_needed(image_size, max(map(max, SHAPES)), fast_mode)
        images = batch_distortion.distort(photos, stacked(draws), image_size, taps, fast_mode)
        return session.run(images)


def is_red_made_gray(ours, theirs):
    """Where TensorFlow's kernel loses a color: see ``batch_distortion._saturation``."""
    red, green, blue = np.moveaxis(ours, -1, 0)
    return (np.ptp(theirs, axis=-1) == 0) & (red > green) & (np.abs(green - blue) < 1e-6)


@pytest.mark.parametrize("image_size", [64, 195, 224])
@pytest.mark.parametrize("fast_mode", [True, False], ids=["fast", "full"])
def test_a_draw_gives_the_same_image(image_size, fast_mode):
    """Every resize method in every order, mirrored or not, enlarged and reduced."""
    rng = np.random.RandomState(image_size)
    numbers = np.arange(32) * 3 % len(PHOTOS)
    draws = [
        random_draw(n, SHAPES[numbers[n]], rng)._replace(method=method, ordering=order, flip=flip)
        for n, (flip, method, order) in enumerate(itertools.product(range(2), range(4), range(4)))
    ]
    images = at_once(numbers, draws, image_size, fast_mode)
    assert images.dtype == np.float32 and np.abs(images).max() <= 1
    num_gray = 0
    for drawn, ours, theirs in zip(
        draws, images, one_by_one(numbers, draws, image_size, fast_mode)
    ):
        gray = is_red_made_gray(ours, theirs)
        num_gray += gray.sum()
        np.testing.assert_allclose(ours[~gray], theirs[~gray], atol=1e-5, err_msg=str(drawn))
    assert num_gray < 20  # Of a million pixels.


def test_as_many_taps_as_the_largest_photo_needs():
    assert batch_distortion.taps_needed(224, 5000) == 2
    assert batch_distortion.taps_needed(224, 224, fast_mode=False) == 4
    assert batch_distortion.taps_needed(224, 673, fast_mode=False) == 5  # 3.004 and two ends.
    assert batch_distortion.taps_needed(64, 333, fast_mode=False) == 7


def test_bytes_there_and_back():
    image = PHOTOS[0]
    packed = batch_distortion.pack(image)
    assert packed.dtype == np.float32 and packed.shape == (61 * 87,)
    np.testing.assert_array_equal(packed.view(np.uint8).reshape(61, 87, 4)[..., :3], image)


@pytest.mark.parametrize("fast_mode", [True, False])
def test_a_gpu_has_a_kernel_for_each_operation(fast_mode):
    if not tf.test.is_built_with_cuda():
        pytest.skip("TensorFlow without GPU")
    with tf.Graph().as_default() as graph:
        numbers = tf.constant([[1, 2, 3, 4, 0, 1, 0.1, 1.1, 0.1, 1.1, 2]] * 2)
        begin_and_size = tf.unstack(numbers, axis=1)[:4]
        batch_distortion.distort(
            batch_distortion.PackedPhotos(
                tf.constant(np.zeros(50, np.float32)), tf.constant([0, 25], tf.int64), numbers[:, 4]
            ),
            Draw(begin_and_size[:2], begin_and_size[2:], *tf.unstack(numbers, axis=1)[4:]),
            16,
            batch_distortion.taps_needed(16, 5, fast_mode),
            fast_mode,
        )
        assert not gpus.without_kernel(graph.get_operations())
