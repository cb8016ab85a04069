"""One side of a comparison, in a process of its own.

    python -m alexnet_flowers.benchmark.worker '{"kind": "step", ...}'

See ``serving`` for how it is spoken to.
"""

import json
import os
import sys
import tempfile
import time
import traceback

import numpy as np

from alexnet_flowers import devices, memory
from alexnet_flowers.benchmark import flops, reference
from alexnet_flowers.benchmark.serving import serve
from alexnet_flowers.data import conversion, dataset, records
from alexnet_flowers.data.sources import photo_source
from alexnet_flowers.errors import DataError
from alexnet_flowers.input import pipeline, preprocessing, resident, staging, training_input
from alexnet_flowers.nets import alexnet_v2, matrix_products
from alexnet_flowers.tf1 import runtime, tf, without_notes
from alexnet_flowers.training import optimization, optimizers
from alexnet_flowers.training.settings import Settings

IMAGE_SIZE = 224
NUM_CLASSES = 5


def _session(graph, device="cpu", mixed_precision=False, xla=False):
    config = devices.session_config(device, mixed_precision=mixed_precision, xla=xla)
    session = tf.Session(graph=graph, config=config)
    with graph.as_default():
        session.run(
            [
                tf.global_variables_initializer(),
                tf.local_variables_initializer(),
                tf.tables_initializer(),
            ]
        )
        tf.train.start_queue_runners(session)
    return session


def _step(batch_size, dataset_dir=None, way="ours", device="cpu", mixed_precision=False, xla=False):
    """A training step with plain gradient descent, on synthetic or real images."""
    ours = way != "reference"
    if ours and device == "cpu":
        memory.keep_freed()
    has_mixed_precision = devices.mixed_precision_obstacle(device) is None
    mixed_precision = mixed_precision and has_mixed_precision
    put = None
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(0)
        if dataset_dir is None:
            images, labels = _synthetic(batch_size)
        else:
            split = dataset.get_split("train", dataset_dir)
            if ours:  # As training takes them.
                areas = staging.Areas() if device == "gpu" else None
                ahead = areas.ahead if areas else staging.not_ahead
                images, labels = _batch(split, batch_size, way, device, ahead)[:2]
                put = areas and areas.put()
            else:
                images, labels = reference.training_batches(split, batch_size, IMAGE_SIZE)[:2]
        logits, _ = alexnet_v2.alexnet_v2(
            images,
            NUM_CLASSES,
            True,
            use_gradient_rules=ours and device == "cpu",
            in_bfloat16=mixed_precision and device == "gpu",
            rules_for_bfloat16=mixed_precision and device == "cpu",
        )
        arithmetic = flops.of_training_step(graph)
        _, total_loss = optimization.losses(logits, labels, 0.0)
        op = optimization.train_op(
            Settings(),
            total_loss,
            optimizers.OPTIMIZERS["sgd"].build(tf.constant(0.01), Settings()),
            tf.train.get_or_create_global_step(),
        )
        if ours and device == "cpu":
            matrix_products.replace_convolutions()
    session = _session(graph, device, mixed_precision, xla)
    about = {
        "flops": arithmetic,
        "tensorflow": _version(),
        "has_mixed_precision": has_mixed_precision,
    }
    one_by_one = ours and device == "cpu" and not mixed_precision  # As in training.
    options = devices.one_by_one() if one_by_one else None
    ops = op.op  # Which returns nothing, as a step has to here.
    if put is not None:
        session.run(put)
        with graph.as_default():
            ops = tf.group(op.op, put)
    return lambda: session.run(ops, options=options), about


def _synthetic(batch_size):
    rng = np.random.RandomState(0)
    shape = [batch_size, IMAGE_SIZE, IMAGE_SIZE, 3]
    synthetic = rng.uniform(-1, 1, shape).astype(np.float32)
    images = tf.get_variable("images", initializer=synthetic, trainable=False)
    return tf.identity(images), tf.constant(rng.randint(0, NUM_CLASSES, batch_size), tf.int64)


def _batch(split, batch_size, way, device, ahead=staging.not_ahead):
    """Returns a ``pipeline.Batch`` as training takes it; ``way``: ``"ours"`` or ``"resident"``."""
    distortion = preprocessing.Distortion(IMAGE_SIZE, True, preprocessing.MIN_CROP_AREA)
    request = training_input.Request(batch_size, distortion, clone_devices=["/%s:0" % device])
    photos = resident.read(split, devices.memory_bytes("cpu")) if way == "resident" else None
    return training_input.batches(split, request, photos, ahead=ahead)[0]


