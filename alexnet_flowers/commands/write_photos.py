"""Writes the photos of a split as files, as any program takes them: <class>/<photo>.jpg.

python scripts/write_photos.py --split validation --output_dir photos
python scripts/write_photos.py --split validation --index 7 --output_dir photos
"""

from absl import flags

from alexnet_flowers import new_folder
from alexnet_flowers.commands import asked_photos, command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import photo_files, photos

FLAGS = flags.FLAGS

asked_photos.define(default_split="validation", one=True, of_run=False, of_files=False)
with group("Output"):
    flags.DEFINE_string("output_dir", "photos", "Write to this folder, which is made.")


def main():
    outputs.check_folder(FLAGS.output_dir)
    found, labels_to_names = photos.from_split(FLAGS.dataset_dir, FLAGS.split, command_line.note)
    picked = asked_photos.picked(found)
    with new_folder.whole(FLAGS.output_dir) as folder:
        names = photo_files.write(picked, labels_to_names, folder)
    print("%s: %d photos; the first: %s" % (FLAGS.output_dir, len(names), names[0]))
