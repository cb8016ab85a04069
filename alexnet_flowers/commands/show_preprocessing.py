"""Shows what the inception preprocessing does to a photo.

python scripts/show_preprocessing.py photo.jpg --output preprocessing.png
python scripts/show_preprocessing.py --name daisy/5673551_01d1ea993e_n.jpg --split train
"""

from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, picture_output
from alexnet_flowers.commands.help_text import alias, group
from alexnet_flowers.input import draws, preprocessing
from alexnet_flowers.pictures import distortions
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

asked_photos.define(one=True, of_run=False)
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
picture_output.define("preprocessing_<photo>", ": *.png, *.svg or *.pdf")


def main(paths):
    picture_output.check(paths)
    photo = asked_photos.chosen_one(paths)
    output = picture_output.path_of("preprocessing", *asked_photos.words_for(paths, photo=photo))
    drawn = draws.draw_distortions(
        photo, FLAGS.num_draws, FLAGS.image_size, FLAGS.fast_mode, FLAGS.min_crop_area, FLAGS.seed
    )
    figure = distortions.distortions(
        drawn,
        [preprocessing.as_bytes(stages.centered) for stages in drawn.stages],
        preprocessing.as_bytes(drawn.view),
        [draws.words(draw, FLAGS.fast_mode) for draw in drawn.draws],
    )
    picture_output.save(figure, output, "the preprocessing of %s" % photo.name)
    print(output)
