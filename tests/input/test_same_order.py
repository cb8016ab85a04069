"""With a seed, one reader, one thread and a queue drawn from when full: the same batches again."""

import numpy as np

from alexnet_flowers.data import dataset
from alexnet_flowers.input import pipeline
from alexnet_flowers.tf1 import tf


def _batches(dataset_dir, seed, number=6):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        batch = pipeline.training_batches(
            dataset.get_split("train", dataset_dir),
            5,
            195,
            queues=pipeline.Queues(1, 1, common_queue_capacity=21, common_queue_min=20),
            seed=seed,
        )
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        made = [session.run([batch.filenames, batch.images]) for _ in range(number)]
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=10, ignore_live_threads=True)
    return [filenames.tolist() for filenames, _ in made], np.stack([images for _, images in made])


def test_two_runs_see_the_same_pictures(tiny_dataset):
    filenames, images = _batches(tiny_dataset, 1)
    for _ in range(2):
        again, images_again = _batches(tiny_dataset, 1)
        assert again == filenames
        np.testing.assert_array_equal(images_again, images)
    assert _batches(tiny_dataset, 2)[0] != filenames
