"""Reports on a run in one HTML file, which needs no network: all that there is to see of it.

    python scripts/report.py --run_name sgd

Settings, curves, distributions, confusion matrix, figures of each class, the worst mistakes,
explanations, kernels, patches that excite units, dead units, and the commands that show more.
"""

import os

from absl import flags

from alexnet_flowers import atomic
from alexnet_flowers.commands import asked_photos, command_line, next_step, outputs, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import DataError
from alexnet_flowers.events import event_reader, tensorboard_views
from alexnet_flowers.inference import dead_units, grad_cam, prediction, unit_patches
from alexnet_flowers.pictures import curves, diagrams, histograms, html_page, patches, tiles
from alexnet_flowers.training import settings

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(default_split="validation", of_files=False)
with group("Output"):
    flags.DEFINE_integer(
        "num_mistakes", 12, "Show so many wrong answers, the most confident first.", lower_bound=1,
        upper_bound=100,
    )  # fmt: skip
    flags.DEFINE_integer(
        "max_units", 12, "Show the patches of so many units of each layer.", lower_bound=1,
        upper_bound=64,
    )  # fmt: skip
    flags.DEFINE_string(
        "output",
        None,
        "Write this file, *.html. Default: runs/reports/<run>_<step>.html, of other "
        "photos than its validation split's <photos>_<run>_<step>.html.",
    )

# Of so many classes at most the right answers are explained.
_MAX_CLASSES = 12
_LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")


def main():
    picture_output.check([], ["html"])
    with command_line.chosen_network() as network:
        shown = asked_photos.split_name(network)
        of = shown if shown != "validation" else ""
        output = picture_output.path_of(of, network=network, folder="reports", kind="html")
        page = _page(network, shown)
    with outputs.written(output) as path:
        with atomic.opened(path, encoding="utf-8", errors="backslashreplace") as file:
            file.write(page)
    print("%s: %.1f MB" % (output, os.path.getsize(output) / 1e6))


def _page(network, shown):
    split = asked_photos.chosen([], network)
    cam = grad_cam.GradCam(network)
    predictions = prediction.predict(network, split, for_sheet=True, cam=cam)
    figures = prediction.figures(predictions, network.class_names)
    about = (
        "Step %d; %s, %d photos: accuracy %.4f, recall@2 %.4f, cross entropy %.4f. Checkpoint: %s"
        % (network.global_step, shown, figures["num_images"], figures["accuracy"],
           figures["recall_at_2"], figures["cross_entropy"], network.checkpoint_path)
    )  # fmt: skip
    sections = [
        _settings(network),
        *_learning(network, shown),
        _classes(figures, network),
        _mistakes(predictions, network),
        _explanations(predictions, network),
        _kernels(network),
        _patches(network, split),
        _dead_units(network, split),
        _commands(network),
    ]
    return html_page.page("Run %s" % network.run.name, about, sections)


def _settings(network):
    kept = settings.read(network.run.checkpoints_dir)
    if kept is None:
        return html_page.Section("Settings", "The checkpoint has no settings beside it.", [])
    parts = [
        html_page.table(
            [part, ""], [(name, _cell(kept[part][name])) for name in sorted(kept[part])]
        )
        for part in ("settings", "dataset")
    ]
    return html_page.Section("Settings", "What the run was started with.", parts)


def _cell(value):
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else value


def _learning(network, shown):
    """Yields the sections of the curves and of the distributions over the steps.

    ``shown`` is the name of the evaluations' curve, see ``evaluator.Evaluator``.
    """
    run = network.run
    try:
        if run.summaries_dir is None:
            raise DataError("the checkpoint belongs to no run here")
        events = event_reader.read_run(run, shown, command_line.note)
    except DataError as error:
        why = next_step.as_typed(str(error))
        yield html_page.Section("Curves", "There are none: %s." % why, [])
        return
    parts = []
    if curves.has_learning(events):
        drawn = curves.learning([events], tensorboard_views.SMOOTHING, shown)
        parts.append(html_page.picture(drawn))
    about = "Over the steps, of training batches and of each evaluation on %s." % shown
    yield html_page.Section("Curves", about if parts else "No scalars of it yet.", parts)
    parts = [
        html_page.picture(histograms.distributions([events], kind), kind)
        for kind in histograms.KINDS
        if histograms.has_any(events, kind)
    ]
    about = "The line is the median, the bands hold 38, 68, 87 and 100 % of the values."
    yield html_page.Section("Distributions", about if parts else "No histograms yet.", parts)


