"""Lays photos out for the Projector tab of TensorBoard.

python scripts/embed.py --run_name sgd
python scripts/embed.py folder/of/photos --run_name sgd
tensorboard --logdir runs/summaries
"""

import os

from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, outputs, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import embedding

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(default_split="validation")
with group("Network"):
    flags.DEFINE_string(
        "end_point", "fc7", "Take the values of this end point: conv1 to conv5, fc6, fc7 or fc8."
    )
with group("Output"):
    flags.DEFINE_string(
        "output_dir",
        None,
        "Write to this folder. Default: projector/ in the run's folder of summaries; of other "
        "photos than its validation split's projector_<photos>/.",
    )


def main(paths):
    with command_line.chosen_network() as network:
        output_dir = FLAGS.output_dir
        if output_dir is None:
            if network.run.summaries_dir is None:
                raise UsageError("--output_dir: needed, as the checkpoint belongs to no run here")
            output_dir = os.path.join(network.run.summaries_dir, _name(paths, network))
        outputs.check_folder(output_dir)
        embedding.check_folder(output_dir, FLAGS.end_point)
        shown = asked_photos.chosen(paths, network)
        values = embedding.write(network, shown, FLAGS.end_point, output_dir)
    print("%s: %d photos, %d values of %s each" % (output_dir, *values.shape, FLAGS.end_point))
    return asked_photos.report_left_out(shown)


def _name(paths, network):
    words = asked_photos.words_for(paths, network)
    if words[0] == "validation" and not paths:  # TensorBoard shows it among the run's curves.
        words = words[1:]
    return picture_output.stem_of("projector", *words)
