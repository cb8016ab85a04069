"""Downloads the Flowers photos, or takes yours, and converts them to TFRecords.

python scripts/download_and_convert.py
python scripts/download_and_convert.py --archive path/to/flower_photos.tgz
python scripts/download_and_convert.py --archive my_photos --dataset_dir data/mine
python scripts/download_and_convert.py --sample --dataset_dir data/sample
"""

from absl import flags

from alexnet_flowers.data import conversion, manifest
from alexnet_flowers.data.sources import photo_source

FLAGS = flags.FLAGS

flags.DEFINE_string("dataset_dir", "data/flowers", "Where the dataset goes.")
flags.DEFINE_string(
    "archive",
    photo_source.OFFICIAL.urls[0],
    "The photos: a folder of class folders, or a tar archive of one (a URL or a local path).",
)
flags.DEFINE_boolean("sample", False, "Convert the built-in drawn flowers instead.")
flags.DEFINE_integer(
    "num_validation", None, "Photos for validation. Default: 350, at most a tenth of all."
)
flags.DEFINE_integer("num_test", 0, "Photos for a test split.")
flags.DEFINE_integer("num_shards", 5, "TFRecord files of each split.")
flags.DEFINE_integer("seed", 0, "Decides which photo falls into which split.")
flags.DEFINE_boolean("keep_archive", False, "Keep the downloaded archive in dataset_dir.")
flags.DEFINE_boolean("strict", False, "Stop at a photo that would be left out.")


def main():
    info = conversion.convert(
        FLAGS.dataset_dir,
        photo_source.choose(FLAGS.archive, FLAGS.sample),
        conversion.Settings(FLAGS.num_validation, FLAGS.num_test, FLAGS.num_shards, FLAGS.seed),
        strict=FLAGS.strict,
        keep_archive=FLAGS.keep_archive,
    )
    print(manifest.table(info))
