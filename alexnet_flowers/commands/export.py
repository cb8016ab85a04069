"""Exports a trained network as a frozen GraphDef and a SavedModel.

python scripts/export.py --run_name sgd --output_dir exported
"""

from absl import flags

from alexnet_flowers.commands import command_line
from alexnet_flowers.inference import export

FLAGS = flags.FLAGS

command_line.define_network()
flags.DEFINE_string("output_dir", "exported", "Where it goes: a new folder.")


def main():
    with command_line.chosen_network() as network:
        export.export(network, FLAGS.output_dir)
    print(
        "%s: run %s, step %d, for classes %s"
        % (
            FLAGS.output_dir,
            network.run.name,
            network.global_step,
            ", ".join(network.class_names),
        )
    )
