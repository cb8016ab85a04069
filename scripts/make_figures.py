#!/usr/bin/env python
"""Draws what TensorBoard shows of runs, their confusion matrices, and the network itself.

    python scripts/make_figures.py
    python scripts/make_figures.py --run_name momentum,adam --figures curves,distributions

It leaves in --output_dir::

    curves.svg                            loss, accuracy and recall@2 of all runs
    histograms_parameters.svg             of every layer over the steps, as ridges, the runs side
    histograms_activations.svg              by side
    distributions_parameters.svg          the same as percentiles
    distributions_activations.svg
    alexnet_v2.svg                        the network's layers, as the first run has them
    confusion_<run>.svg                   of each run's newest checkpoint, or --checkpoint_path

What a run has not written yet is left out; a line says so.
"""

import os
import sys

import command_line
from absl import flags
from tqdm import tqdm

from alexnet_flowers import architecture, checkpoints, dataset, evaluation, events, splits
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.pictures import architecture as architecture_picture
from alexnet_flowers.pictures import curves, diagrams, histograms, style

FLAGS = flags.FLAGS

FIGURES = ("curves", "histograms", "distributions", "graph", "confusion")

flags.DEFINE_list("run_name", [], "Which runs, comma-separated. Default: all with events.")
command_line.define_run_parents()
flags.DEFINE_string(
    "checkpoint_path",
    None,
    "Of one --run_name: the checkpoint of the confusion matrix. Default: its newest.",
)
flags.DEFINE_list("figures", list(FIGURES), "Which figures, comma-separated.")
flags.DEFINE_list("histograms_of", list(histograms.KINDS), "Of what of every layer: likewise.")
flags.DEFINE_float(
    "smoothing", 0.9, "TensorBoard's, of the curves; 0: none.", lower_bound=0, upper_bound=0.999
)
flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
flags.DEFINE_enum("split", "validation", splits.SPLITS, "Of which photos the evaluations are.")
command_line.define_device()
flags.DEFINE_string("output_dir", "figures", "Where the figures go.")


def main():
    figures = _chosen("figures", FIGURES)
    kinds = _chosen("histograms_of", histograms.KINDS)
    names = events.choose_run_names(FLAGS.run_name, FLAGS.summaries_dir, len(style.LINE_COLORS))
    runs = [
        checkpoints.locate_run(name, FLAGS.checkpoints_dir, FLAGS.summaries_dir) for name in names
    ]
    evaluated = {run.name: checkpoints.newest(run.checkpoints_dir) for run in runs}
    if FLAGS.checkpoint_path:
        if len(runs) > 1:
            raise UsageError("--checkpoint_path: of which run? name one --run_name")
        evaluated = {names[0]: checkpoints.resolve(FLAGS.checkpoint_path, None)}
    if "confusion" in figures and any(evaluated.values()):
        _check_dataset()

    read = []
    if set(figures) & {"curves", "histograms", "distributions"}:
        bar = tqdm(runs, desc="reading events", unit="run", delay=1)
        read = [events.read_run(run, FLAGS.split) for run in bar]
    if "curves" in figures:
        _draw_curves(read)
    if "histograms" in figures:
        _draw_layers("histograms", histograms.histograms, kinds, read)
    if "distributions" in figures:
        _draw_layers("distributions", histograms.distributions, kinds, read)
    if "graph" in figures:
        layers = architecture.layers_of_run(runs[0])
        _save(architecture_picture.diagram(layers), "alexnet_v2", "graph of alexnet_v2", runs[:1])
    if "confusion" in figures:
        for run in runs:
            _draw_confusion(run, evaluated[run.name])


def _chosen(flag, choices):
    """Returns a flag's list, checked."""
    names = FLAGS[flag].value
    for name in names or ("",):
        if name not in choices:
            raise UsageError("--%s: %r is none of %s" % (flag, name, ", ".join(choices)))
    return names


def _check_dataset():
    """Raises an error that would otherwise come after all other figures."""
    try:
        dataset.get_split(FLAGS.split, FLAGS.dataset_dir)
    except DataError as error:
        raise DataError("%s; or leave confusion out of --figures" % error)


def _draw_curves(runs):
    drawn = [run for run in runs if curves.has_any(run)]
    if drawn:
        picture = curves.curves(drawn, FLAGS.smoothing, FLAGS.split)
        _save(picture, "curves", "curves, smoothed by %g" % FLAGS.smoothing, drawn)
    else:
        _leave_out("curves", "no scalars yet")


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


def _draw_confusion(run, checkpoint):
    name = "confusion_" + run.name
    if checkpoint is None:
        _leave_out(name, "no checkpoint in %s yet" % run.checkpoints_dir)
        return
    evaluator = evaluation.Evaluator(run, FLAGS.dataset_dir, FLAGS.split, FLAGS.device)
    result = evaluator.evaluate(checkpoint)
    picture = diagrams.confusion_matrix(result["confusion_matrix"], list(result["per_class"]))
    what = "confusion matrix of %(split)s at step %(global_step)d" % result
    _save(picture, name, what, [run])


def _save(picture, name, what, runs):
    path = os.path.join(FLAGS.output_dir, name + ".svg")
    title = "%s: run %s" % (what, ", ".join(run.name for run in runs))
    style.save(picture, path, style.Origin(title, command_line.command()))
    print(path, flush=True)


def _leave_out(name, why):
    sys.stderr.write("%s: left out: %s\n" % (name, why))


if __name__ == "__main__":
    command_line.run(main)
