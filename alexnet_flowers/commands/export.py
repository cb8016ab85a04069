"""Exports a trained network as frozen GraphDefs, a SavedModel, and for other programs.

python scripts/export.py --run_name sgd --output_dir exported
python scripts/export.py --run_name sgd --output_dir exported --tflite --onnx
"""

from absl import flags

from alexnet_flowers.commands import command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.first_of_many import some
from alexnet_flowers.inference import converters, export

FLAGS = flags.FLAGS

command_line.define_network()
with group("Output"):
    flags.DEFINE_string("output_dir", "exported", "Write to this folder, which is made.")
    flags.DEFINE_boolean("tflite", False, "Write network.tflite, for TensorFlow Lite, too.")
    flags.DEFINE_boolean("onnx", False, "Write network.onnx, too; needs the package tf2onnx.")


def main():
    outputs.check_folder(FLAGS.output_dir)
    formats = [name for name in converters.FORMATS if FLAGS[name].value]
    for name in formats:  # Before the network is restored.
        converters.check_installed(name)
    with command_line.chosen_network() as network:
        differences = export.export(network, FLAGS.output_dir, formats)
    for filename, difference in differences.items():
        print("%s: its probabilities are the network's within %.1g" % (filename, difference))
    print(
        "%s: run %s, step %d, for classes %s"
        % (
            FLAGS.output_dir,
            network.run.name,
            network.global_step,
            some(network.class_names, most=12),
        )
    )
