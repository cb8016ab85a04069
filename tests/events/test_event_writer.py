"""What is written can be read by TensorFlow."""

from alexnet_flowers.events import event_writer
from alexnet_flowers.tf1 import tf


def test_numbers_from_outside_the_graph_are_written(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    event_writer.write_scalars(writer, {"images_per_sec": 30.5}, 7)
    writer.close()
    (path,) = tmp_path.iterdir()
    (event,) = [e for e in tf.train.summary_iterator(str(path)) if e.summary.value]
    assert event.step == 7 and event.summary.value[0].simple_value == 30.5
