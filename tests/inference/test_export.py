"""What is taken away answers as ``predict.py`` does, without this project's graph."""

import os
import sys

import gpus
import numpy as np
import photo_archives
import pytest

from alexnet_flowers.data import photos, records
from alexnet_flowers.errors import DataError, UsageError, WriteError
from alexnet_flowers.inference import converters, export, prediction
from alexnet_flowers.tf1 import runtime, slim, tf

FILES = ["frozen.pb", "frozen_float.pb", "labels.txt", "saved_model"]


@pytest.fixture(scope="module")
def asked(tiny_dataset, network):
    """Photos, their images as the network sees them, and the probabilities of ``predict``."""
    shown = photos.from_split(tiny_dataset, "validation")[0]
    ((_, batch),) = network.ask(shown, {"images": network.images})
    expected = np.stack([one.probabilities for one in prediction.predict(network, shown)])
    return [photo.encoded for photo in shown], batch["images"], expected


@pytest.fixture(scope="module")
def differences(network, tmp_path_factory):
    """The folder of an export with TensorFlow Lite's file, and what its answers differ by."""
    folder = str(tmp_path_factory.mktemp("take") / "away")
    return folder, export.export(network, folder, ["tflite"])


@pytest.fixture(scope="module")
def exported(differences):
    return differences[0]


@pytest.fixture
def light(monkeypatch):
    """Lets files be empty, for tests of where they go: to write the network takes 20 seconds."""

    def write_graphs(_, folder, formats):
        for filename in (export.FROZEN_FILENAME, export.FLOAT_FILENAME):
            open(os.path.join(folder, filename), "w").close()

    monkeypatch.setattr(export, "_write_graphs", write_graphs)
    monkeypatch.setattr(export, "_save_model", lambda _, path: os.makedirs(path))


def graph_in(folder, filename):
    with open(os.path.join(folder, filename), "rb") as file:
        return tf.GraphDef.FromString(file.read())


def test_the_frozen_graph_answers_the_same(exported, asked):
    encoded, images, expected = asked
    definition = graph_in(exported, "frozen.pb")
    assert not [node for node in definition.node if "Variable" in node.op]
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        tf.import_graph_def(definition, name="")
        for feed in ({"image:0": encoded}, {"images:0": images}):
            np.testing.assert_allclose(
                session.run("probabilities:0", feed), expected, rtol=0, atol=1e-6
            )
        # The network can be trained on: no gradient is one of this project's.
        tf.gradients(session.graph.get_tensor_by_name("probabilities:0"), "images:0")


def test_the_float_graph_is_the_network_alone(exported, asked):
    _, images, expected = asked
    definition = graph_in(exported, "frozen_float.pb")
    placeholders = [node for node in definition.node if "Placeholder" in node.op]
    assert [(node.name, node.op) for node in placeholders] == [("images", "Placeholder")]
    assert not [node.name for node in definition.node if "Jpeg" in node.op or node.name == "image"]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name="")
        assert session.graph.get_tensor_by_name("images:0").shape.as_list() == [None, 195, 195, 3]
        found = session.run("probabilities:0", {"images:0": images})
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_opencv_reads_the_float_graph(exported, asked):
    cv2 = pytest.importorskip("cv2")
    _, images, expected = asked
    network = cv2.dnn.readNetFromTensorflow(os.path.join(exported, "frozen_float.pb"))
    network.setInput(np.ascontiguousarray(images[:2].transpose(0, 3, 1, 2)))
    assert abs(network.forward() - expected[:2]).max() < 1e-4


def test_tensorflow_lite_answers_the_same(differences, asked):
    _, images, expected = asked
    folder, found = differences
    assert sorted(found) == ["frozen_float.pb", "network.tflite"]
    assert all(0 <= difference < 1e-4 for difference in found.values())
    found = converters.FORMATS["tflite"].answers(os.path.join(folder, "network.tflite"), images)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_onnx_answers_the_same(network, asked, tmp_path):
    try:
        converters.check_installed("onnx")
    except UsageError as error:
        pytest.skip(str(error))
    _, images, expected = asked
    differences = export.export(network, str(tmp_path / "to"), ["onnx"])
    assert differences["network.onnx"] < 1e-4
    # One, as the reference evaluator takes its time.
    found = converters.FORMATS["onnx"].answers(str(tmp_path / "to" / "network.onnx"), images[:1])
    np.testing.assert_allclose(found, expected[:1], rtol=0, atol=1e-4)


