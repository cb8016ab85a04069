"""A restored network: the right photo in, slim's own answer out."""

import gpus
import numpy as np
import pytest
from saved_checkpoints import copy_of_run

from alexnet_flowers.data import photos, records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.inference import dense_scores, prediction, trained_network
from alexnet_flowers.tf1 import alexnet, slim, tf
from alexnet_flowers.training import checkpoints, saving, upkeep


@pytest.fixture(scope="module")
def validation(tiny_dataset):
    return photos.from_split(tiny_dataset, "validation")[0]


def test_what_the_network_is(network, random_run):
    assert network.class_names == ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert network.global_step == 7 and network.image_size == 195
    assert network.checkpoint_path == random_run.checkpoints_dir + "/model.ckpt-7"
    assert list(network.end_points) == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8",
    ]  # fmt: skip


def test_a_batch_more_changes_nothing(network, validation, monkeypatch):
    together = prediction.predict(network, validation)
    monkeypatch.setattr(trained_network, "BATCH_SIZE", 2)
    apart = prediction.predict(network, validation)
    for one, other in zip(together, apart):
        assert one.photo == other.photo
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)


def test_its_end_points_are_slims(network, validation):
    fetches = {"images": network.images, "fc7": network.end_point("alexnet_v2/fc7")}
    ((_, batch),) = network.ask(validation[:2], fetches)
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        _, end_points = alexnet.alexnet_v2(tf.constant(batch["images"]), 5, is_training=False)
        tf.train.Saver(slim.get_model_variables()).restore(session, network.checkpoint_path)
        fc7 = session.run(end_points["alexnet_v2/fc7"])
    np.testing.assert_allclose(batch["fc7"], fc7, atol=1e-4 * np.abs(fc7).max())


def test_a_wrong_end_point_is_named(network):
    for name in ("conv9", "other/conv1", ""):
        with pytest.raises(UsageError, match="the network has conv1, pool1, conv2"):
            network.end_point(name)


def test_a_photo_that_cannot_be_decoded_is_named(network):
    with pytest.raises(DataError, match="rose.jpg: a photo cannot be decoded"):
        list(network.ask([photos.Photo("rose.jpg", b"GIF89a", None)], {}))


def test_nan_is_refused(network, random_run, validation, tmp_path):
    with network.graph.as_default():
        names = ("conv1/weights", "fc8/biases")
        variables = [v for v in slim.get_model_variables() if v.op.name.endswith(names)]
        before = network.session.run(variables)
        saver = tf.train.Saver(slim.get_model_variables())
        for variable, value in zip(variables, before):
            variable.load(value * float("nan"), network.session)
        saver.save(network.session, str(tmp_path / "model.ckpt"), write_meta_graph=False)
        for variable, value in zip(variables, before):
            variable.load(value, network.session)
    with trained_network.TrainedNetwork(random_run, str(tmp_path / "model.ckpt"), "cpu") as broken:
        assert broken.global_step == 0
        for look in (
            lambda: prediction.predict(broken, validation[:1]),
            lambda: dense_scores.score_map(broken, validation[0], 256),
            lambda: broken.kernels("conv1"),
        ):
            with pytest.raises(DataError, match="answers with NaN or infinite numbers"):
                look()


def test_without_labels_the_checkpoint_says_how_many_classes(random_run, tmp_path):
    elsewhere = random_run._replace(checkpoints_dir=str(tmp_path))
    path = checkpoints.newest(random_run.checkpoints_dir)
    with trained_network.TrainedNetwork(elsewhere, path, "cpu") as network:
        assert network.class_names == ["class %d" % label for label in range(5)]
        assert network.image_size == 224


def test_the_labels_order_is_that_of_the_ids(random_run, tmp_path):
    (tmp_path / records.LABELS_FILENAME).write_text("1:b\n0:a\n4:e\n3:d\n2:c\n")
    elsewhere = random_run._replace(checkpoints_dir=str(tmp_path))
    path = checkpoints.newest(random_run.checkpoints_dir)
    with trained_network.TrainedNetwork(elsewhere, path, "cpu") as network:
        assert network.class_names == ["a", "b", "c", "d", "e"]


def test_a_checkpoint_that_is_removed_once_it_is_restored_is_taken(
    random_run, tmp_path, monkeypatch
):
    run = random_run._replace(checkpoints_dir=str(tmp_path / "c"))
    copy_of_run(random_run, run.checkpoints_dir)
    restore = saving.Restorer.restore

    def restore_and_remove(self, session, path):
        restore(self, session, path)
        upkeep.remove(path)

    monkeypatch.setattr(saving.Restorer, "restore", restore_and_remove)
    with trained_network.TrainedNetwork(run, device="cpu") as made:
        assert made.global_step == 7
