"""Photos that stay on the device: each once an epoch, as drawn, with its label and its name."""

import collections

import gpus
import numpy as np
import pytest
from queues import started

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline, preprocessing, resident, training_input
from alexnet_flowers.tf1 import tf

SIZE = 32
FAST = preprocessing.Distortion(SIZE, True, preprocessing.MIN_CROP_AREA)
FULL = FAST._replace(fast_mode=False)


@pytest.fixture(scope="module")
def split(tiny_dataset):
    return dataset.get_split("train", tiny_dataset)


@pytest.fixture(scope="module")
def photos(split):
    return resident.read(split, 2**40)


def take(split, photos, count, request, first_batch=0):
    """Returns some batches of each clone: a list of lists of ``pipeline.Batch`` of arrays."""
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        built = training_input.batches(split, request, photos, first_batch)
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        return [session.run(built) for _ in range(count)]


def test_what_is_read_is_what_the_queues_read(split, photos):
    with tf.Graph().as_default() as graph:
        batch = pipeline.evaluation_batches(split, 25, SIZE)
        decoded = [tf.image.decode_jpeg(encoded) for encoded in photos.encoded]
    with started(graph) as (session, _):
        queued, whole = session.run([batch, decoded])
    assert photos.encoded == list(queued.encoded)
    assert [name.encode() for name in photos.filenames] == list(queued.filenames)
    np.testing.assert_array_equal(photos.labels, queued.labels)
    np.testing.assert_array_equal(photos.sizes, [image.shape[:2] for image in whole])
    pixels = photos.decoded()
    expected = np.concatenate([image.reshape(-1, 3) for image in whole])
    assert pixels.shape == (photos.num_pixels,) and pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels.view(np.uint8).reshape(-1, 4)[:, :3], expected)


@pytest.mark.parametrize("distortion", [FAST, FULL], ids=["fast", "full"])
def test_batches_are_photos_with_their_labels(split, photos, distortion):
    request = training_input.Request(7, distortion, seed=1)
    for (batch,) in take(split, photos, 6, request):
        assert batch.images.shape == (7, SIZE, SIZE, 3) and batch.images.dtype == np.float32
        assert np.abs(batch.images).max() <= 1 and batch.images.std(axis=(1, 2, 3)).min() > 0.05
        for label, name, encoded in zip(batch.labels, batch.filenames, batch.encoded):
            number = photos.filenames.index(name.decode())
            assert photos.encoded[number] == encoded
            assert split.labels_to_names[label] == name.decode().split("/")[0]


@pytest.mark.parametrize("distortion", [FAST, FULL], ids=["fast", "full"])
def test_an_image_is_what_preprocessing_makes_of_the_photo_and_its_draw(photos, distortion):
    with tf.Graph().as_default() as graph, gpus.cpu_session() as session:
        batch = resident.training_batches(
            photos, 25, distortion, "/cpu:0", [2], tf.constant(0, tf.int64)
        )
        (drawn,) = [op.outputs[1] for op in graph.get_operations() if op.type == "IteratorGetNext"]
        encoded = tf.placeholder(tf.string, [])
        whole = tf.image.decode_jpeg(encoded, channels=3)
        fed = [tf.placeholder(tf.int32, []) for _ in range(4)]
        fed += [tf.placeholder(dtype, []) for dtype in (tf.bool, tf.int32) + 4 * (tf.float32,)]
        fed += [tf.placeholder(tf.int32, [])]
        top, left, rows, columns = fed[:4]
        single = preprocessing.distort(
            whole[top : top + rows, left : left + columns],
            preprocessing.Draw(None, None, *fed[4:]), SIZE, SIZE, distortion.fast_mode,
        ).centered  # fmt: skip
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        taken, draws = session.run([batch, drawn])
        for image, jpeg, numbers in zip(taken.images, taken.encoded, draws):
            expected = session.run(single, dict(zip([encoded] + fed, [jpeg] + list(numbers[1:]))))
            np.testing.assert_allclose(image, expected, rtol=0, atol=1e-5)


