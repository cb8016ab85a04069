"""What the network sees: the reference's distribution, from decoding no more than the drawn box."""

import gpus
import numpy as np
import pytest
from graphs import needed
from photo_archives import encode
from PIL import Image

from alexnet_flowers.benchmark import reference
from alexnet_flowers.input import preprocessing
from alexnet_flowers.tf1 import tf

SIZE = 64


def photo(height, width, seed=0):
    """A JPEG with color edges everywhere, where a cropped decode could go wrong."""
    rng = np.random.RandomState(seed)
    coarse = rng.randint(0, 256, (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))
    return encode(Image.fromarray(pixels), quality=85)  # 4:2:0, as photos are.


@pytest.fixture(scope="module")
def graph():
    """Both ways from a JPEG to an image, whole decode first, for the same fixed draw."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        graph.encoded = tf.placeholder(tf.string, [])
        graph.drawn = preprocessing.Draw(
            begin=[tf.placeholder(tf.int32, []) for _ in "yx"],
            size=[tf.placeholder(tf.int32, []) for _ in "yx"],
            flip=tf.placeholder(tf.bool, []),
            ordering=tf.placeholder(tf.int32, []),
            brightness=tf.placeholder(tf.float32, []),
            saturation=tf.placeholder(tf.float32, []),
            hue=tf.placeholder(tf.float32, []),
            contrast=tf.placeholder(tf.float32, []),
            method=tf.placeholder(tf.int32, []),
        )
        drawn = graph.drawn
        graph.whole = tf.image.decode_jpeg(graph.encoded, channels=3)
        graph.sliced = tf.slice(
            graph.whole, tf.stack(drawn.begin + [0]), tf.stack(drawn.size + [3])
        )
        shape = tf.image.extract_jpeg_shape(graph.encoded)
        graph.box = preprocessing.decode_box(graph.encoded, shape, drawn.begin, drawn.size)
        graph.fast = preprocessing.distort(graph.box, drawn, SIZE, SIZE, True).centered
        graph.full = preprocessing.distort(graph.box, drawn, SIZE, SIZE, False).centered
        graph.reference = {
            (ordering, fast): by_the_book(graph.whole, drawn, ordering, fast)
            for ordering in range(4)
            for fast in (True, False)
        }
        graph.eval = preprocessing.preprocess_for_eval(graph.encoded, SIZE, SIZE)
        graph.drawn_anew = preprocessing.draw(shape)
        graph.train = preprocessing.preprocess_for_train(graph.encoded, SIZE, SIZE)
        graph.train_whole = reference.preprocess_for_train(graph.whole, SIZE, SIZE)
        graph.train_whole_full = reference.preprocess_for_train(graph.whole, SIZE, SIZE, False)
        graph.train_full = preprocessing.preprocess_for_train(graph.encoded, SIZE, SIZE, False)
        graph.drawn_large = preprocessing.draw(shape, 0.5)
        graph.drawn_whole = preprocessing.draw(shape, 1.0)
    return graph


def by_the_book(image, drawn, ordering, fast_mode):
    """The reference's steps in the reference's order, written out for one ordering."""
    image = tf.image.convert_image_dtype(image, tf.float32)
    image = tf.slice(image, tf.stack(drawn.begin + [0]), tf.stack(drawn.size + [3]))
    image = tf.image.resize_images(image, [SIZE, SIZE], tf.image.ResizeMethod.BILINEAR)
    image.set_shape([SIZE, SIZE, 3])
    image = tf.cond(drawn.flip, lambda: tf.image.flip_left_right(image), lambda: image)

    changes = {
        "b": lambda x: tf.image.adjust_brightness(x, drawn.brightness),
        "s": lambda x: tf.image.adjust_saturation(x, drawn.saturation),
        "h": lambda x: tf.image.adjust_hue(x, drawn.hue),
        "c": lambda x: tf.image.adjust_contrast(x, drawn.contrast),
    }
    orders = ["bs", "sb", "sb", "sb"] if fast_mode else ["bshc", "sbch", "chbs", "hscb"]
    for change in orders[ordering]:
        image = changes[change](image)
    image = tf.clip_by_value(image, 0.0, 1.0)
    return tf.multiply(tf.subtract(image, 0.5), 2.0)


@pytest.fixture(scope="module")
def session(graph):
    with gpus.cpu_session(graph) as session:
        yield session


@pytest.fixture
def fresh_session(graph):
    """A session whose random numbers begin anew, whichever tests ran before."""
    with gpus.cpu_session(graph) as session:
        yield session


def fed(graph, encoded, begin, size, **changes):
    values = dict(
        begin=begin, size=size, flip=False, ordering=0, brightness=0.1, saturation=1.3, hue=0.1,
        contrast=1.2, method=0,
    )  # fmt: skip
    values.update(changes)
    feed = dict(zip(graph.drawn.begin + graph.drawn.size, values.pop("begin") + values.pop("size")))
    feed.update((getattr(graph.drawn, name), value) for name, value in values.items())
    feed[graph.encoded] = encoded
    return feed


def test_a_decoded_box_has_exactly_the_pixels_of_the_whole_photo(graph, session):
    rng = np.random.RandomState(1)
    for number in range(60):
        height, width = rng.randint(40, 200, 2)
        size = [rng.randint(1, height + 1), rng.randint(1, width + 1)]
        begin = [rng.randint(0, height - size[0] + 1), rng.randint(0, width - size[1] + 1)]
        feed = fed(graph, photo(height, width, number), begin, size)
        box, sliced = session.run([graph.box, graph.sliced], feed)
        np.testing.assert_array_equal(box, sliced, err_msg="%s of %s" % ((begin, size), height))


@pytest.mark.parametrize("fast_mode", [True, False])
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("ordering", range(4))
def test_a_fixed_draw_gives_bit_for_bit_the_reference(graph, session, ordering, flip, fast_mode):
    result = graph.fast if fast_mode else graph.full
    feed = fed(graph, photo(150, 200), [11, 23], [101, 117], flip=flip, ordering=ordering)
    ours, theirs = session.run([result, graph.reference[ordering, fast_mode]], feed)
    np.testing.assert_array_equal(ours, theirs)


def test_every_resize_method_of_the_full_mode_is_the_one_drawn(graph, session):
    feeds = [fed(graph, photo(150, 200), [0, 0], [150, 200], method=m) for m in range(4)]
    images = [session.run(graph.full, feed) for feed in feeds]
    assert all(np.abs(a - b).max() > 0.01 for a, b in zip(images, images[1:]))


def test_the_evaluation_sees_what_numpy_computes(graph, session):
    encoded = photo(131, 173)
    whole = session.run(graph.whole, {graph.encoded: encoded}).astype(np.float64) / 255
    top, left = int((131 - 131 * 0.875) / 2), int((173 - 173 * 0.875) / 2)
    central = whole[top : 131 - top, left : 173 - left]
    expected = (bilinear(central, SIZE, SIZE) - 0.5) * 2
    np.testing.assert_allclose(
        session.run(graph.eval, {graph.encoded: encoded}), expected, atol=1e-5
    )


def bilinear(image, height, width):
    """TensorFlow 1's bilinear resize without align_corners: sources at i * scale."""

    def weights(size, old_size):
        at = np.arange(size) * (old_size / size)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, old_size - 1), at - low

    top, bottom, dy = weights(height, image.shape[0])
    left, right, dx = weights(width, image.shape[1])
    dy, dx = dy[:, None, None], dx[None, :, None]
    upper = image[top][:, left] * (1 - dx) + image[top][:, right] * dx
    lower = image[bottom][:, left] * (1 - dx) + image[bottom][:, right] * dx
    return upper * (1 - dy) + lower * dy


