"""How good a checkpoint is: every photo of a split, counted exactly once."""

import contextlib
import os
import time
from typing import NamedTuple, Optional

import numpy as np
from tqdm import tqdm

from alexnet_flowers import devices, lock
from alexnet_flowers.data import dataset, record_check
from alexnet_flowers.errors import DataError, first_line
from alexnet_flowers.evaluation import metrics
from alexnet_flowers.events import event_writer, step_table, tags
from alexnet_flowers.input import pipeline
from alexnet_flowers.nets import alexnet_v2, matrix_products
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import checkpoints, run_dataset, runs, saving, settings

BATCH_SIZE = 50
# Another process writes a line in a moment; more where the disk is slow.
_WAIT_SECS = 60
# How often a run that is watched is searched for new checkpoints.
_POLL_SECS = 2.0


class View(NamedTuple):
    """How an evaluation asks the network about a photo.

    Attributes:
      image_size: px, 195 at least; None: as the network was trained. It slides over larger images,
        32 px at a time (227 px: 2 x 2 places, 259: 3 x 3), and the probabilities of all places
        are averaged.
      mirror: whether each photo is shown mirrored as well, and these probabilities averaged too.
      raw_weights: whether the weights themselves answer, also where a run has averages of them.
    """

    image_size: Optional[int] = None
    mirror: bool = False
    raw_weights: bool = False


