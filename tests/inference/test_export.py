"""What is taken away answers as ``predict.py`` does, without this project's graph."""

import os

import gpus
import numpy as np
import photo_archives
import pytest

from alexnet_flowers.data import photos, records
from alexnet_flowers.errors import DataError
from alexnet_flowers.inference import export, prediction
from alexnet_flowers.tf1 import tf


@pytest.fixture(scope="module")
def asked(tiny_dataset, network):
    """Photos, their images as the network sees them, and the probabilities of ``predict``."""
    shown = photos.from_split(tiny_dataset, "validation")[0]
    (batch,) = network.ask(shown, {"images": network.images})
    expected = np.stack([one.probabilities for one in prediction.predict(network, shown)])
    return [photo.encoded for photo in shown], batch["images"], expected


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("take") / "away")
    export.export(network, folder)
    return folder


def test_the_frozen_graph_answers_the_same(exported, asked):
    encoded, images, expected = asked
    definition = tf.GraphDef()
    with open(os.path.join(exported, "frozen.pb"), "rb") as file:
        definition.ParseFromString(file.read())
    assert not [node for node in definition.node if "Variable" in node.op]
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        tf.import_graph_def(definition, name="")
        for feed in ({"image:0": encoded}, {"images:0": images}):
            np.testing.assert_allclose(
                session.run("probabilities:0", feed), expected, rtol=0, atol=1e-6
            )
        # The network can be trained on: no gradient is one of this project's.
        tf.gradients(session.graph.get_tensor_by_name("probabilities:0"), "images:0")


def test_the_saved_model_answers_the_same(exported, asked):
    encoded, images, expected = asked
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        meta_graph = tf.saved_model.loader.load(
            session, ["serve"], os.path.join(exported, "saved_model")
        )
        for name, key, value in (
            ("serving_default", "image", encoded),
            ("float_images", "images", images),
        ):
            signature = meta_graph.signature_def[name]
            assert list(signature.inputs) == [key]
            (output,) = signature.outputs.values()
            found = session.run(output.name, {signature.inputs[key].name: value})
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_the_labels_come_along(exported):
    for folder in (exported, os.path.join(exported, "saved_model", "assets.extra")):
        assert list(records.read_labels(folder).values()) == photo_archives.CLASS_NAMES
    assert sorted(os.listdir(exported)) == ["frozen.pb", "labels.txt", "saved_model"]


def test_nothing_is_overwritten_and_nothing_half_written(network, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(DataError, match="full: is not empty"):
        export.export(network, str(tmp_path / "full"))

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(export, "_save_model", fail)
    with pytest.raises(OSError):
        export.export(network, str(tmp_path / "new"))
    assert sorted(os.listdir(str(tmp_path))) == ["full"]


def test_one_of_two_at_once_wins_and_files_of_others_stay(network, tmp_path, monkeypatch):
    (tmp_path / "X.partial").mkdir()
    (tmp_path / "X.partial" / "mine").write_text("x")
    (tmp_path / "X").mkdir()
    save_model, path = export._save_model, str(tmp_path / "X")

    def overtaken(*args):
        save_model(*args)
        monkeypatch.undo()
        export.export(network, path + "/")

    monkeypatch.setattr(export, "_save_model", overtaken)
    with pytest.raises(DataError, match="X: is not empty; choose"):
        export.export(network, path)
    assert sorted(os.listdir(path)) == ["frozen.pb", "labels.txt", "saved_model"]
    assert sorted(os.listdir(str(tmp_path))) == ["X", "X.partial"]
    assert os.listdir(str(tmp_path / "X.partial")) == ["mine"]


def test_a_link_to_an_empty_folder_stays_one(network, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    export.export(network, str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "frozen.pb").exists()
