"""Draws what TensorBoard shows of runs, their confusion matrices, and the network itself.

    python scripts/make_figures.py
    python scripts/make_figures.py --run_name momentum,adam --figures curves,distributions

Each of --figures leaves its files in --output_dir. What a run has not written yet is left out; a
line says so.
"""

import contextlib
import functools
import itertools
import os
from typing import Callable, Dict, List, NamedTuple, Optional

from absl import flags
from tqdm import tqdm

from alexnet_flowers.commands import command_line, outputs, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import dataset, photos, records
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.evaluation.evaluator import Evaluator
from alexnet_flowers.events import event_reader, reported, tensorboard_views
from alexnet_flowers.inference import dead_units, trained_network
from alexnet_flowers.nets import alexnet_v2, architecture
from alexnet_flowers.pictures import curves, diagrams, histograms, network_diagram, picture_file
from alexnet_flowers.training import checkpoints, run_dataset, settings
from alexnet_flowers.training.runs import Run, check_labels, choose_run, locate_run

FLAGS = flags.FLAGS


# What a figure needs of runs, in the words that are printed where it is not there.
_SCALARS = "no scalars of it yet"
_HISTOGRAMS = "no histograms yet; training writes them by --save_histograms_secs"
_CHECKPOINT = "no checkpoint yet"
_NOTHING = ""


class _Runs(NamedTuple):
    """The runs, and what was read of them."""

    all: List[Run]
    events: List[event_reader.RunEvents]  # Of those that have written some.
    checkpoints: Dict[str, Optional[str]]  # Of those of these photos; None: there is none yet.


class _Figure(NamedTuple):
    """A line of the table.

    ``pictures(runs)`` yields (file name, title, the steps of the runs in it by name, function).
    """

    pictures: Callable
    needs: str
    help: str
    max_runs: Optional[int] = None  # As many as there are colors, where each has its own.


def _curves(runs):
    drawn = _those_with("curves", runs.events, curves.has_learning, _SCALARS)
    beside = reported.read(FLAGS.reported) if FLAGS.reported else None
    for tag in sorted(set(beside.points if beside else ()).difference(curves.LEARNING_TAGS)):
        _leave_out(
            "%s of %s" % (tag, FLAGS.reported), "drawn is " + ", ".join(curves.LEARNING_TAGS)
        )
    options = (FLAGS.smoothing, FLAGS.split, beside, FLAGS.log_steps)
    draw = functools.partial(curves.learning, drawn, *options)
    smoothed = ", smoothed by %g" % FLAGS.smoothing if FLAGS.smoothing else ""
    yield "curves", "curves" + smoothed, _last_steps(drawn), draw


def _sparsity(runs):
    drawn = _those_with("sparsity", runs.events, curves.has_sparsity, _SCALARS)
    draw = functools.partial(curves.sparsity, drawn, alexnet_v2.RELU_LAYERS, FLAGS.log_steps)
    yield "sparsity", "share of zeros", _last_steps(drawn), draw


def _over_time(figure, draw, runs):
    if len(runs.events) > histograms.MAX_RUNS:
        _leave_out(figure, "of at most %d --run_name" % histograms.MAX_RUNS)
        return
    for kind in FLAGS.histograms_of:
        name, title = "%s_%s" % (figure, kind), "%s of %s" % (figure, kind)
        has_any = functools.partial(histograms.has_any, kind=kind)
        drawn = _those_with(name, runs.events, has_any, _HISTOGRAMS)
        yield name, title, _last_steps(drawn), functools.partial(draw, drawn, kind)


def _graph(runs):
    for run in runs.all:
        with _leaving_out("alexnet_v2 of %s" % run.name):
            # For the image size and the classes that it was trained with.
            labels = records.read_labels_if_any(run.checkpoints_dir)
            num_classes = len(labels) if labels else architecture.NUM_CLASSES
            layers = architecture.layers(settings.image_size_of(run.checkpoints_dir), num_classes)
            draw = functools.partial(network_diagram.diagram, layers)
            yield "alexnet_v2", "graph of alexnet_v2", {run.name: None}, draw
            return


def _dead_units(runs):
    name = "dead_units_" + FLAGS.split
    of_these_photos = [run for run in runs.all if run.name in runs.checkpoints]
    drawn = _those_with(name, of_these_photos, lambda run: runs.checkpoints[run.name], _CHECKPOINT)
    split_of = functools.lru_cache(1)(functools.partial(photos.from_split, report=lambda _: None))
    runs_to_layers, steps = {}, {}
    for run in drawn:
        with _leaving_out("%s of %s" % (name, run.name)):
            found, _ = split_of(_shown(run).dataset_dir, FLAGS.split)
            with trained_network.TrainedNetwork(
                run, FLAGS.checkpoint_path, command_line.chosen_device()
            ) as network:
                layers = dead_units.dead_units(network, found)
            print("%s, step %d" % (run.name, network.global_step))
            print(dead_units.table(layers), flush=True)
            runs_to_layers[run.name], steps[run.name] = layers, network.global_step
    if steps or (runs.checkpoints and not drawn):  # Otherwise it has been said of each run.
        draw = functools.partial(diagrams.dead_units_side_by_side, runs_to_layers)
        suffix = "".join(sorted({_shown(run).suffix for run in drawn if run.name in steps}))
        yield name + suffix, "dead units on " + FLAGS.split + suffix, steps, draw