def _classes(figures, network):
    names = network.class_names
    matrix = diagrams.confusion_matrix(figures["confusion_matrix"], names)
    rows = [
        [label, name, one["num_images"]]
        + ["-" if one[kind] is None else "%.3f" % one[kind] for kind in ("precision", "recall")]
        for label, (name, one) in enumerate(figures["per_class"].items())
    ]
    header = ["id", "class", "photos", "precision", "recall"]
    about = "How often each class was taken for each; every photo of %s counts once." % FLAGS.split
    parts = [html_page.picture(matrix), html_page.table(header, rows)]
    return html_page.Section("Classes", about, parts)


def _mistakes(predictions, network):
    worst = prediction.worst_mistakes(predictions, FLAGS.num_mistakes)
    num_wrong = sum(map(prediction.is_wrong, predictions))
    about = "The most confident of %d wrong answers, and why: light is what speaks for them."
    return _sheet("Worst mistakes", about % num_wrong, worst, network)


def _explanations(predictions, network):
    shown = [
        one
        for label in range(len(network.class_names))[:_MAX_CLASSES]
        for one in prediction.most_confident(predictions, label, 2)
    ]
    are_all = len(network.class_names) <= _MAX_CLASSES
    about = (
        "The most confident right answers of %s. Beside each photo, Grad-CAM of %s lies over it: "
        "light is what speaks for the class; around it is what the network is not shown."
        % ("each class" if are_all else "the first %d classes" % _MAX_CLASSES, grad_cam.END_POINT)
    )
    return _sheet("Explanations", about, shown, network)


def _sheet(title, about, predictions, network):
    if not predictions:
        return html_page.Section(title, "There are none.", [])
    drawn = prediction.contact_sheet(predictions, network.class_names, num_columns=3)
    return html_page.Section(title, about, [html_page.picture(drawn)])


def _kernels(network):
    about = "What the units of conv1 look for: gray is 0, all share one scale."
    drawn = tiles.kernels(network.kernels("conv1"))
    return html_page.Section("Kernels", about, [html_page.picture(drawn)])


def _patches(network, split):
    parts = []
    for layer in _LAYERS:
        units = unit_patches.strongest(network, split, layer, FLAGS.max_units)
        drawn = patches.units(*unit_patches.drawable(units), num_columns=6)
        parts.append(html_page.picture(drawn, "%s: number of the unit, its largest value" % layer))
    about = (
        "The nine patches of %s that excite each unit most, as large as what it sees. Of each "
        "layer the units of the largest values." % FLAGS.split
    )
    return html_page.Section("What units like", about, parts)


def _dead_units(network, split):
    layers = dead_units.dead_units(network, split)
    about = "Units that fire for no photo of %s, and so learn from none of them." % FLAGS.split
    return html_page.Section("Dead units", about, [html_page.picture(diagrams.dead_units(layers))])


def _commands(network):
    return html_page.Section(
        "Commands", "What trained it, as far as its settings say so, and what shows more.",
        [html_page.code("\n".join(_command_lines(network)))],
    )  # fmt: skip


def _command_lines(network):
    kept = settings.read(network.run.checkpoints_dir)
    if kept:
        own = ["--dataset_dir", kept["dataset_dir"]] if "dataset_dir" in kept else []
        yield next_step.of_run("train", network.run.name, *own, *settings.flags_of(kept))
    run_name = network.run.name if network.run.summaries_dir else None  # None: it lies elsewhere.
    shown = []
    for name in ("checkpoint_path", "dataset_dir", "split"):
        if FLAGS[name].value:
            shown += ["--" + name, FLAGS[name].value]
    for name, *more in (
        ("evaluate",),
        ("predict", "--sheet", "sheet.png"),
        ("explain", "--index", "0"),
        ("show_patches", "--end_point", "conv5"),
        ("inspect_network",),
        ("report",),
    ):
        yield next_step.of_run(name, run_name, *shown, *more)
    yield next_step.tensorboard()
