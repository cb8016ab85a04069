"""Through slim's queues: the right photo with the right label, and each once in evaluation."""

import collections
import contextlib
import os

import numpy as np
import pytest
from queues import started

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import tf

SIZE = 32


def test_evaluation_reads_every_photo_once_in_a_fixed_order(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)

    def read(batch_size):
        with tf.Graph().as_default() as graph:
            batch = pipeline.evaluation_batches(split, batch_size, SIZE)
        sizes, names, labels = [], [], []
        with started(graph) as (session, _), contextlib.suppress(tf.errors.OutOfRangeError):
            while True:
                fetched = session.run(batch)
                assert fetched.images.shape == (len(fetched.labels), SIZE, SIZE, 3)
                sizes.append(len(fetched.labels))
                names += list(fetched.filenames)
                labels += list(fetched.labels)
        return sizes, names, labels

    sizes, names, labels = read(7)
    assert sizes == [7, 7, 7, 4]  # The last batch is as short as what is left.
    assert len(set(names)) == 25
    classes = [split.labels_to_names[label] for label in labels]
    assert classes == [name.decode().split("/")[0] for name in names]
    assert read(3)[1:] == (names, labels)


@pytest.mark.parametrize("name", ["flowers [v2]", "f*?[a", "f\\[o]"])
def test_a_folder_may_have_any_name(tiny_dataset, tmp_path, monkeypatch, name):
    monkeypatch.chdir(str(tmp_path))
    os.symlink(tiny_dataset, name)
    split = dataset.get_split("validation", name)
    for evaluate in (True, False):
        with tf.Graph().as_default() as graph:
            if evaluate:
                batch = pipeline.evaluation_batches(split, 5, SIZE)
            else:
                batch = pipeline.training_batches(
                    split, 5, SIZE, queues=pipeline.Queues(common_queue_min=4)
                )
        with started(graph) as (session, _):
            assert len(session.run(batch.filenames)) == 5


def test_training_gives_each_photo_its_label_and_sees_all_of_them(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    with tf.Graph().as_default() as graph:
        batch = pipeline.training_batches(
            split, 4, SIZE, queues=pipeline.Queues(2, 2, common_queue_min=10), seed=3
        )
    with started(graph) as (session, _):
        batches = [session.run(batch) for _ in range(50)]
    seen = collections.Counter()
    for fetched in batches:
        assert fetched.images.shape == (4, SIZE, SIZE, 3) and fetched.images.dtype == np.float32
        assert np.abs(fetched.images).max() <= 1
        assert all(encoded.startswith(b"\xff\xd8") for encoded in fetched.encoded)
        for name, label in zip(fetched.filenames, fetched.labels):
            assert name.decode().split("/")[0] == split.labels_to_names[label]
            seen[name] += 1
    assert len(seen) == 25
    assert max(seen.values()) <= 3 * min(seen.values())  # 200 draws of 25 photos: 8 each.


def test_training_draws_a_photo_anew_each_time(tiny_dataset):
    split = dataset.get_split("validation", tiny_dataset)
    with tf.Graph().as_default() as graph:
        batch = pipeline.training_batches(
            split, 5, SIZE, queues=pipeline.Queues(common_queue_min=5)
        )
    with started(graph) as (session, _):
        batches = [session.run(batch) for _ in range(6)]
    of_photo = collections.defaultdict(list)
    for fetched in batches:
        for name, image in zip(fetched.filenames, fetched.images):
            of_photo[name].append(image)
    for images in of_photo.values():
        assert all(np.abs(a - b).max() > 0.01 for a, b in zip(images, images[1:]))


def test_queue_sizes_and_thread_counts_reach_the_graph(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    with tf.Graph().as_default() as graph:
        queues = pipeline.Queues(3, 5, 91, 17, 13)
        pipeline.training_batches(split, 4, SIZE, queues=queues)
        runners = {r.name: r for r in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)}
        tags = {summary.op.name for summary in tf.get_collection(tf.GraphKeys.SUMMARIES)}
    (common,) = [op for op in graph.get_operations() if op.type == "RandomShuffleQueueV2"]
    assert common.get_attr("capacity") == 91 and common.get_attr("min_after_dequeue") == 17
    assert len(runners["parallel_read/common_queue"].enqueue_ops) == 3
    *enqueues, take = [op.name for op in runners["batch/fifo_queue"].enqueue_ops]
    assert len(enqueues) == 5 and take == "taken_records_enqueue"
    assert graph.get_operation_by_name("batch/fifo_queue").get_attr("capacity") == 13
    assert {
        "parallel_read/fraction_of_91_full",
        "batch/fraction_of_13_full",
        "prefetch_queue/fraction_of_2_full",
    } <= tags


def test_default_queues(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    with tf.Graph().as_default() as graph:
        pipeline.training_batches(split, 56, SIZE)
        tags = {summary.op.name for summary in tf.get_collection(tf.GraphKeys.SUMMARIES)}
    (common,) = [op for op in graph.get_operations() if op.type == "RandomShuffleQueueV2"]
    assert common.get_attr("capacity") == 20 * 56 and common.get_attr("min_after_dequeue") == 560
    assert {
        "parallel_read/fraction_of_1120_full",
        "batch/fraction_of_56_full",
        "prefetch_queue/fraction_of_2_full",
    } <= tags


def test_the_same_seed_gives_the_same_pictures_with_one_thread(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)

    def first(seed):
        with tf.Graph().as_default() as graph:
            tf.set_random_seed(1)
            batch = pipeline.training_batches(
                split, 5, SIZE, queues=pipeline.Queues(1, 1, 21, 20), seed=seed
            )
        with started(graph) as (session, _):
            made = [session.run([batch.filenames, batch.images]) for _ in range(6)]
        return [list(names) for names, _ in made], np.stack([images for _, images in made])

    (names, images), (again, images_again) = first(7), first(7)
    assert again == names != first(8)[0]
    np.testing.assert_array_equal(images_again, images)


def test_queue_sizes_follow_from_each_other():
    assert pipeline.common_queue_sizes(56) == (1120, 560)
    assert pipeline.common_queue_sizes(56, capacity=64) == (64, 32)
    assert pipeline.common_queue_sizes(56, at_least=200) == (400, 200)
    assert pipeline.common_queue_sizes(56, 64, 8) == (64, 8)  # The study group's.
    with pytest.raises(UsageError, match="--common_queue_min=8: must be below .*capacity=8"):
        pipeline.common_queue_sizes(56, 8, 8)


@pytest.mark.parametrize(
    "num_cores, num_shards, readers, threads", [(2, 5, 4, 4), (16, 5, 5, 16), (16, 40, 16, 16)]
)
def test_numbers_of_threads_follow_the_machine(
    monkeypatch, num_cores, num_shards, readers, threads
):
    monkeypatch.setattr(devices, "num_cores", lambda: num_cores)
    assert pipeline.complete(pipeline.Queues(), num_shards, 56)[:2] == (readers, threads)
    assert pipeline.complete(pipeline.Queues(7, 3), num_shards, 56)[:2] == (7, 3)