class Evaluator:
    """The evaluation of a run's checkpoints on a split; the graph is built once for all of them.

    Attributes:
      curve: str, the split and, where they are not the usual ones, the view and the photos:
        ``"validation_259px_mirrored"``.
    """

    def __init__(
        self,
        run,
        dataset_dir=None,
        split_name="validation",
        device="auto",
        batch_size=BATCH_SIZE,
        skip_bad_records=0,
        view=View(),  # noqa: B008 - A tuple: nobody can change it.
        report=print,
        shows_progress=True,
    ):
        """Builds the graph.

        Args:
          run: a ``runs.Run``; its settings say how large the images were.
          dataset_dir: where the shards are; None: the run's own, see ``run_dataset.choose``. Other
            photos than the run's have a curve of their own name.
          split_name: ``"train"``, ``"validation"`` or ``"test"``.
          device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
          batch_size: images a step; of no influence on the result.
          skip_bad_records: see ``dataset.get_split``.
          view: a ``View``.
          report: called with what ``dataset.get_split`` reports, and a line if these are other
            photos than the run's.
          shows_progress: whether ``evaluate`` shows on standard error how far it is.

        Raises:
          DataError: the dataset is not as it has to be, or has other classes than the run.
        """
        self._run = run
        chosen = run_dataset.choose(run, dataset_dir)
        self._dataset_dir = chosen.dataset_dir
        self._split = dataset.get_split(
            split_name, self._dataset_dir, skip_bad_records=skip_bad_records, report=report
        )
        self._device = devices.resolve(device)
        self._shows_progress = shows_progress
        runs.check_labels(run, self._split.labels_to_names)
        trained_size = settings.image_size_of(run.checkpoints_dir)
        image_size = view.image_size or trained_size
        self.curve = split_name
        if image_size != trained_size:
            self.curve += "_%dpx" % image_size
        if view.mirror:
            self.curve += "_mirrored"
        if view.raw_weights:
            self.curve += "_raw_weights"
        self.curve += chosen.suffix
        if chosen.note:
            report("%s; their curve is %s" % (chosen.note, self.curve))
        self._graph = tf.Graph()
        with self._graph.as_default():
            batch_size = min(batch_size, self._split.num_samples)
            batch = pipeline.evaluation_batches(self._split, batch_size, image_size)
            self._fetches = (
                _log_probabilities(batch.images, self._split.num_classes, view.mirror),
                batch.labels,
            )
            if self._device == "cpu":
                matrix_products.replace_convolutions()
            self._restorer = saving.Restorer(slim.get_model_variables(), view.raw_weights)
            self._local_init = tf.local_variables_initializer()
        self._writer = None

    def evaluate(self, checkpoint_path):
        """Evaluates one checkpoint.

        Returns:
          A dict that JSON can hold: ``split``, ``curve``, ``num_images``, ``accuracy``,
          ``recall_at_2``, ``cross_entropy`` (the mean, without weight decay), ``per_class`` (see
          ``metrics.per_class``), ``confusion_matrix`` (rows: true classes, columns: predicted
          ones), ``classes`` (their names, by id), ``checkpoint`` and ``global_step``.

        Raises:
          DataError: the checkpoint does not fit, a record is damaged, or the shards do not hold
            as many photos as they should; or a batch is too large for the memory there is.
          checkpoints.Removed: the checkpoint went before it was restored.
        """
        global_step = checkpoints.global_step_of(checkpoint_path)  # Once restored, it may go.
        log_probabilities, labels = self._run_network(checkpoint_path)
        metrics.check_finite(log_probabilities, checkpoint_path)
        if len(labels) != self._split.num_samples:
            raise DataError(
                "%s: %d photos were read, not %d; convert again"
                % (self._dataset_dir, len(labels), self._split.num_samples)
            )
        names = list(self._split.labels_to_names.values())
        return dict(
            metrics.figures(log_probabilities, labels, names),
            split=self._split.split_name,
            curve=self.curve,
            checkpoint=checkpoint_path,
            global_step=global_step,
        )

    def write_result(self, result):
        """Writes a result, at its step, beside the training's events, under the same tags.

        It also becomes a line of a table; see ``step_table``. Another view than the usual one, or
        other photos than the run's, have a folder, and in TensorBoard a curve, of their own. A
        checkpoint that belongs to no run has no place for either; then nothing is written.

        Raises:
          DataError: another process writes there for a minute, or the table is of other columns.
          WriteError: the event or the line cannot be written.
        """
        if self._run.summaries_dir is None:
            return
        path = os.path.join(self._run.summaries_dir, self.curve)
        if self._writer is None or not os.path.isdir(path):  # Or somebody has removed it.
            os.makedirs(path, exist_ok=True)
            self._writer = event_writer.EventWriter(path)
        values = {
            tags.ACCURACY: result["accuracy"],
            tags.RECALL_AT_2: result["recall_at_2"],
            tags.CROSS_ENTROPY: result["cross_entropy"],
        }
        event_writer.write_scalars(self._writer, values, result["global_step"])
        self._writer.flush()
        columns = step_table.EVALUATION_COLUMNS
        with lock.held(path, "written", _WAIT_SECS):  # Another process may evaluate the run, too.
            row = [result["global_step"]] + [result[name] for name in columns[1:]]
            table = step_table.path_of_curve(self._run.summaries_dir, self.curve)
            step_table.put(table, columns, row)

    def _run_network(self, checkpoint_path):
        """Returns the log probabilities [n, classes] and labels [n] of all photos of the split."""
        with tf.Session(graph=self._graph, config=devices.session_config(self._device)) as session:
            session.run(self._local_init)
            self._restorer.restore(session, checkpoint_path)
            coordinator = tf.train.Coordinator()
            with self._graph.as_default():
                threads = tf.train.start_queue_runners(session, coordinator)
            batches = self._fetch_all(session)
            coordinator.request_stop()
            try:
                coordinator.join(threads)
            except tf.errors.OpError as error:
                # Which record ended it, or TensorFlow's words where none is bad.
                bad = record_check.explanation(self._split)
                stopped = "%s: reading stopped: %s" % (self._dataset_dir, first_line(error))
                raise DataError(bad or stopped)
        return tuple(np.concatenate(parts) for parts in zip(*batches)) or (np.empty(0),) * 2

    def _fetch_all(self, session):
        """Returns what was fetched of each batch, until the split has been read to its end."""
        fetched = []
        progress = tqdm(
            total=self._split.num_samples,
            desc=self._split.split_name,
            unit="photo",
            disable=None if self._shows_progress else True,  # None: unless it is a terminal.
        )
        try:
            with progress:
                while True:
                    fetched.append(session.run(self._fetches))
                    progress.update(len(fetched[-1][1]))
        except tf.errors.OutOfRangeError:
            return fetched
        except tf.errors.ResourceExhaustedError as error:
            raise DataError(record_check.why_stopped(error, self._split))


