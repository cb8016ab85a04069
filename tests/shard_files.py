"""Shards as TensorFlow itself reads and writes them, for tests."""

from alexnet_flowers.tf1 import tf


def read(path):
    """Returns the payloads of a shard's records."""
    return list(tf.python_io.tf_record_iterator(str(path)))


def examples(path):
    return [tf.train.Example.FromString(record) for record in read(path)]


def write(path, payloads):
    """Writes a shard and returns its path."""
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)
    return str(path)
