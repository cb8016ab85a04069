"""The tags of a run's events: training and evaluation write under them, everything else reads them.

=========================================== ======================================================
``losses/total_loss``                        what is minimized: the cross entropy with smoothed or
                                             mixed labels, and the weight decay
``losses/cross_entropy``                     without either, as an evaluation counts it
``metrics/accuracy``                         of training: over all photos since the process started
``metrics/recall_at_2``                      likewise
``optimizer/learning_rate``
``sparsity/<end point>``                     share of zeros among its values for the batch
``throughput/images_per_sec``
``throughput/queues/<queue>/fraction_of_…``  slim's queues: near 0, training waits for input
``activations/<end point>``                  histogram of them
``parameters/<variable>``                    histogram of its values
``raw``, ``preprocessed``                    photos of the batch, and what the network saw of them
``predictions/<position>``                   the same, each with its softmax values and true class
=========================================== ======================================================

TensorBoard sorts them by name: so what one asks for first comes first, and the queues last. Older
runs have some under other names, which ``current`` translates.
"""

TOTAL_LOSS = "losses/total_loss"
CROSS_ENTROPY = "losses/cross_entropy"
ACCURACY = "metrics/accuracy"
RECALL_AT_2 = "metrics/recall_at_2"
LEARNING_RATE = "optimizer/learning_rate"
IMAGES_PER_SEC = "throughput/images_per_sec"
RAW = "raw"
PREPROCESSED = "preprocessed"

_OLD = {
    "eval/accuracy": ACCURACY,
    "eval/recall_at_2": RECALL_AT_2,
    "learning_rate": LEARNING_RATE,
    "images_per_sec": IMAGES_PER_SEC,
}

# The name of an end point, a variable or a position follows.
SPARSITY_PREFIX = "sparsity/"
ACTIVATIONS_PREFIX = "activations/"
PARAMETERS_PREFIX = "parameters/"
PREDICTIONS_PREFIX = "predictions/"


def current(tag):
    """Returns the tag of today for one that a run may have been written with."""
    return _OLD.get(tag, tag)


def queue_tag(operation_name):
    """Returns the tag of a queue's fullness, which slim's operation of that name computes."""
    return "throughput/queues/" + operation_name.split("input/", 1)[-1]


def name_in_network(tag):
    """Returns what a tag of the network is about, without prefix and scope: ``conv1/weights``.

    What is in no scope, such as ``activations/Logits`` of slim's other networks, is ``Logits``.
    """
    return tag.split("/", 2)[-1]


def layer_of(tag):
    """Returns the layer that a tag of the network is about: ``conv1``."""
    return name_in_network(tag).split("/")[0]