def _confusion(runs):
    for run in runs.all:
        name = "confusion_" + FLAGS.split
        if runs.checkpoints.get(run.name):
            result = None
            with _leaving_out("%s of %s" % (name, run.name)):
                evaluator = Evaluator(
                    run,
                    FLAGS.dataset_dir,
                    FLAGS.split,
                    command_line.chosen_device(),
                    report=lambda _: None,  # It has been said.
                )
                result = checkpoints.read_newest(
                    FLAGS.checkpoint_path, run.checkpoints_dir, evaluator.evaluate
                )
            if result is None:
                continue
            title = (
                "confusion matrix of %(curve)s, %(num_images)d photos, accuracy %(accuracy).4f, "
                "recall@2 %(recall_at_2).4f" % result
            )
            name += result["curve"][len(FLAGS.split) :]
            counts, classes = result["confusion_matrix"], list(result["per_class"])
            draw = functools.partial(diagrams.confusion_matrix, counts, classes)
            yield name, title, {run.name: result["global_step"]}, draw
        elif run.name in runs.checkpoints:
            _leave_out("%s_%s" % (name, run.name), "no checkpoint in %s yet" % run.checkpoints_dir)


def _those_with(figure, runs, has_any, needs):
    """Returns the runs that have something to draw; of the others a line says so.

    Where there are none at all, ``main`` says it.
    """
    drawn = [run for run in runs if has_any(run)]
    if drawn:
        for run in itertools.filterfalse(has_any, runs):
            _leave_out("%s of %s" % (figure, run.name), needs)
    return drawn


def _last_steps(events):
    """Returns the last step of each ``RunEvents`` by its name."""
    return {run.name: event_reader.last_step(run) for run in events}


_ridges = functools.partial(_over_time, "histograms", histograms.histograms)
_bands = functools.partial(_over_time, "distributions", histograms.distributions)

# To add a figure, add its function above and its line here. They are drawn in this order.
FIGURES = dict(
    curves=_Figure(
        _curves, _SCALARS, "cross entropy, accuracy and recall@2 of all runs", curves.MAX_RUNS
    ),
    sparsity=_Figure(
        _sparsity, _SCALARS, "each layer's share of zeros, of all runs", curves.MAX_RUNS
    ),
    histograms=_Figure(_ridges, _HISTOGRAMS, "every layer's values over the steps, as ridges"),
    distributions=_Figure(_bands, _HISTOGRAMS, "the same as percentiles"),
    graph=_Figure(_graph, _NOTHING, "the network's layers, as the first run has them"),
    dead_units=_Figure(
        _dead_units, _CHECKPOINT, "units that never fire, of all runs", curves.MAX_RUNS
    ),
    confusion=_Figure(_confusion, _CHECKPOINT, "how often a run took each class for each"),
)

_HELP = "\n".join("%s: %s." % (name, figure.help) for name, figure in FIGURES.items())
with group("Run"):
    flags.DEFINE_list(
        "run_name", [], "Draw these runs, comma-separated. Default: all that have events."
    )
    flags.DEFINE_string(
        "checkpoint_path",
        None,
        "Read this checkpoint, of its own run or a single --run_name. Default: each run's newest.",
    )
command_line.define_run_parents()
command_line.define_split("validation", "Show the evaluations on this split.")
command_line.define_dataset_dir(otherwise="those that each run was trained on")
command_line.define_device()
with group("Output"):
    flags.DEFINE_list("figures", list(FIGURES), "Draw these figures, comma-separated.\n" + _HELP)
    flags.DEFINE_list(
        "histograms_of",
        list(histograms.KINDS),
        "Show these values in histograms and distributions, comma-separated.",
    )
    flags.DEFINE_float(
        "smoothing",
        tensorboard_views.SMOOTHING,
        "Smooth the curves as TensorBoard does; 0: not at all.",
        lower_bound=0,
        upper_bound=0.999,
    )
    flags.DEFINE_boolean("log_steps", False, "Give all curves a logarithmic axis of steps.")
    flags.DEFINE_string(
        "reported", None, "Draw what this CSV file of tag,step,value has beside the curves."
    )
    flags.DEFINE_string("output_dir", "runs/figures", "Write the figures to this folder.")
    flags.DEFINE_enum("format", "svg", picture_file.DIAGRAM_FORMATS, "Write files of this format.")


def main():
    _check_choice("figures", FIGURES)
    _check_choice("histograms_of", histograms.KINDS)
    outputs.check_folder(FLAGS.output_dir)
    figures = [figure for name, figure in FIGURES.items() if name in FLAGS.figures]
    runs = _read_runs(figures)
    for figure in figures:
        for name, title, steps, draw in figure.pictures(runs):
            if steps:
                _save(draw(), name, title, steps)
            else:
                _leave_out(name, figure.needs)


