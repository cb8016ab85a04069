"""The tags of a run's events: training and evaluation write under them, everything else reads them.

==================================== ==========================================================
``losses/total_loss``                 what is minimized: with label smoothing and weight decay
``losses/cross_entropy``              without either, as an evaluation counts it
``eval/accuracy``                     of training: over all photos since the process started
``eval/recall_at_2``                  of training: over all photos since the process started
``learning_rate``, ``images_per_sec``
``.../fraction_of_<capacity>_full``   slim's queues: near 0, training waits for input
``sparsity/<end point>``              share of zeros among its values for the batch
``activations/<end point>``           histogram of them
``parameters/<variable>``             histogram of its values
``raw``, ``preprocessed``             photos of the batch, and what the network saw of them
``predictions/<position>``            the same, each with its softmax values and true class
==================================== ==========================================================

They stay the same: TensorBoard and ``make_figures`` find the events of older runs by them.
"""

ACCURACY = "eval/accuracy"
RECALL_AT_2 = "eval/recall_at_2"
CROSS_ENTROPY = "losses/cross_entropy"
TOTAL_LOSS = "losses/total_loss"
LEARNING_RATE = "learning_rate"
IMAGES_PER_SEC = "images_per_sec"
RAW = "raw"
PREPROCESSED = "preprocessed"

# The name of an end point, a variable or a position follows.
SPARSITY_PREFIX = "sparsity/"
ACTIVATIONS_PREFIX = "activations/"
PARAMETERS_PREFIX = "parameters/"
PREDICTIONS_PREFIX = "predictions/"


def name_in_network(tag):
    """Returns what a tag of the network is about, without prefix and scope: ``conv1/weights``."""
    return tag.split("/", 2)[2]


def layer_of(tag):
    """Returns the layer that a tag of the network is about: ``conv1``."""
    return tag.split("/")[2]
