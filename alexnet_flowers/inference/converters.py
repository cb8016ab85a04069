"""A frozen graph as the formats of other programs, by converters that TensorFlow users have."""

import contextlib
import os
import shutil
import sysconfig
import warnings
from typing import Callable, NamedTuple

import numpy as np

from alexnet_flowers import devices
from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import runtime, tf, without_notes


class Converter(NamedTuple):
    """How a format is written and asked; the graph has one input and one output."""

    filename: str
    # Imports what has the converter, or raises ``ImportError``.
    imported: Callable
    # Functions of (the GraphDef, its input's name, its output's name, the path to write to) and of
    # (the path, float32 [N, size, size, 3]); the latter returns float32 [N, classes].
    write: Callable
    answers: Callable
    advice: str  # How the package is installed.


def check_installed(name):
    """Raises ``UsageError`` unless the converter to a format of ``FORMATS`` is installed."""
    try:
        FORMATS[name].imported()
    except ImportError as error:
        raise UsageError("--%s: %s; %s" % (name, error, FORMATS[name].advice))


def _lite():
    with _with_scripts_on_path():
        if runtime.LITE_CONVERTER and not shutil.which(runtime.LITE_CONVERTER):
            raise ImportError("the program %s is not there" % runtime.LITE_CONVERTER)
    return tf.lite.TFLiteConverter


def _onnx():
    with without_notes():
        import onnx.reference  # Which asks what was written.
        import tf2onnx

    return tf2onnx, onnx.reference


def _write_tflite(definition, input_name, output_name, path):
    with tf.Graph().as_default(), tf.Session(config=devices.session_config("cpu")) as session:
        tf.import_graph_def(definition, name="")
        graph = session.graph
        tensors = [graph.get_tensor_by_name(name + ":0") for name in (input_name, output_name)]
        with _with_scripts_on_path(), without_notes():
            converter = tf.lite.TFLiteConverter.from_session(session, tensors[:1], tensors[1:])
            content = converter.convert()
    with open(path, "wb") as file:
        file.write(content)


@contextlib.contextmanager
def _with_scripts_on_path():
    """TensorFlow 1.15 starts its converter as a program that pip has installed."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + before
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _tflite_answers(path, images):
    with without_notes(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That another package has it, too.
        interpreter = tf.lite.Interpreter(path)
        interpreter.allocate_tensors()
    (asked,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:  # It takes one at a time.
        interpreter.set_tensor(asked["index"], image[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(answer["index"])[0])
    return np.stack(found)


def _write_onnx(definition, input_name, output_name, path):
    tf2onnx, _ = _onnx()
    with without_notes():
        tf2onnx.convert.from_graph_def(
            definition,
            input_names=[input_name + ":0"],
            output_names=[output_name + ":0"],
            opset=13,
            output_path=path,
        )


def _onnx_answers(path, images):
    _, reference = _onnx()
    evaluator = reference.ReferenceEvaluator(path)
    return evaluator.run(None, {evaluator.input_names[0]: images})[0]


# Each is a flag of scripts/export.py.
FORMATS = {
    "tflite": Converter(
        "network.tflite",
        _lite,
        _write_tflite,
        _tflite_answers,
        "this TensorFlow comes without its converter; export with another",
    ),
    "onnx": Converter(
        "network.onnx",
        _onnx,
        _write_onnx,
        _onnx_answers,
        "install the converter with: pip install tf2onnx onnx, beside TensorFlow 1.15 with "
        "'protobuf<3.21' in the same command",
    ),
}