def _check_choice(flag, choices):
    for name in FLAGS[flag].value:
        if name not in choices:
            raise UsageError("--%s: %r is none of %s" % (flag, name, ", ".join(choices)))


def _read_runs(figures):
    """Returns the ``_Runs`` that the flags choose, with what the figures need of them."""
    needs = {figure.needs for figure in figures}
    names = _choose_names(figures)
    runs, evaluated = [], {}
    for name in names:
        with _leaving_out(name, (DataError, UsageError)):
            run = locate_run(name, FLAGS.checkpoints_dir, FLAGS.summaries_dir)
            evaluated[name] = checkpoints.newest(run.checkpoints_dir)
            runs.append(run)
    if not runs:
        raise DataError("%s: no run that can be drawn" % FLAGS.summaries_dir)
    if FLAGS.checkpoint_path:
        if len(runs) > 1:
            raise UsageError("--checkpoint_path: of which run? name one --run_name")
        runs = [_run_of_checkpoint(names[0])]
        evaluated = {names[0]: checkpoints.resolve(FLAGS.checkpoint_path, None)}
    if _CHECKPOINT in needs and any(evaluated.values()):
        evaluated = {run.name: evaluated[run.name] for run in _of_these_photos(runs)}
    events = _read_events(runs) if {_SCALARS, _HISTOGRAMS} & needs else []
    return _Runs(runs, events, evaluated)


def _choose_names(figures):
    names = FLAGS.run_name
    if FLAGS.checkpoint_path and not names:
        run = _run_of_checkpoint(None)
        if run.summaries_dir is None:  # It lies elsewhere,
            checkpoints.resolve(FLAGS.checkpoint_path, None)  # or nowhere.
            raise UsageError("--checkpoint_path: of which run? name one --run_name")
        names = [run.name]
    max_runs = min((one.max_runs for one in figures if one.max_runs), default=None)
    trained = []
    if not {_SCALARS, _HISTOGRAMS} & {one.needs for one in figures}:
        trained = checkpoints.folders_with(checkpoints.newest, FLAGS.checkpoints_dir)
    return event_reader.choose_run_names(names, FLAGS.summaries_dir, max_runs, trained)


def _run_of_checkpoint(name):
    return choose_run(name, FLAGS.checkpoint_path, FLAGS.checkpoints_dir, FLAGS.summaries_dir)


def _is_named():
    """Says whether the flags name the runs; otherwise those that cannot be drawn are left out."""
    return bool(FLAGS.run_name or FLAGS.checkpoint_path)


@contextlib.contextmanager
def _leaving_out(what, errors=DataError):
    """Within it a ``DataError``, or another one, leaves out a run, unless it is named."""
    try:
        yield
    except errors as error:
        if _is_named():
            raise
        _leave_out(what, error)


def _of_these_photos(runs):
    """Returns the runs that can be evaluated, on --dataset_dir or, by default, their own photos.

    Where none are named, runs of other photos are left out. All are checked before the first figure
    is drawn, so that no error comes after most of the work.
    """
    of_photos = [name for name, figure in FIGURES.items() if figure.needs == _CHECKPOINT]
    figures = " and ".join(sorted(of_photos))
    note = functools.lru_cache(None)(command_line.note)  # Each line once.
    found = []
    try:
        if FLAGS.dataset_dir:
            dataset.get_split(FLAGS.split, FLAGS.dataset_dir, report=note)
        for run in runs:
            with _leaving_out("%s of %s" % (figures, run.name)):
                chosen = _shown(run)
                split = dataset.get_split(FLAGS.split, chosen.dataset_dir, report=note)
                check_labels(run, split.labels_to_names)
                if chosen.note and not _is_named():
                    raise DataError(
                        "was trained on other photos than those of %s" % FLAGS.dataset_dir
                    )
                if chosen.note:
                    command_line.note(chosen.note)
                found.append(run)
    except DataError as error:
        raise DataError("%s; or leave %s out of --figures" % (error, figures))
    return found


def _shown(run):
    return run_dataset.choose(run, FLAGS.dataset_dir)


def _read_events(runs):
    """Reads all runs' events; without --run_name, those that have written some."""
    read = []
    for run in tqdm(runs, desc="reading events", unit="run", delay=1, disable=None):
        with _leaving_out(run.name):
            read.append(event_reader.read_run(run, FLAGS.split, command_line.note))
    return read


def _save(picture, name, title, steps):
    """Saves a picture under the name of its runs, and of its step where it is of one run."""
    parts = [name] + [picture_output.run_word(run) for run in steps]
    if len(steps) == 1:
        parts += ["%d" % step for step in steps.values() if step is not None]
    of_runs = [
        run + (", step %d" % step if step is not None else "") for run, step in steps.items()
    ]
    title = "%s: run %s" % (title, "; ".join(of_runs))
    path = os.path.join(FLAGS.output_dir, picture_output.file_name(*parts, kind=FLAGS.format))
    outputs.check(picture=path)
    picture_output.save(picture, path, title)
    print(path, flush=True)


def _leave_out(name, why):
    command_line.note("%s: left out: %s" % (name, why))