def test_draws_are_spread_as_the_reference_says(graph, fresh_session):
    feed = {graph.encoded: photo(120, 160)}
    draws = [fresh_session.run(graph.drawn_anew, feed) for _ in range(400)]
    begins = np.array([d.begin for d in draws])
    sizes = np.array([d.size for d in draws])
    assert (begins >= 0).all() and (begins + sizes <= [120, 160]).all()
    areas = sizes.prod(1) / (120.0 * 160.0)
    # A tenth of the photo, which is the object, has to be covered: more than the 5 % of area.
    assert 0.09 < areas.min() < 0.2 and 0.8 < areas.max() <= 1.0
    aspects = sizes[:, 1] / sizes[:, 0].astype(float)
    assert 0.72 < aspects.min() < 0.8 and 1.28 < aspects.max() < 1.37  # Whole pixels round them.
    for name, low, high in (
        ("brightness", -32 / 255.0, 32 / 255.0),
        ("saturation", 0.5, 1.5),
        ("hue", -0.2, 0.2),
        ("contrast", 0.5, 1.5),
    ):
        values = np.array([getattr(d, name) for d in draws])
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.05 * (high - low)
    assert 0.42 < np.mean([d.flip for d in draws]) < 0.58
    for name in ("ordering", "method"):
        counts = np.bincount([getattr(d, name) for d in draws], minlength=4)
        assert len(counts) == 4 and counts.min() > 65


