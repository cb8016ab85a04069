"""Event files whose contents are known."""

import numpy as np

from alexnet_flowers.events import event_writer, tags
from alexnet_flowers.tf1 import tf


def write(folder, steps_to_scalars=None, steps_to_values=None, restart_step=None, suffix=""):
    """Writes one event file.

    Args:
      folder: where.
      steps_to_scalars: dict of step to dict of tag to float; written in its order.
      steps_to_values: dict of step to dict of tag to array; TensorFlow makes the histograms.
      restart_step: int, where training goes on from; the file begins with that.
      suffix: of the file's name: two of the same second and folder need different ones.
    """
    writer = tf.summary.FileWriter(str(folder), filename_suffix=suffix)
    if restart_step is not None:
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), restart_step)
    for step, scalars in (steps_to_scalars or {}).items():
        event_writer.write_scalars(writer, scalars, step)
    if steps_to_values:
        for step, serialized in _histograms(steps_to_values).items():
            for one in serialized:
                writer.add_summary(one, step)
    writer.close()


def _histograms(steps_to_values):
    with tf.Graph().as_default(), tf.Session() as session:
        # The operation itself: tf.summary.histogram changes a tag that its graph has already.
        built = {
            step: [
                tf.raw_ops.HistogramSummary(tag=tag, values=np.asarray(values, np.float32))
                for tag, values in tags_to_values.items()
            ]
            for step, tags_to_values in steps_to_values.items()
        }
        return session.run(built)


def write_run(parent, name, num_steps=4, layers=("conv1", "fc6"), seed=0):
    """Writes a run as training and evaluation do: every 10 steps, weights, biases, activations."""
    rng = np.random.RandomState(seed)
    steps = range(10, 10 * num_steps + 1, 10)
    write(
        parent / name,
        {
            step: {
                tags.CROSS_ENTROPY: 10.0 / step,
                tags.ACCURACY: 1 - 5.0 / step,
                tags.RECALL_AT_2: 1 - 3.0 / step,
            }
            for step in steps
        },
        {
            step: dict(
                [("parameters/alexnet_v2/%s/weights" % layer, rng.randn(500)) for layer in layers]
                + [("parameters/alexnet_v2/%s/biases" % layer, [0.1] * 9) for layer in layers]
                + [("activations/alexnet_v2/" + layer, rng.randn(500)) for layer in layers]
            )
            for step in steps
        },
    )
    write(parent / name / "validation", {steps[-1]: {tags.ACCURACY: 0.5}})
