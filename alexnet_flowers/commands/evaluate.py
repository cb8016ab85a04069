"""Evaluates a checkpoint on every photo of a split, each counted once.

python scripts/evaluate.py --run_name sgd
python scripts/evaluate.py --run_name sgd --watch --keep_best     # while training goes on
python scripts/evaluate.py --run_name sgd --eval_image_size 259 --mirror     # many views of each
"""

from absl import flags

from alexnet_flowers import json_file
from alexnet_flowers.commands import command_line
from alexnet_flowers.data import splits
from alexnet_flowers.errors import UsageError
from alexnet_flowers.evaluation import best, evaluator
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.training import checkpoints

FLAGS = flags.FLAGS

flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
flags.DEFINE_enum("split", "validation", splits.SPLITS, "Which photos.")
command_line.define_skip_bad_records()
command_line.define_network()
flags.DEFINE_integer(
    "batch_size", evaluator.BATCH_SIZE, "Images a step; of no influence.", lower_bound=1
)
flags.DEFINE_integer(
    "eval_image_size",
    None,
    "Other images than it was trained on: it slides over larger ones, and its answers at all "
    "places are averaged. 259: 3 x 3 places.",
    lower_bound=alexnet_v2.SMALLEST_IMAGE_SIZE,
    upper_bound=2048,
)
flags.DEFINE_boolean("mirror", False, "Also show each photo mirrored, and average.")
flags.DEFINE_string("json", None, "Also write the result to this file.")
flags.DEFINE_boolean("watch", False, "Evaluate each new checkpoint until the run is finished.")
flags.DEFINE_boolean(
    "keep_best",
    False,
    "Keep the most accurate checkpoint in the run's folder best/, always by one split and view.",
)


def main():
    if FLAGS.watch and FLAGS.checkpoint_path:
        raise UsageError("--watch: evaluates each new checkpoint of a run, not --checkpoint_path")
    if FLAGS.keep_best and FLAGS.checkpoint_path:
        raise UsageError("--keep_best: keeps a checkpoint of a run, not --checkpoint_path")
    command_line.check_files(FLAGS.json)
    run = command_line.chosen_run()

    def make_evaluator():
        return evaluator.Evaluator(
            run,
            FLAGS.dataset_dir,
            FLAGS.split,
            FLAGS.device,
            FLAGS.batch_size,
            FLAGS.skip_bad_records,
            evaluator.View(FLAGS.eval_image_size, FLAGS.mirror),
        )

    if FLAGS.watch:
        results = evaluator.watch(run, make_evaluator)
    else:
        chosen = (FLAGS.checkpoint_path, run.checkpoints_dir)
        checkpoints.resolve(*chosen)  # Before the dataset is read.
        made = make_evaluator()
        results = [(made, checkpoints.read_newest(*chosen, read=made.evaluate))]
    for made, result in results:
        made.write_events(result)
        print(evaluator.table(result), flush=True)
        if FLAGS.keep_best and best.keep(run, result):
            print("best so far: %s" % best.folder_of(run), flush=True)
        if FLAGS.json:
            json_file.write(FLAGS.json, result)
