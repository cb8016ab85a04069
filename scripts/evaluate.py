#!/usr/bin/env python
"""Evaluates a checkpoint on every photo of a split, each counted once.

python scripts/evaluate.py --run_name sgd
python scripts/evaluate.py --run_name sgd --watch     # while training goes on
"""

import json
import os

import command_line
from absl import flags

from alexnet_flowers import checkpoints, devices, evaluation, splits

FLAGS = flags.FLAGS

flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
flags.DEFINE_enum("split", "validation", splits.SPLITS, "Which photos.")
command_line.define_run_parents()
command_line.define_run_choice()
flags.DEFINE_enum("device", "auto", devices.DEVICES, "auto: the GPU where there is one.")
flags.DEFINE_integer(
    "batch_size", evaluation.BATCH_SIZE, "Images a step; of no influence.", lower_bound=1
)
flags.DEFINE_string("json", None, "Also write the result to this file.")
flags.DEFINE_boolean("watch", False, "Evaluate each new checkpoint until the run is finished.")


def main():
    run = command_line.chosen_run()
    if not FLAGS.watch:
        checkpoint = checkpoints.resolve(FLAGS.checkpoint_path, run.checkpoints_dir)
    evaluator = evaluation.Evaluator(
        run, FLAGS.dataset_dir, FLAGS.split, FLAGS.device, FLAGS.batch_size
    )
    if FLAGS.watch:
        results = evaluation.watch(evaluator, run)
    else:
        results = [evaluator.evaluate(checkpoint)]
    for result in results:
        evaluator.write_events(result)
        print(evaluation.table(result), flush=True)
        if FLAGS.json:
            _write_json(FLAGS.json, result)


def _write_json(path, result):
    with open(path + ".partial", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    os.replace(path + ".partial", path)


if __name__ == "__main__":
    command_line.run(main)