def test_each_photo_once_an_epoch_in_a_new_order(split, photos):
    request = training_input.Request(10, FAST, seed=3)
    names = [name for (batch,) in take(split, photos, 10, request) for name in batch.filenames]
    epochs = [names[start : start + 25] for start in range(0, 100, 25)]
    assert all(len(set(epoch)) == 25 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_seed_decides_everything_and_a_run_goes_on_where_it_was(split, photos):
    request = training_input.Request(10, FULL, seed=4)
    first = take(split, photos, 6, request)
    continued = take(split, photos, 3, request, first_batch=3)
    other = take(split, photos, 1, request._replace(seed=5, distortion=FAST))
    request = request._replace(seed=None, distortion=FAST)
    unseeded = [take(split, photos, 1, request) for _ in range(2)]
    for (a,), (b,) in zip(first[3:], continued):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.filenames, b.filenames)
    assert list(first[0][0].filenames) != list(other[0][0].filenames)
    assert list(unseeded[0][0][0].filenames) != list(unseeded[1][0][0].filenames)
    # The photo that comes again is drawn anew.
    by_name = collections.defaultdict(list)
    for (batch,) in first:
        for name, image in zip(batch.filenames, batch.images):
            by_name[name].append(image)
    assert all(np.abs(a - b).max() > 0.01 for a, b in (images[:2] for images in by_name.values()))


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63 - 1])
def test_any_seed_that_tensorflow_takes_will_do(split, photos, seed):
    request = training_input.Request(4, FAST, seed=seed)
    one, other = (take(split, photos, 1, request)[0][0] for _ in range(2))
    np.testing.assert_array_equal(one.images, other.images)


def test_each_clone_has_photos_of_its_own(split, photos):
    request = training_input.Request(4, FAST, seed=6, clone_devices=["/cpu:0", "/cpu:0"])
    with tf.Graph().as_default():
        training_input.batches(split, request, photos)
        sizes = [variable.shape.num_elements() for variable in tf.local_variables()]
    assert len(sizes) == 2 and sum(sizes) == photos.num_pixels
    taken = take(split, photos, 12, request)
    seen = [{name for pair in taken for name in pair[clone].filenames} for clone in (0, 1)]
    assert len(seen[0]) == 13 and len(seen[1]) == 12 and not seen[0] & seen[1]
    assert (taken[0][0].images[0] != taken[0][1].images[0]).any()


def test_the_queues_serve_clones_too(split):
    request = training_input.Request(
        4, FAST, pipeline.Queues(common_queue_min=5), clone_devices=["", ""]
    )
    with tf.Graph().as_default():
        first, second = training_input.batches(split, request)
        assert first.images.shape.as_list() == second.images.shape.as_list() == [4, SIZE, SIZE, 3]
        assert first.filenames.shape.as_list() == [4]


def test_pixels_are_in_no_checkpoint(split, photos):
    with tf.Graph().as_default():
        training_input.batches(split, training_input.Request(4, FAST), photos)
        assert not tf.global_variables() and not tf.trainable_variables()
        assert tf.get_default_graph().as_graph_def().ByteSize() < photos.num_pixels


def test_what_is_chosen(split, photos, monkeypatch):
    request = training_input.Request(4, FAST)
    needed = resident.bytes_needed(photos.num_pixels, 4, SIZE)
    assert needed >= photos.num_pixels * 4 + 4 * SIZE * SIZE * 3 * 4
    lines = []

    def choose(name, device, there, host=10**12):
        there = {"cpu": host, device: there} if device == "gpu" else {"cpu": there}
        monkeypatch.setattr(devices, "memory_bytes", there.get)
        return training_input.choose(name, split, request, device, lines.append)

    assert choose("queues", "gpu", 10**12) is None
    assert choose("auto", "cpu", 10**12) is None and not lines
    assert choose("auto", "gpu", 2 * needed).encoded == photos.encoded
    assert choose("resident", "cpu", 4 * needed).encoded == photos.encoded
    assert lines == [
        "input: 25 photos decoded need 0.00 GB of the %s's %.2f GB and stay there" % of
        for of in (("GPU", 2 * needed / 1e9), ("CPU", 4 * needed / 1e9))
    ]
    assert choose("auto", "gpu", 2 * needed - 2) is None
    assert lines[-1].startswith("input: 25 photos decoded need 0.00 GB of the GPU's 0.00 GB, of")
    assert lines[-1].endswith("of which half is for all else; they come through queues")
    on_host = 2 * photos.num_pixels * 4
    assert choose("auto", "gpu", 10**12, 2 * on_host).encoded == photos.encoded
    assert choose("auto", "gpu", 10**12, 2 * on_host - 2) is None
    assert lines[-1].startswith("input: 25 photos decoded need 0.00 GB of the host's 0.00 GB, of")
    with pytest.raises(UsageError, match="--input resident: 25 photos .*--input queues reads"):
        choose("resident", "gpu", 2 * needed - 2)
    with pytest.raises(UsageError, match="--input: 'disk' is none of auto, queues, resident"):
        choose("disk", "cpu", 10**12)


def test_of_more_photos_than_the_host_has_room_for_only_the_sizes_are_kept(split, photos):
    few = resident.read(split, resident.host_bytes(photos.num_pixels) // 2)
    assert few.num_pixels == photos.num_pixels and few.filenames == photos.filenames
    assert few.encoded == photos.encoded[: len(few.encoded)] and 10 <= len(few.encoded) < 15


def test_the_hosts_memory_is_known():
    assert 2**28 < devices.memory_bytes("cpu") < 2**50