def test_a_converter_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UsageError, match="--onnx: .*; install the converter with: pip install"):
        converters.check_installed("onnx")


def test_the_program_that_converts_to_tensorflow_lite_is_looked_for_before(monkeypatch):
    monkeypatch.setattr(runtime, "LITE_CONVERTER", "no_such_program")
    with pytest.raises(UsageError, match="--tflite: the program no_such_program is not there; "):
        converters.check_installed("tflite")


def test_what_answers_otherwise_is_not_exported(network, tmp_path, monkeypatch):
    wrong = converters.Converter(
        "network.wrong",
        lambda: None,
        lambda definition, input_name, output_name, path: open(path, "w").close(),
        lambda path, images: np.full([len(images), 5], 0.2),
        "",
    )
    monkeypatch.setitem(converters.FORMATS, "wrong", wrong)
    with pytest.raises(DataError, match="network.wrong: its probabilities differ by .* nothing is"):
        export.export(network, str(tmp_path / "to"), ["wrong"])
    assert os.listdir(str(tmp_path)) == []


def test_the_saved_model_answers_the_same(exported, asked):
    encoded, images, expected = asked
    with tf.Graph().as_default(), gpus.cpu_session() as session:
        meta_graph = tf.saved_model.loader.load(
            session, ["serve"], os.path.join(exported, "saved_model", "1")
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
    for folder in (exported, os.path.join(exported, "saved_model", "1", "assets.extra")):
        assert list(records.read_labels(folder).values()) == photo_archives.CLASS_NAMES
    assert sorted(os.listdir(exported)) == sorted(FILES + ["network.tflite"])


@pytest.mark.usefixtures("light")
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

    def fill(*_):
        raise tf.errors.UnknownError(None, None, "variables.data; No space left on device")

    monkeypatch.setattr(export, "_save_model", fill)
    with pytest.raises(WriteError, match="new: cannot be written: variables.data; No space"):
        export.export(network, str(tmp_path / "new"))
    assert sorted(os.listdir(str(tmp_path))) == ["full"]


@pytest.mark.usefixtures("light")
def test_one_of_two_at_once_wins_and_files_of_others_stay(network, tmp_path, monkeypatch):
    (tmp_path / "X.partial").mkdir()
    (tmp_path / "X.partial" / "mine").write_text("x")
    (tmp_path / "X").mkdir()
    save_model, path = export._save_model, str(tmp_path / "X")

    def overtaken(*args):
        save_model(*args)
        monkeypatch.setattr(export, "_save_model", save_model)
        export.export(network, path + "/")

    monkeypatch.setattr(export, "_save_model", overtaken)
    with pytest.raises(DataError, match="X: is not empty; name"):
        export.export(network, path)
    assert sorted(os.listdir(path)) == FILES
    assert sorted(os.listdir(str(tmp_path))) == ["X", "X.partial"]
    assert os.listdir(str(tmp_path / "X.partial")) == ["mine"]


@pytest.mark.usefixtures("light")
def test_a_link_to_an_empty_folder_stays_one(network, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    export.export(network, str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "frozen.pb").exists()


def test_a_network_of_nan_is_said_to_be_one(network, tmp_path):
    with network.graph.as_default():
        (variable,) = [v for v in slim.get_model_variables() if v.op.name.endswith("fc8/biases")]
        before = network.session.run(variable)
        variable.load(before * float("nan"), network.session)
        try:
            with pytest.raises(DataError, match="answers with NaN or infinite numbers; take an e"):
                export.export(network, str(tmp_path / "to"))
        finally:
            variable.load(before, network.session)
    assert os.listdir(str(tmp_path)) == []
