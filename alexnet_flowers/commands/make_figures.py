"""Draws what TensorBoard shows of runs, their confusion matrices, and the network itself.

    python scripts/make_figures.py
    python scripts/make_figures.py --run_name momentum,adam --figures curves,distributions

It leaves in --output_dir::

    curves.svg                            loss, accuracy and recall@2 of all runs
    sparsity.svg                          each layer's share of zeros, of all runs
    histograms_parameters.svg             of every layer over the steps, as ridges, the runs side
    histograms_activations.svg              by side
    distributions_parameters.svg          the same as percentiles
    distributions_activations.svg
    alexnet_v2.svg                        the network's layers, as the first run has them
    dead_units.svg                        units that never fire, all runs side by side
    confusion_<run>.svg                   of each run's newest checkpoint, or --checkpoint_path

What a run has not written yet is left out; a line says so.
"""

import contextlib
import os
import sys

from absl import flags
from tqdm import tqdm

from alexnet_flowers.commands import command_line
from alexnet_flowers.data import conversion, dataset, photos, records, splits
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.evaluation.evaluator import Evaluator
from alexnet_flowers.events import event_reader
from alexnet_flowers.events import reported as reported_points
from alexnet_flowers.inference import dead_units, trained_network
from alexnet_flowers.nets import architecture
from alexnet_flowers.pictures import architecture as architecture_picture
from alexnet_flowers.pictures import curves, diagrams, histograms, style
from alexnet_flowers.training import checkpoints, settings

FLAGS = flags.FLAGS

FIGURES = (
    "curves",
    "sparsity",
    "histograms",
    "distributions",
    "graph",
    "dead_units",
    "confusion",
)
_OF_PHOTOS = {"dead_units", "confusion"}

flags.DEFINE_list("run_name", [], "Which runs, comma-separated. Default: all with events.")
command_line.define_run_parents()
flags.DEFINE_string(
    "checkpoint_path",
    None,
    "Of one --run_name: the checkpoint whose units and mistakes are shown. Default: its newest.",
)
flags.DEFINE_list("figures", list(FIGURES), "Which figures, comma-separated.")
flags.DEFINE_list("histograms_of", list(histograms.KINDS), "Of what of every layer: likewise.")
flags.DEFINE_float(
    "smoothing", 0.9, "TensorBoard's, of the curves; 0: none.", lower_bound=0, upper_bound=0.999
)
flags.DEFINE_boolean("log_steps", False, "A logarithmic axis for the steps of all curves.")
flags.DEFINE_string(
    "reported", None, "A CSV file of tag,step,value, laid beside the curves: what others have seen."
)
flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
flags.DEFINE_enum("split", "validation", splits.SPLITS, "Of which photos the evaluations are.")
command_line.define_device()
flags.DEFINE_string("output_dir", "runs/figures", "Where the figures go.")
flags.DEFINE_enum("format", "svg", style.DIAGRAM_FORMATS, "Of the figures' files.")


def main():
    figures = _chosen("figures", FIGURES)
    kinds = _chosen("histograms_of", histograms.KINDS)
    names = event_reader.choose_run_names(
        FLAGS.run_name, FLAGS.summaries_dir, len(style.LINE_COLORS)
    )
    runs = [
        checkpoints.locate_run(name, FLAGS.checkpoints_dir, FLAGS.summaries_dir) for name in names
    ]
    evaluated = {run.name: checkpoints.newest(run.checkpoints_dir) for run in runs}
    if FLAGS.checkpoint_path:
        if len(runs) > 1:
            raise UsageError("--checkpoint_path: of which run? name one --run_name")
        evaluated = {names[0]: checkpoints.resolve(FLAGS.checkpoint_path, None)}
    if _OF_PHOTOS & set(figures) and any(evaluated.values()):
        evaluated = {run.name: evaluated[run.name] for run in _of_these_photos(runs)}
    reported = reported_points.read(FLAGS.reported) if FLAGS.reported else None

    read = []
    if set(figures) & {"curves", "sparsity", "histograms", "distributions"}:
        read = _read(runs)
    if "curves" in figures:
        _draw_curves(read, reported)
    if "sparsity" in figures:
        _draw_sparsity(read)
    if "histograms" in figures:
        _draw_layers("histograms", histograms.histograms, kinds, read)
    if "distributions" in figures:
        _draw_layers("distributions", histograms.distributions, kinds, read)
    if "graph" in figures:
        layers = _layers_of(runs[0])
        _save(architecture_picture.diagram(layers), "alexnet_v2", "graph of alexnet_v2", runs[:1])
    if "dead_units" in figures:
        _draw_dead_units([run for run in runs if evaluated.get(run.name)], evaluated)
    if "confusion" in figures:
        for run in runs:
            if run.name in evaluated:
                _draw_confusion(run, evaluated[run.name])


def _layers_of(run):
    """Returns the layers for the image size and the classes that a run was trained with."""
    num_classes = architecture.NUM_CLASSES
    if os.path.exists(os.path.join(run.checkpoints_dir, records.LABELS_FILENAME)):
        num_classes = len(records.read_labels(run.checkpoints_dir))
    return architecture.layers(settings.image_size_of(run.checkpoints_dir), num_classes)


