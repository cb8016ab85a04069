"""A trained network, restored: its answers to photos, and what happens within it."""

import itertools

from tqdm import tqdm

from alexnet_flowers import devices
from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError, UsageError, first_line
from alexnet_flowers.evaluation import metrics
from alexnet_flowers.input import preprocessing
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, saving, settings

BATCH_SIZE = 50


class TrainedNetwork:
    """The network of a checkpoint, its dropout off, in a session of its own.

    Use it in a ``with`` statement.

    Attributes:
      run: the ``runs.Run``.
      checkpoint_path: str.
      global_step: int, the steps it was trained for.
      class_names: list of str, by id.
      image_size: int, px.
      graph: the ``tf.Graph``.
      encoded: string [N], the input: JPEGs. In the graph: ``image``.
      images: float32 [N, height, width, 3] in [-1, 1], the evaluation view of ``encoded``; or, fed,
        the input instead: then of any size from 195 px on. In the graph: ``images``.
      score_maps: float32 [N, rows, columns, classes], the softmax at each place; the evaluation
        view has one place.
      probabilities: float32 [N, classes], the softmax of images of one place. In the graph:
        ``probabilities``.
      log_probabilities: their logarithms, also of those that are too small for float32.
      end_points: dict of short name (``conv1`` ... ``fc8``) to tensor [N, rows, columns, units].
    """

    def __init__(self, run, checkpoint_path=None, device="auto"):
        """Builds the network and restores it.

        Args:
          run: a ``runs.Run``; its settings say how large the images are.
          checkpoint_path: a checkpoint, a folder of them, or None for the run's newest.
          device: ``"auto"``, ``"cpu"`` or ``"gpu"``.

        Raises:
          DataError: there is no checkpoint, or it is damaged or does not fit.
        """
        self.run = run
        chosen = (checkpoint_path, run.checkpoints_dir)
        self.class_names = checkpoints.read_newest(
            *chosen, read=lambda path: _class_names(run, path)
        )
        self.image_size = settings.image_size_of(run.checkpoints_dir)
        device = devices.resolve(device)
        self.graph = tf.Graph()
        with self.graph.as_default():
            with tf.device(devices.INPUT_DEVICE):
                self.encoded = tf.placeholder(tf.string, [None], name="image")
                views = tf.map_fn(self._view, self.encoded, tf.float32, parallel_iterations=4)
                self.images = tf.placeholder_with_default(views, [None, None, None, 3], "images")
            logits, end_points = alexnet_v2.alexnet_v2(
                self.images,
                len(self.class_names),
                is_training=False,
                use_gradient_rules=False,  # A program that imports the graph would lack them.
                spatial_squeeze=False,
            )
            self.score_maps = tf.nn.softmax(logits)
            # Squeezed first: of an exported graph OpenCV takes the softmax along another axis.
            scores = tf.squeeze(logits, [1, 2])
            self.probabilities = tf.nn.softmax(scores, name="probabilities")
            self.log_probabilities = tf.nn.log_softmax(scores)
            self.end_points = {
                name.rpartition("/")[2]: tensor for name, tensor in end_points.items()
            }
            restorer = saving.Restorer(slim.get_model_variables())
            self.session = tf.Session(config=devices.session_config(device))

            def restored(path):
                step = checkpoints.global_step_of(path)  # Once restored, it may go.
                restorer.restore(self.session, path)
                return path, step

            self.checkpoint_path, self.global_step = checkpoints.read_newest(*chosen, read=restored)

    def _view(self, encoded):
        return preprocessing.preprocess_for_eval(encoded, self.image_size, self.image_size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def end_point(self, name):
        """Returns the tensor of an end point, named ``conv1`` or ``alexnet_v2/conv1``.

        Raises:
          UsageError: there is none of that name.
        """
        short = name.rpartition("/")[2]
        if short not in self.end_points or name not in (short, alexnet_v2.SCOPE + "/" + short):
            raise UsageError(
                "--end_point %s: the network has %s" % (name, ", ".join(self.end_points))
            )
        return self.end_points[short]

    def kernels(self, layer):
        """Returns a layer's weights, float32 [height, width, input maps, units].

        Raises:
          DataError: they are not finite.
        """
        weights = self.session.run("%s/%s/weights:0" % (alexnet_v2.SCOPE, layer))
        metrics.check_finite(weights, self.checkpoint_path)
        return weights

    def ask(self, photos, fetches, doing="asking"):
        """Shows the network some photos, a batch at a time.

        Args:
          photos: ``photos.Photo``, a list or a ``photos.FilePhotos``, of which a batch at a time is
            in memory.
          fetches: a dict of tensors.
          doing: str, written beside the progress bar.

        Yields:
          Each batch as a list of ``Photo``, with a dict of arrays, whose first dimension is the
          photo.

        Raises:
          DataError: a photo that TensorFlow cannot decode, or answers that are NaN or infinite.
        """
        shown = iter(tqdm(photos, desc=doing, unit="photo", delay=1, disable=None))
        while True:
            batch = list(itertools.islice(shown, BATCH_SIZE))
            if not batch:
                return
            yield batch, self._ask_batch(batch, fetches)

    def _ask_batch(self, photos, fetches):
        try:
            fetched, probabilities = self.session.run(
                (fetches, self.probabilities), {self.encoded: [photo.encoded for photo in photos]}
            )
        except tf.errors.InvalidArgumentError as error:
            names = " ... ".join([photos[0].name, photos[-1].name][: len(photos)])
            raise DataError("%s: a photo cannot be decoded: %s" % (names, first_line(error)))
        metrics.check_finite(probabilities, self.checkpoint_path)
        return fetched


def _class_names(run, checkpoint_path):
    labels_to_names = records.read_labels_if_any(run.checkpoints_dir)
    if labels_to_names:
        return list(labels_to_names.values())
    # A checkpoint of research/slim has no labels beside it, but a bias for each class.
    name = alexnet_v2.SCOPE + "/fc8/biases"
    shapes = checkpoints.shapes_of(checkpoint_path)
    if name not in shapes:
        raise DataError("%s: has no variable %s; not an AlexNet v2" % (checkpoint_path, name))
    return ["class %d" % label for label in range(shapes[name][0])]
