"""How good a checkpoint is: every photo of a split, counted exactly once."""

import os
import time

import numpy as np
from tqdm import tqdm

from alexnet_flowers import devices
from alexnet_flowers.data import dataset, record_check
from alexnet_flowers.errors import DataError, first_line
from alexnet_flowers.events import event_writer
from alexnet_flowers.input import pipeline
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, runs, saving, settings, summaries

BATCH_SIZE = 50


class Evaluator:
    """The evaluation of a run's checkpoints on a split; the graph is built once for all of them."""

    def __init__(
        self,
        run,
        dataset_dir,
        split_name="validation",
        device="auto",
        batch_size=BATCH_SIZE,
        skip_bad_records=0,
        report=print,
        image_size=None,
        mirror=False,
    ):
        """Builds the graph.

        Args:
          run: a ``runs.Run``; its settings say how large the images were.
          dataset_dir: where the shards are.
          split_name: ``"train"``, ``"validation"`` or ``"test"``.
          device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
          batch_size: images a step; of no influence on the result.
          skip_bad_records: see ``dataset.get_split``.
          report: likewise.
          image_size: int, px of the evaluation view, 195 at least; None: as it was trained. The
            network slides over a larger one, 32 px at a time (227 px: 2 x 2 places, 259: 3 x 3),
            and the probabilities of all places are averaged.
          mirror: bool, whether each photo is also shown mirrored, and averaged likewise.

        Raises:
          DataError: the dataset is not as it has to be, or has other classes than the run.
        """
        self._run = run
        self._dataset_dir = dataset_dir
        self._split = dataset.get_split(
            split_name, dataset_dir, skip_bad_records=skip_bad_records, report=report
        )
        self._device = devices.resolve(device)
        runs.check_labels(run, self._split.labels_to_names)
        trained_size = settings.image_size_of(run.checkpoints_dir)
        image_size = image_size or trained_size
        self._curve = "_".join(
            [split_name]
            + (["%dpx" % image_size] if image_size != trained_size else [])
            + (["mirrored"] if mirror else [])
        )
        self._graph = tf.Graph()
        with self._graph.as_default():
            batch = pipeline.evaluation_batches(self._split, batch_size, image_size)
            logits = _logits(batch.images, self._split.num_classes, mirror)
            self._fetches = {
                "logits": logits,
                "labels": batch.labels,
                "losses": tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=batch.labels, logits=logits
                ),
            }
            self._restorer = saving.Restorer(slim.get_model_variables())
            self._local_init = tf.local_variables_initializer()
        self._writer = None

    def evaluate(self, checkpoint_path):
        """Evaluates one checkpoint.

        Returns:
          A dict that JSON can hold: ``split``, ``curve`` (the split and, where it is not the usual
          one, the view: ``"validation_259px_mirrored"``), ``num_images``, ``accuracy``,
          ``recall_at_2``, ``loss`` (mean cross entropy), ``per_class`` (``precision``, ``recall``,
          ``num_images`` of each class name; None where there is nothing to divide by),
          ``confusion_matrix`` (rows: true classes, columns: predicted ones), ``checkpoint`` and
          ``global_step``.

        Raises:
          DataError: the checkpoint does not fit, a record is damaged, or the shards do not hold
            as many photos as they should; or a batch is too large for the memory there is.
        """
        logits, labels, losses = self._run_network(checkpoint_path)
        if not (np.isfinite(logits).all() and np.isfinite(losses).all()):
            raise DataError(
                "%s: its network answers with NaN or infinite numbers; take an earlier checkpoint"
                % checkpoint_path
            )
        if len(labels) != self._split.num_samples:
            raise DataError(
                "%s: %d photos were read, not %d; convert again"
                % (self._dataset_dir, len(labels), self._split.num_samples)
            )
        confusion = np.zeros([self._split.num_classes] * 2, np.int64)
        np.add.at(confusion, (labels, logits.argmax(1)), 1)
        return {
            "split": self._split.split_name,
            "curve": self._curve,
            "num_images": len(labels),
            "accuracy": np.trace(confusion) / float(len(labels)),
            "recall_at_2": float(_among_best(logits, labels, 2).mean()),
            "loss": float(losses.mean(dtype=np.float64)),
            "per_class": self._per_class(confusion),
            "confusion_matrix": confusion.tolist(),
            "checkpoint": checkpoint_path,
            "global_step": checkpoints.global_step_of(checkpoint_path),
        }

    def write_events(self, result):
        """Writes a result beside the training's events, under the same tags, at its step.

        Another view than the usual one has a folder, and in TensorBoard a curve, of its own. A
        checkpoint that belongs to no run has no place for events; then nothing is written.
        """
        if self._run.summaries_dir is None:
            return
        if self._writer is None:
            path = os.path.join(self._run.summaries_dir, self._curve)
            os.makedirs(path, exist_ok=True)
            self._writer = event_writer.EventWriter(path)
        values = {
            summaries.ACCURACY_TAG: result["accuracy"],
            summaries.RECALL_AT_2_TAG: result["recall_at_2"],
            summaries.CROSS_ENTROPY_TAG: result["loss"],
        }
        summaries.write_scalars(self._writer, values, result["global_step"])
        self._writer.flush()

    def _run_network(self, checkpoint_path):
        """Returns all logits [n, classes], labels [n] and cross entropies [n] of the split."""
        fetched = []
        with tf.Session(graph=self._graph, config=devices.session_config(self._device)) as session:
            session.run(self._local_init)
            self._restorer.restore(session, checkpoint_path)
            coordinator = tf.train.Coordinator()
            with self._graph.as_default():
                threads = tf.train.start_queue_runners(session, coordinator)
            try:
                with tqdm(
                    total=self._split.num_samples, desc=self._split.split_name, unit="photo"
                ) as bar:
                    while True:
                        fetched.append(session.run(self._fetches))
                        bar.update(len(fetched[-1]["labels"]))
            except tf.errors.OutOfRangeError:
                pass  # The split has been read to its end.
            except tf.errors.ResourceExhaustedError as error:
                raise DataError("%s; lower --batch_size" % first_line(error))
            coordinator.request_stop()
            try:
                coordinator.join(threads)
            except tf.errors.OpError as error:
                bad = record_check.explanation(
                    self._split.data_sources, self._split.nums_records, self._split.num_classes
                )
                raise DataError(
                    bad or "%s: reading stopped: %s" % (self._dataset_dir, first_line(error))
                )
        return tuple(
            np.concatenate([part[name] for part in fetched] or [[]])
            for name in ("logits", "labels", "losses")
        )

    def _per_class(self, confusion):
        def share(part, whole):
            return part / float(whole) if whole else None

        return {
            self._split.labels_to_names[label]: {
                "precision": share(confusion[label, label], confusion[:, label].sum()),
                "recall": share(confusion[label, label], confusion[label].sum()),
                "num_images": int(confusion[label].sum()),
            }
            for label in range(len(confusion))
        }


