"""Draws the class scores at every place of a photo, all of them from one pass.

python scripts/score_map.py photo.jpg --output score_map.png --run_name sgd
python scripts/score_map.py --split validation --index 7 --run_name sgd
"""

from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.inference import dense_scores
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.pictures import score_heat_map

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(one=True)
with group("Photos"):
    flags.DEFINE_integer(
        "short_side_px",
        448,
        "Scale the photo so that its shorter side has so many px. At 256 a flower is as large as "
        "in an evaluation.",
        lower_bound=alexnet_v2.SMALLEST_IMAGE_SIZE,
        upper_bound=2048,
    )
picture_output.define("score_map_<photo>_<run>_<step>", ": *.png, *.svg or *.pdf")


def main(paths):
    picture_output.check(paths)
    asked_photos.check_one(paths)
    with command_line.chosen_network() as network:
        photo = asked_photos.chosen_one(paths, network)
        mapped = dense_scores.score_map(network, photo, FLAGS.short_side_px)
        drawn = score_heat_map.score_heat_map(
            *mapped, network.class_names, dense_scores.WINDOW_PX, dense_scores.STRIDE_PX
        )
        what = "class scores over %s" % photo.name
        of = asked_photos.words_for(paths, network, photo)
        output = picture_output.path_of("score_map", *of, network=network)
        picture_output.save(drawn, output, what, network)
    for name, row in zip(network.class_names, mapped.scores.reshape(-1, mapped.scores.shape[2]).T):
        print("%-12s mean %.3f  most %.3f" % (name, row.mean(), row.max()))
    print(output)
