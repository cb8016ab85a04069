"""Shows what the units of a layer like: the patches of photos that excite each of them most.

python scripts/show_patches.py --end_point conv3 --run_name sgd
python scripts/show_patches.py folder/of/photos --end_point conv3 --run_name sgd

Each unit's nine patches are of nine photos, the strongest first, and as large as what it sees.
"""

from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import photos
from alexnet_flowers.inference import unit_patches
from alexnet_flowers.pictures import patches, picture_file

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(default_split="validation")
with group("Network"):
    flags.DEFINE_string(
        "end_point", "conv5", "Show the units of this end point: conv1 to conv5, fc6, fc7 or fc8."
    )
with group("Output"):
    flags.DEFINE_integer(
        "max_units",
        64,
        "Show so many units at most, those of the largest values first.",
        lower_bound=1,
        upper_bound=256,
    )
picture_output.define("patches_<end point>_<photos>_<run>_<step>", ", *.png")


def main(paths):
    picture_output.check(paths, picture_file.PHOTO_FORMATS)
    with command_line.chosen_network() as network:
        network.end_point(FLAGS.end_point)
        of = asked_photos.words_for(paths, network)
        output = picture_output.path_of("patches", FLAGS.end_point, *of, network=network)
        asked = asked_photos.chosen(paths, network)
        shown = list(asked)
        if not shown:
            raise photos.nothing_usable(asked)
        units = unit_patches.strongest(network, shown, FLAGS.end_point, FLAGS.max_units)
        drawn = patches.units(*unit_patches.drawable(units))
        what = "patches that excite the units of %s most" % FLAGS.end_point
        picture_output.save(drawn, output, what, network)
    print(output)
    return asked_photos.report_left_out(asked)
