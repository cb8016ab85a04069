"""Evaluates a checkpoint on every photo of a split, each counted once.

python scripts/evaluate.py --run_name sgd
python scripts/evaluate.py --run_name sgd --watch --keep_best     # while training goes on
python scripts/evaluate.py --run_name sgd --eval_image_size 259 --mirror     # many views of each
"""

from absl import flags

from alexnet_flowers import json_file
from alexnet_flowers.commands import command_line, next_step, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import UsageError
from alexnet_flowers.evaluation import best, evaluator, tables
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.training import checkpoints

FLAGS = flags.FLAGS

command_line.define_network()
command_line.define_split("validation", "Evaluate the photos of this split.")
command_line.define_dataset_dir()
command_line.define_skip_bad_records()
with group("Photos"):
    flags.DEFINE_integer(
        "batch_size",
        evaluator.BATCH_SIZE,
        "Evaluate so many photos at once, which changes no result.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "eval_image_size",
        None,
        "Scale photos to images so many px high and wide: the network slides over larger images "
        "than it was trained on, and its answers at all places, 3 x 3 for 259, are averaged. "
        "Default: the size it was trained on.",
        lower_bound=alexnet_v2.SMALLEST_IMAGE_SIZE,
        upper_bound=2048,
    )
    flags.DEFINE_boolean("mirror", False, "Show each photo mirrored, too, and average the answers.")
with group("Run"):
    flags.DEFINE_boolean(
        "raw_weights",
        False,
        "Evaluate the weights themselves, also where the run has moving averages of them.",
    )
    flags.DEFINE_boolean("watch", False, "Evaluate each new checkpoint until the run is finished.")
    flags.DEFINE_boolean(
        "keep_best",
        False,
        "Keep the most accurate checkpoint in the run's folder best/, by one split and view.",
    )
with group("Output"):
    flags.DEFINE_string("json", None, "Write the result to this JSON file, too.")
    flags.DEFINE_string(
        "csv", None, "Write each class's figures and confusions to this CSV file, too."
    )


def main():
    if FLAGS.watch and FLAGS.checkpoint_path:
        raise UsageError("--watch: evaluates each new checkpoint of a run, not --checkpoint_path")
    if FLAGS.keep_best and FLAGS.checkpoint_path:
        raise UsageError("--keep_best: keeps a checkpoint of a run, not --checkpoint_path")
    outputs.check(FLAGS.json, FLAGS.csv, inputs=command_line.inputs())
    run = command_line.chosen_run()

    def make_evaluator():
        made = evaluator.Evaluator(
            run,
            FLAGS.dataset_dir,
            FLAGS.split,
            command_line.chosen_device(),
            FLAGS.batch_size,
            FLAGS.skip_bad_records,
            evaluator.View(FLAGS.eval_image_size, FLAGS.mirror, FLAGS.raw_weights),
            command_line.note,
        )
        if FLAGS.keep_best:  # Now, rather than after the work.
            best.check_curve(run, made.curve, "keep_best")
        return made

    if FLAGS.watch:
        if not checkpoints.newest(run.checkpoints_dir):
            command_line.note("waiting for the first checkpoint in %s" % run.checkpoints_dir)
        results = evaluator.watch(run, make_evaluator, report=command_line.note)
    else:
        chosen = (FLAGS.checkpoint_path, run.checkpoints_dir)
        checkpoints.resolve(*chosen)  # Before the dataset is read.
        made = make_evaluator()
        results = [(made, checkpoints.read_newest(*chosen, read=made.evaluate))]
    for made, result in results:
        print(tables.table(result), flush=True)
        outputs.do_each(
            (_keep_best, run, result),
            (outputs.write, FLAGS.csv, tables.write_csv, result),
            (outputs.write, FLAGS.json, json_file.write, result),
            (made.write_result, result),
        )
    next_step.say(*_next(run))


def _next(run):
    """Returns commands about what was evaluated."""
    shown = ["--dataset_dir", FLAGS.dataset_dir] if FLAGS.dataset_dir else []
    split = [*shown, "--split", FLAGS.split]
    sheet = ["--sheet", "sheet.png"]
    if FLAGS.checkpoint_path:  # The others are about the newest one of a run.
        path = ["--checkpoint_path", FLAGS.checkpoint_path]
        return [next_step.of_run("predict", FLAGS.run_name, *path, *split, *sheet)]
    return [
        next_step.of_run("predict", run.name, *split, *sheet),
        next_step.of_run("make_figures", run.name, *split),
        next_step.tensorboard(),
    ]


def _keep_best(run, result):
    if FLAGS.keep_best and best.keep(run, result, command_line.note):
        print("best so far: %s" % run.best_dir, flush=True)
