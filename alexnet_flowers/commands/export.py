"""Exports a trained network as a frozen GraphDef and a SavedModel.

python scripts/export.py --run_name sgd --output_dir exported
"""

from absl import flags

from alexnet_flowers.commands import command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.inference import export

FLAGS = flags.FLAGS

command_line.define_network()
with group("Output"):
    flags.DEFINE_string("output_dir", "exported", "Write to this folder, which is made.")


def main():
    outputs.check_folder(FLAGS.output_dir)
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
