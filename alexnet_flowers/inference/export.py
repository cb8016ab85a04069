"""A trained network to take away: nothing of this project is needed to run it.

It leaves::

    frozen.pb      a GraphDef with the weights in it
    saved_model/   the same as a SavedModel, for TensorFlow Serving and others
    labels.txt     <id>:<class name>

In both the input is either ``image:0``, string [N], JPEGs, of which the network takes the
evaluation view itself, or ``images:0``, float32 [N, size, size, 3] in [-1, 1]; the output is
``probabilities:0``, float32 [N, classes].
"""

import errno
import os
import shutil
import uuid

from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError
from alexnet_flowers.tf1 import tf

FROZEN_FILENAME = "frozen.pb"
SAVED_MODEL_DIRNAME = "saved_model"


def export(network, output_dir):
    """Writes a network, whole or not at all.

    Args:
      network: an ``inference.TrainedNetwork``.
      output_dir: a folder that does not exist yet, or is empty.

    Raises:
      DataError: there is something in ``output_dir``.
    """
    path = os.path.realpath(output_dir)
    taken = DataError("%s: is not empty; choose another --output_dir or remove it" % output_dir)
    if os.path.exists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        raise taken
    partial = "%s.%s.partial" % (path, uuid.uuid4().hex)
    os.makedirs(partial)
    try:
        frozen = tf.graph_util.convert_variables_to_constants(
            network.session, network.graph.as_graph_def(), [network.probabilities.op.name]
        )
        with open(os.path.join(partial, FROZEN_FILENAME), "wb") as file:
            file.write(frozen.SerializeToString())
        _save_model(network, os.path.join(partial, SAVED_MODEL_DIRNAME))
        records.write_labels(os.path.join(partial, records.LABELS_FILENAME), network.class_names)
        try:
            os.rename(partial, path)  # Which an empty folder lets happen.
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise taken  # Another process was faster.
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


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
