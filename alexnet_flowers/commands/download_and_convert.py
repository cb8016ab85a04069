"""Downloads the Flowers photos, or takes yours, and converts them to TFRecords.

python scripts/download_and_convert.py
python scripts/download_and_convert.py --archive path/to/flower_photos.tgz
python scripts/download_and_convert.py --archive my_photos --dataset_dir data/mine
python scripts/download_and_convert.py --sample --dataset_dir data/sample
"""

from absl import flags

from alexnet_flowers.commands import arguments, next_step
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import conversion, manifest, splits
from alexnet_flowers.data.sources import photo_source
from alexnet_flowers.errors import UsageError
from alexnet_flowers.training import settings

FLAGS = flags.FLAGS

with group("Photos"):
    flags.DEFINE_string(
        "archive",
        photo_source.OFFICIAL.urls[0],
        "Take the photos from here: a folder of class folders, or a tar or zip archive of one, a "
        "local file or a URL. Folders called train, validation and test are the splits.",
    )
    flags.DEFINE_boolean("sample", False, "Take the built-in drawn flowers instead.")
    arguments.define_fields(
        conversion.Settings,
        num_validation="Put so many photos into the validation split. Default: 350, but at most a "
        "tenth of all.",
        num_test="Put so many photos into a test split.",
    )
    flags.DEFINE_enum(
        "split_by",
        conversion.Settings().split_by,
        splits.SPLIT_BY,
        "Divide the photos by --seed, or each by its class and name, so that it stays in its split "
        "when photos are added.",
    )
    arguments.define_fields(
        conversion.Settings,
        validation_percentage="With --split_by=name, put about this share into the validation "
        "split. Default: 10.",
        test_percentage="With --split_by=name, put about this share into a test split.",
        fold="K/N, such as 1/5: divide the photos of each class into N folds; K is the validation "
        "split, all others are to train on.",
        seed="Divide the photos into the splits by this seed.",
        drop_duplicates="Leave out all but the first of photos with identical bytes.",
    )
    flags.DEFINE_boolean(
        "strict", False, "Stop at a photo that cannot be used, instead of leaving it out."
    )
with group("Output"):
    flags.DEFINE_string("dataset_dir", "data/flowers", "Write the dataset to this folder.")
    arguments.define_fields(
        conversion.Settings, num_shards="Write each split as so many TFRecord files."
    )
    flags.DEFINE_boolean("keep_archive", False, "Keep the downloaded archive in --dataset_dir.")

# A training that ends the same hour; the default is the study group's, which takes a day.
_SHORT = ("--optimizer", "momentum", "--max_number_of_steps", "400")


def main():
    if FLAGS.sample and FLAGS["archive"].present:
        raise UsageError("--archive, --sample: photos from two places; name one")
    info = conversion.convert(
        FLAGS.dataset_dir,
        photo_source.choose(FLAGS.archive, FLAGS.sample),
        arguments.from_flags(conversion.Settings),
        strict=FLAGS.strict,
        keep_archive=FLAGS.keep_archive,
    )
    print(manifest.table(info))
    num_photos = info["splits"]["train"]["num_photos"]
    few = ["--batch_size", str(num_photos)] if num_photos < settings.Settings().batch_size else []
    next_step.say(next_step.command("train", "--dataset_dir", FLAGS.dataset_dir, *_SHORT, *few))
