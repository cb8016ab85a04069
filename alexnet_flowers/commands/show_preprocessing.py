"""Shows what the inception preprocessing does to a photo.

python scripts/show_preprocessing.py photo.jpg --output preprocessing.png
"""

from absl import flags

from alexnet_flowers.commands import command_line
from alexnet_flowers.data import photos
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import draws
from alexnet_flowers.pictures import distortions, style
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "output", "runs/figures/preprocessing.png", "The picture: *.png, *.svg or *.pdf."
)
flags.DEFINE_integer("num_draws", 6, "Draws, a row each.", lower_bound=1, upper_bound=50)
command_line.define_distortions()
flags.DEFINE_integer("image_size", Settings().image_size, "px.", lower_bound=1, upper_bound=1024)
flags.DEFINE_integer("seed", 0, "Of the draws.")


def main(paths):
    style.check_output(FLAGS.output)
    if len(paths) != 1:
        raise UsageError("name one photo; these are %d" % len(paths))
    (photo,) = photos.from_paths(paths)
    looked = draws.distort(
        photo,
        FLAGS.num_draws,
        FLAGS.image_size,
        FLAGS.fast_mode,
        FLAGS.min_crop_area,
        FLAGS.seed,
    )
    drawn = distortions.distortions(looked, FLAGS.fast_mode)
    origin = style.Origin("the preprocessing of %s" % photo.name, command_line.command())
    style.save(drawn, FLAGS.output, origin)
    print(FLAGS.output)