def _chosen(flag, choices):
    """Returns a flag's list, checked."""
    names = FLAGS[flag].value
    for name in names or ("",):
        if name not in choices:
            raise UsageError("--%s: %r is none of %s" % (flag, name, ", ".join(choices)))
    return names


@contextlib.contextmanager
def _leaving_out(what):
    """Within it a ``DataError`` leaves out a run that nobody has named; a named one it stops."""
    try:
        yield
    except DataError as error:
        if FLAGS.run_name:
            raise
        _leave_out(what, error)


def _of_these_photos(runs):
    """Returns the runs that can be evaluated on --dataset_dir.

    Without --run_name, runs of other classes or another archive are not among them. An error is
    raised here that would otherwise come after all other figures.
    """
    figures = " and ".join(sorted(_OF_PHOTOS))
    found = []
    try:
        labels_to_names = dataset.get_split(FLAGS.split, FLAGS.dataset_dir).labels_to_names
        info = conversion.read_info(FLAGS.dataset_dir)
        for run in runs:
            with _leaving_out("%s of %s" % (figures, run.name)):
                checkpoints.check_labels(run, labels_to_names)
                if not FLAGS.run_name:
                    _check_archive(run, info)
                found.append(run)
    except DataError as error:
        raise DataError("%s; or leave %s out of --figures" % (error, figures))
    return found


def _check_archive(run, info):
    """Raises ``DataError`` for a run of photos that only have the same classes."""
    kept = settings.read(run.checkpoints_dir)
    trained_on = kept["dataset"].get("archive_sha256") if kept else None
    if trained_on and info and trained_on != info["archive_sha256"]:
        raise DataError("was trained on other photos than those of %s" % FLAGS.dataset_dir)


def _read(runs):
    """Reads all runs' events; without --run_name, those that have written some."""
    read = []
    for run in tqdm(runs, desc="reading events", unit="run", delay=1):
        with _leaving_out(run.name):
            read.append(event_reader.read_run(run, FLAGS.split))
    return read


def _draw_curves(runs, reported):
    drawn = [run for run in runs if curves.has_learning(run)]
    if drawn:
        picture = curves.learning(drawn, FLAGS.smoothing, FLAGS.split, reported, FLAGS.log_steps)
        _save(picture, "curves", "curves, smoothed by %g" % FLAGS.smoothing, drawn)
    else:
        _leave_out("curves", "no scalars yet")


def _draw_sparsity(runs):
    drawn = [run for run in runs if curves.has_sparsity(run)]
    if drawn:
        picture = curves.sparsity(drawn, FLAGS.log_steps)
        _save(picture, "sparsity", "share of zeros", drawn)
    else:
        _leave_out("sparsity", "no scalars of it yet")


def _draw_layers(figure, draw, kinds, runs):
    if len(runs) > histograms.MOST_RUNS:
        _leave_out(figure, "of at most %d --run_name" % histograms.MOST_RUNS)
        return
    for kind in kinds:
        name = "%s_%s" % (figure, kind)
        drawn = [run for run in runs if histograms.has_any(run, kind)]
        if drawn:
            _save(draw(drawn, kind), name, "%s of %s" % (figure, kind), drawn)
        else:
            _leave_out(name, "no histograms yet; training writes them by --save_histograms_secs")


def _draw_dead_units(runs, evaluated):
    if not runs:
        if evaluated:  # Otherwise it has been said.
            _leave_out("dead_units", "no checkpoint yet")
        return
    found, _ = photos.from_split(FLAGS.dataset_dir, FLAGS.split)
    runs_to_layers = {}
    for run in runs:
        with trained_network.TrainedNetwork(run, evaluated[run.name], FLAGS.device) as network:
            runs_to_layers[run.name] = dead_units.dead_units(network, found)
            steps = network.global_step
        print("%s, step %d" % (run.name, steps))
        print(dead_units.table(runs_to_layers[run.name]), flush=True)
    picture = diagrams.dead_units_side_by_side(runs_to_layers)
    _save(picture, "dead_units", "dead units on " + FLAGS.split, runs)


def _draw_confusion(run, checkpoint):
    name = "confusion_" + run.name
    if checkpoint is None:
        _leave_out(name, "no checkpoint in %s yet" % run.checkpoints_dir)
        return
    evaluator = Evaluator(run, FLAGS.dataset_dir, FLAGS.split, FLAGS.device)
    result = evaluator.evaluate(checkpoint)
    picture = diagrams.confusion_matrix(result["confusion_matrix"], list(result["per_class"]))
    what = "confusion matrix of %(split)s at step %(global_step)d" % result
    _save(picture, name, what, [run])


def _save(picture, name, what, runs):
    path = os.path.join(FLAGS.output_dir, name + "." + FLAGS.format)
    title = "%s: run %s" % (what, ", ".join(run.name for run in runs))
    style.save(picture, path, style.Origin(title, command_line.command()))
    print(path, flush=True)


def _leave_out(name, why):
    sys.stderr.write("%s: left out: %s\n" % (name, why))