def _logits(images, num_classes, mirror):
    """Returns log probabilities [n, classes]: those of the probabilities' mean over all views."""
    if mirror:
        images = tf.concat([images, images[:, :, ::-1]], 0)
    logits, _ = alexnet_v2.alexnet_v2(images, num_classes, is_training=False, spatial_squeeze=False)
    sides = 2 if mirror else 1
    shape = tf.shape(logits)
    places = shape[1] * shape[2]
    log_probabilities = tf.reshape(
        tf.nn.log_softmax(logits), [sides, shape[0] // sides, places, num_classes]
    )
    num_views = tf.cast(sides * places, tf.float32)
    return tf.reduce_logsumexp(log_probabilities, [0, 2]) - tf.math.log(num_views)


def _among_best(logits, labels, k):
    """Says of each row whether fewer than k classes score higher than the true one."""
    scores = logits[np.arange(len(labels)), labels]
    return (logits > scores[:, np.newaxis]).sum(1) < k


def watch(run, make_evaluator, poll_secs=2.0):
    """Evaluates each new checkpoint of a run as it appears, until the run's last step.

    Args:
      run: a ``runs.Run``; it need not have begun.
      make_evaluator: returns the ``Evaluator``; called when there is a first checkpoint, whose
        run's settings it then knows.
      poll_secs: the pause between two looks.

    Yields:
      (the ``Evaluator``, what its ``evaluate`` returns) for each checkpoint, oldest first.
    """
    evaluator = None
    seen = set()
    while True:
        new = [path for path in checkpoints.all_complete(run.checkpoints_dir) if path not in seen]
        for path in new:
            evaluator = evaluator or make_evaluator()
            seen.add(path)
            try:
                result = evaluator.evaluate(path)
            except DataError:
                if checkpoints.is_complete(path):
                    raise
                continue  # Training has removed it meanwhile, as an old one.
            yield evaluator, result
            kept = settings.read(run.checkpoints_dir)
            if kept is not None and result["global_step"] >= kept["num_steps"]:
                return
        if not new:
            time.sleep(poll_secs)


def table(result):
    """Returns a result as lines of text."""
    names = list(result["per_class"])
    width = max(len(name) for name in names + ["class"])
    cell = max(9, width + 1)
    lines = [
        "%-*s %6s %9s %7s   predicted as" % (width, "class", "photos", "precision", "recall"),
        "%*s" % (width + 27, "") + "".join("%*s" % (cell, name) for name in names),
    ]
    for name, row in zip(names, result["confusion_matrix"]):
        one = result["per_class"][name]
        lines.append(
            "%-*s %6d %9s %7s   "
            % (width, name, one["num_images"], _share(one["precision"]), _share(one["recall"]))
            + "".join("%*d" % (cell, count) for count in row)
        )
    lines.append(
        "%s, %d photos, step %d: accuracy %.4f, recall@2 %.4f, loss %.4f"
        % (
            result["curve"],
            result["num_images"],
            result["global_step"],
            result["accuracy"],
            result["recall_at_2"],
            result["loss"],
        )
    )
    return "\n".join(lines)


def _share(value):
    return "-" if value is None else "%.3f" % value
