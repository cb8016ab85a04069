"""Shows what has become of a network: kernels, feature maps, units that never fire.

    python scripts/inspect_network.py --run_name sgd
    python scripts/inspect_network.py rose.jpg --end_point conv3 --run_name sgd
    python scripts/inspect_network.py --index 7 --end_point conv3 --run_name sgd

It leaves in --output_dir::

    kernels_<run>_<step>.png                           of conv1
    feature_maps_<end point>_<photo>_<run>_<step>.png  of each photo, which stands beside them
    zeros_and_dead_units_<split>_<run>_<step>.svg      of all layers, over the split
"""

import itertools
import os

import numpy as np
from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, outputs, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import photos
from alexnet_flowers.errors import DataError
from alexnet_flowers.inference import dead_units, feature_maps
from alexnet_flowers.input import preprocessing
from alexnet_flowers.pictures import diagrams, tiles

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(default_split="validation", one=True)
with group("Network"):
    flags.DEFINE_string(
        "end_point",
        "conv1",
        "Show the feature maps of this end point: conv1 to conv5, pool1, fc6, ...",
    )
with group("Output"):
    flags.DEFINE_integer("max_maps", 64, "Show the strongest so many maps.", lower_bound=1)
    flags.DEFINE_string("output_dir", "runs/figures", "Write the pictures to this folder.")

# The maps of every layer are drawn about as large as the photo beside them.
_PHOTO_PX = 448


def main(paths):
    outputs.check_folder(FLAGS.output_dir)
    asked_photos.check_no_picks_beside(paths)
    with command_line.chosen_network() as network:
        network.end_point(FLAGS.end_point)
        split = _split(network, paths)
        if paths:
            asked = photos.FilePhotos(paths, network.class_names)
            shown = photos.usable(asked)
            asked_photos.report_left_out(asked)
        else:
            shown = asked_photos.picked(split)[:1]

        taken = set()

        def save(picture, name, what, kind="png"):
            names = (
                picture_output.file_name(name, number, network=network, kind=kind)
                for number in itertools.chain([""], itertools.count(2))
            )
            path = next(path for path in names if path not in taken)
            taken.add(path)
            path = os.path.join(FLAGS.output_dir, path)
            outputs.check(picture=path)
            picture_output.save(picture, path, what, network)
            print(path)

        kernels = network.kernels("conv1")
        what = "kernels of conv1, from black at %.3g over gray at 0 to white at %.3g"
        largest = np.abs(kernels).max()
        save(tiles.kernels(kernels), "kernels", what % (-largest, largest))
        for photo in shown:
            of = "%s of %s" % (FLAGS.end_point, photo.name)
            words = asked_photos.words_for(paths, network, photo)
            name = picture_output.stem_of("feature_maps", FLAGS.end_point, *words)
            save(_feature_maps(network, photo), name, "feature maps of " + of)
        if split is None:
            return
        layers = dead_units.dead_units(network, split)
        of = asked_photos.split_name(network)
        save(
            diagrams.dead_units(layers), "zeros_and_dead_units_" + of, "dead units on " + of, "svg"
        )
        print(dead_units.table(layers))


def _split(network, paths):
    """Returns the photos of the split; None, with a note, where photos are named and it is gone."""
    try:
        return asked_photos.of_split(network)
    except DataError as error:
        if not paths or FLAGS.dataset_dir is not None:
            raise
        command_line.note("note: no units that never fire: %s" % error)
        return None


def _feature_maps(network, photo):
    units, maps, image = feature_maps.strongest(network, photo, FLAGS.end_point, FLAGS.max_maps)
    columns = tiles.num_columns(len(maps))
    scale = max(1, _PHOTO_PX // (columns * maps.shape[2]))
    seen = preprocessing.as_bytes(image)
    photo_scale = max(1, _PHOTO_PX // len(seen))
    drawn = tiles.feature_maps(maps, scale, _labels(network, units, maps))
    return tiles.beside(tiles.grid(seen[None], photo_scale), drawn)


def _labels(network, units, maps):
    """Returns what stands beneath each map: its unit, or class, and of a single value that."""
    labels = ["%d" % unit for unit in units]
    if FLAGS.end_point.endswith("fc8"):
        labels = [network.class_names[unit] for unit in units]
    if maps[0].size > 1:
        return labels
    return ["%s: %.3g" % (label, value) for label, value in zip(labels, maps.ravel())]
