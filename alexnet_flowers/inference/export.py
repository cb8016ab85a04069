"""A trained network to take away: nothing of this project is needed to run it.

It leaves::

    frozen.pb         a GraphDef with the weights in it
    frozen_float.pb   the same without the way of a JPEG, for OpenCV, tf2onnx and others
    saved_model/1/    as a SavedModel; TensorFlow Serving takes saved_model/ as it is
    network.tflite    for TensorFlow Lite, if asked for
    network.onnx      for ONNX runtimes, if asked for
    labels.txt        <id>:<class name>

The output is ``probabilities:0``, float32 [N, classes]. The input is ``images:0``, float32
[N, size, size, 3] in [-1, 1]; or, in ``frozen.pb`` and the SavedModel, ``image:0``, string [N],
JPEGs, of which the network takes the evaluation view itself.
"""

import os

import numpy as np

from alexnet_flowers import devices, new_folder
from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, WriteError, first_line, is_for_want_of_room
from alexnet_flowers.evaluation import metrics
from alexnet_flowers.inference import converters
from alexnet_flowers.tf1 import tf

FROZEN_FILENAME = "frozen.pb"
FLOAT_FILENAME = "frozen_float.pb"
SAVED_MODEL_DIRNAME = os.path.join("saved_model", "1")  # TensorFlow Serving's: its versions.
# By which a probability may differ from the network's own, by rounding.
TOLERANCE = 1e-4


def export(network, output_dir, formats=()):
    """Writes a network, whole or not at all.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      output_dir: a folder that does not exist yet, or is empty.
      formats: further ones, names of ``converters.FORMATS`` whose converters are installed.

    Returns:
      A dict: of each file that was asked for the same answers as ``frozen.pb`` gives, the largest
      difference of a probability.

    Raises:
      DataError: there is something in ``output_dir``, or a file answers otherwise, or the network
        with NaN.
    """
    with new_folder.whole(output_dir) as partial:
        differences = _write_graphs(network, partial, formats)
        try:
            _save_model(network, os.path.join(partial, SAVED_MODEL_DIRNAME))
        except tf.errors.OpError as error:
            if is_for_want_of_room(error):
                raise WriteError("%s: cannot be written: %s" % (output_dir, first_line(error)))
            raise
        records.write_labels(os.path.join(partial, records.LABELS_FILENAME), network.class_names)
    return differences


def _write_graphs(network, folder, formats):
    """Writes the graphs with the weights in them; returns how far their answers differ."""
    input_name, output_name = network.images.op.name, network.probabilities.op.name
    frozen = tf.graph_util.convert_variables_to_constants(
        network.session, network.graph.as_graph_def(), [output_name]
    )
    _write(frozen, os.path.join(folder, FROZEN_FILENAME))
    of_floats = _with_plain_input(frozen, input_name, output_name, network.image_size)
    _write(of_floats, os.path.join(folder, FLOAT_FILENAME))
    shown = _noise(network.image_size)
    asked = (input_name + ":0", output_name + ":0", shown)
    expected = _answers(frozen, *asked)
    metrics.check_finite(expected, network.checkpoint_path)
    answers = {FLOAT_FILENAME: _answers(of_floats, *asked)}
    for name in formats:
        converter = converters.FORMATS[name]
        path = os.path.join(folder, converter.filename)
        converter.write(of_floats, input_name, output_name, path)
        answers[converter.filename] = converter.answers(path, shown)
    return {name: _difference(name, found, expected) for name, found in answers.items()}


def _with_plain_input(frozen, input_name, output_name, image_size):
    """Returns a frozen graph whose input is a placeholder without a default, and all behind it."""
    definition = tf.GraphDef()
    definition.CopyFrom(frozen)
    (node,) = [node for node in definition.node if node.name == input_name]
    with tf.Graph().as_default() as graph:
        tf.placeholder(tf.float32, [None, image_size, image_size, 3], input_name)
        node.CopyFrom(graph.as_graph_def().node[0])
    return tf.graph_util.extract_sub_graph(definition, [output_name])


def _write(definition, path):
    with open(path, "wb") as file:
        file.write(definition.SerializeToString())


def _noise(image_size):
    """Returns images [3, size, size, 3], of little contrast and of much."""
    noise = np.random.RandomState(0).uniform(-1, 1, [3, image_size, image_size, 3])
    return (noise * np.reshape([0.1, 0.3, 1.0], [3, 1, 1, 1])).astype(np.float32)


def _answers(definition, input_name, output_name, images):
    """Returns a graph's probabilities, computed on a CPU, where convolutions are float32's."""
    config = devices.session_config("cpu")
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        tf.import_graph_def(definition, name="")
        return session.run(output_name, {input_name: images})


def _difference(name, found, expected):
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:  # NaN too.
        raise DataError(
            "%s: its probabilities differ by %.2g from the network's, more than %g; nothing is "
            "exported" % (name, difference, TOLERANCE)
        )
    return difference


def _save_model(network, path):
    def signature(name, tensor):
        return tf.saved_model.predict_signature_def(
            {name: tensor}, {"probabilities": network.probabilities}
        )

    with network.graph.as_default():
        builder = tf.saved_model.builder.SavedModelBuilder(path)
        builder.add_meta_graph_and_variables(
            network.session,
            [tf.saved_model.tag_constants.SERVING],
            {
                "serving_default": signature("image", network.encoded),
                "float_images": signature("images", network.images),
            },
        )
        builder.save()
    # Where a SavedModel keeps what is not part of the graph.
    extra = os.path.join(path, "assets.extra")
    os.makedirs(extra)
    records.write_labels(os.path.join(extra, records.LABELS_FILENAME), network.class_names)