def test_boxes_are_as_large_as_asked(graph, fresh_session):
    feed = {graph.encoded: photo(120, 160)}
    sizes = np.array([fresh_session.run(graph.drawn_large.size, feed) for _ in range(200)])
    areas = sizes.prod(1) / (120.0 * 160.0)
    assert 0.49 < areas.min() < 0.55 and areas.max() > 0.9  # Whole pixels round them.
    # No box of 3:4 to 4:3 covers all of a photo of 1:2: it is the photo itself.
    feed = {graph.encoded: photo(60, 120)}
    assert list(fresh_session.run(graph.drawn_whole.size, feed)) == [60, 120]


@pytest.mark.parametrize("mode", ["", "_full"])
def test_what_the_network_sees_has_the_references_statistics(graph, fresh_session, mode):
    """Means, spreads and quantiles of many samples of both paths agree."""
    num = 1500
    feed = {graph.encoded: photo(120, 160)}

    def statistics(image):
        samples = np.stack([fresh_session.run(image, feed) for _ in range(num)])
        per_image = samples.reshape(num, -1)
        return np.array(
            [
                samples[..., 0].mean(),
                samples[..., 1].mean(),
                samples[..., 2].mean(),
                per_image.std(1).mean(),
                per_image.mean(1).std(),
                np.percentile(samples, 10),
                np.percentile(samples, 90),
                (np.abs(samples) == 1).mean(),
                np.abs(np.diff(samples, axis=2)).mean(),  # How much the boxes are enlarged.
            ]
        )

    ours, theirs = getattr(graph, "train" + mode), getattr(graph, "train_whole" + mode)
    np.testing.assert_allclose(statistics(ours), statistics(theirs), atol=0.035)


@pytest.mark.parametrize("name", ["train", "train_full", "train_whole", "eval"])
def test_images_are_floats_from_minus_one_to_one(graph, fresh_session, name):
    tensor = getattr(graph, name)
    assert tensor.shape.as_list() == [SIZE, SIZE, 3] and tensor.dtype == tf.float32
    images = [fresh_session.run(tensor, {graph.encoded: photo(90, 70, n)}) for n in range(10)]
    assert np.min(images) >= -1 and np.max(images) <= 1
    assert np.min(images) < -0.8 and np.max(images) > 0.8


def test_nothing_decodes_a_whole_photo_in_training(graph):
    ops = needed(graph.train.op) | needed(graph.eval.op)
    assert "DecodeAndCropJpeg" in {op.type for op in ops}
    assert not {"DecodeJpeg", "DecodePng", "DecodeBmp", "DecodeGif"} & {op.type for op in ops}