def _log_probabilities(images, num_classes, mirror):
    """Returns the logarithms [n, classes] of the probabilities, which are means over all views."""
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


def watch(run, make_evaluator, report=print):
    """Evaluates each new checkpoint of a run as it appears, until the run's last step or early end.

    A finished run that is trained is being continued, also before its settings say how far. Where
    the run is removed, another one of its name is waited for, and watched.

    Args:
      run: a ``runs.Run``; it need not have begun.
      make_evaluator: returns the ``Evaluator``; called once there is a checkpoint, as the run has
        settings by then, and again for another run.
      report: called with a line if the run is removed, begun anew, or no longer trained.

    Yields:
      (the ``Evaluator``, what its ``evaluate`` returns) for each checkpoint, oldest first.
    """
    while (yield from _watch_until_gone(run, make_evaluator, report)):
        report(
            "%s: the run in %s is gone, or was begun anew; going on with what comes there now"
            % (run.name, run.checkpoints_dir)
        )


def _watch_until_gone(run, make_evaluator, report):
    """Watches one run; returns whether that ends because it is gone or was begun anew."""
    while not checkpoints.newest(run.checkpoints_dir):
        time.sleep(_POLL_SECS)
    evaluator = meant = None
    seen, number, was_trained = set(), -1, False
    with _told_apart(run.checkpoints_dir) as is_there:
        while True:
            is_trained = lock.is_held(run.checkpoints_dir)  # Before the look for its last one.
            new = [one for one in _versions(run.checkpoints_dir) if one not in seen]
            if not is_there() or (new and checkpoints.number_of(new[0][0]) <= number):
                return True
            seen.update(new)
            for path, _ in new:
                try:
                    before, meant = meant, _meaning(run)
                    if evaluator is None or meant != before:
                        evaluator = make_evaluator()
                    result = evaluator.evaluate(path)
                except checkpoints.Removed:
                    continue  # By training, as an old one.
                except DataError:
                    if is_there():
                        raise
                    return True
                if not is_there():
                    return True
                yield evaluator, result
                number = checkpoints.number_of(path)
            if new:
                continue
            kept = None if is_trained else settings.read(run.checkpoints_dir)
            if kept is not None and number >= settings.last_step(kept):
                return False
            if was_trained and not is_trained:
                report(
                    "%s: nobody trains it any more, at step %d; waiting until it goes on"
                    % (run.name, number)
                )
            was_trained = is_trained
            time.sleep(_POLL_SECS)


@contextlib.contextmanager
def _told_apart(folder):
    """Yields a function that says whether a folder is still there, and is no other of its name.

    As long as it is open, no other can get its number.
    """
    descriptor = os.open(folder, os.O_RDONLY)

    def is_there():
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(folder), os.fstat(descriptor))
        return False

    try:
        yield is_there
    finally:
        os.close(descriptor)


def _versions(folder):
    """Returns (path, which file it is) of each complete checkpoint; one may be made again."""
    found = []
    for path in checkpoints.all_complete(folder):
        with contextlib.suppress(FileNotFoundError):
            index = os.stat(path + ".index")
            found.append((path, (index.st_ino, index.st_mtime_ns)))
    return found


def _meaning(run):
    """Returns what an ``Evaluator`` of a run is built by."""
    kept = settings.read(run.checkpoints_dir) or {}
    return [kept.get(part) for part in ("settings", "dataset", "dataset_dir")]