def _products():
    """Matrix products; "seconds" are those of a GFLOP at the best one's speed."""
    products = []
    with tf.Graph().as_default() as graph:
        for rows, inner, columns in ((2048, 2048, 2048), (8064, 3456, 384), (4096, 4096, 512)):
            left, right = (
                tf.Variable(tf.random_normal(shape)) for shape in ([rows, inner], [inner, columns])
            )
            products.append((tf.matmul(left, right).op, 2 * rows * inner * columns))
    session = _session(graph)

    def make_one():
        speeds = []
        for op, arithmetic in products:
            start = time.perf_counter()
            session.run(op)
            speeds.append(arithmetic / (time.perf_counter() - start))
        return 1e9 / max(speeds)

    return make_one, {}


def _input(
    way, dataset_dir, batch_size, num_readers=None, num_preprocessing_threads=None, device="cpu"
):
    """A batch from the input pipeline alone; by default in as many threads as training takes."""
    if way != "reference" and device == "cpu":
        memory.keep_freed()  # As training does.
    split = dataset.get_split("train", dataset_dir)
    queues = pipeline.Queues(num_readers, num_preprocessing_threads)
    queues = pipeline.complete(queues, len(split.data_sources), batch_size)
    with tf.Graph().as_default() as graph:
        if way == "feed_dict":
            return _fed(graph, split, batch_size)
        if way == "resident":
            images = _batch(split, batch_size, way, device).images
        elif way == "tf.data":
            images = _tf_data(split, batch_size, queues)
        else:
            source = reference if way == "reference" else pipeline
            images = source.training_batches(split, batch_size, IMAGE_SIZE, queues=queues).images
    session = _session(graph, device)
    op = images.op
    about = {
        "tensorflow": _version(),
        "readers": queues.num_readers,
        "threads": queues.num_preprocessing_threads,
    }
    return lambda: session.run(op), about


def _version():
    return tf.__version__ + (" with MKL" if runtime.HAS_MKL else "")


def _tf_data(split, batch_size, queues):
    """The same preprocessing, read by ``tf.data``."""

    def parse(record):
        features = {"image/encoded": tf.FixedLenFeature([], tf.string)}
        encoded = tf.parse_single_example(record, features)["image/encoded"]
        return preprocessing.preprocess_for_train(encoded, IMAGE_SIZE, IMAGE_SIZE)

    with tf.device(devices.INPUT_DEVICE):
        read = tf.data.TFRecordDataset(split.data_sources, num_parallel_reads=queues.num_readers)
        read = read.shuffle(20 * batch_size).repeat()
        images = read.map(parse, num_parallel_calls=queues.num_preprocessing_threads)
        images = images.batch(batch_size, drop_remainder=True).prefetch(2)
        return tf.data.make_one_shot_iterator(images).get_next()


def _fed(graph, split, batch_size):
    """The same preprocessing, photo by photo, and the batch fed from Python."""
    encoded = tf.placeholder(tf.string, [])
    image = preprocessing.preprocess_for_train(encoded, IMAGE_SIZE, IMAGE_SIZE)
    batch = tf.placeholder(tf.float32, [batch_size, IMAGE_SIZE, IMAGE_SIZE, 3])
    taken = tf.reduce_max(batch[:, 0, 0, 0])
    session = _session(graph)

    def photos():
        while True:
            for path in split.data_sources:
                for record in records.read_shard(path):
                    yield record.encoded

    source = photos()

    def make_one():
        images = [session.run(image, {encoded: next(source)}) for _ in range(batch_size)]
        session.run(taken, {batch: np.stack(images)})

    return make_one, {}


def _conversion(archive, way):
    """A whole conversion of a local archive, into a folder that is removed again."""

    def make_one():
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            if way == "ours":
                conversion.convert(
                    os.path.join(folder, "flowers"),
                    photo_source.choose(archive),
                    report=lambda line: None,
                )
            else:
                reference.convert(archive, folder)
            return time.perf_counter() - start

    return make_one, {}


_KINDS = {"step": _step, "products": _products, "input": _input, "conversion": _conversion}


def main():
    """Prepares what the only argument, a JSON object, describes, and serves it."""
    what = json.loads(sys.argv[1])
    devices.resolve(what.get("device", "cpu"))
    # The protocol has standard output to itself; progress bars go nowhere.
    sys.stderr = open(os.devnull, "w")
    try:
        with without_notes():
            serve(*_KINDS[what.pop("kind")](**what))
    except DataError as error:
        sys.__stderr__.write("%s\n" % error)
        sys.exit(error.exit_status)
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        sys.exit(1)


if __name__ == "__main__":
    main()
