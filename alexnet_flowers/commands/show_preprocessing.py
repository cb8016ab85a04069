"""Shows what the inception preprocessing does to a photo.

python scripts/show_preprocessing.py photo.jpg --output preprocessing.png
python scripts/show_preprocessing.py --name daisy/5673551_01d1ea993e_n.jpg --split train
"""

from absl import flags

from alexnet_flowers.commands import command_line
from alexnet_flowers.commands.help_text import alias, group
from alexnet_flowers.input import draws, preprocessing
from alexnet_flowers.pictures import distortions
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

command_line.define_photos(one=True, of_run=False)
command_line.define_distortions()
with group("Photos"):
    flags.DEFINE_integer(
        "image_size",
        Settings().image_size,
        "Scale the photo to images so many px high and wide.",
        lower_bound=1,
        upper_bound=1024,
    )
    alias("image_size", "train_image_size")
    flags.DEFINE_integer(
        "num_draws",
        6,
        "Show so many random distortions, a row each.",
        lower_bound=1,
        upper_bound=50,
    )
    flags.DEFINE_integer("seed", 0, "Draw the distortions from this seed.")
command_line.define_picture("preprocessing_<photo>", ": *.png, *.svg or *.pdf")


def main(paths):
    command_line.check_picture(FLAGS.output, paths)
    photo = command_line.chosen_photo(paths)
    output = command_line.picture_path("preprocessing", command_line.stem(photo))
    drawn = draws.draw_distortions(
        photo, FLAGS.num_draws, FLAGS.image_size, FLAGS.fast_mode, FLAGS.min_crop_area, FLAGS.seed
    )
    figure = distortions.distortions(
        drawn,
        [preprocessing.as_bytes(stages.centered) for stages in drawn.stages],
        preprocessing.as_bytes(drawn.view),
        [draws.words(draw, FLAGS.fast_mode) for draw in drawn.draws],
    )
    command_line.save_picture(figure, output, "the preprocessing of %s" % photo.name)
    print(output)
