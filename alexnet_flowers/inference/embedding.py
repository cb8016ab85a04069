"""TensorBoard's projector: where photos lie in the space of an end point's values.

It leaves, in a folder below the run's summaries::

    projector_config.pbtxt   what TensorBoard looks for
    <end point>.tsv          a line a photo: its values
    metadata.tsv             class, predicted class, whether that is right, file name
    sprite.png               the photos' thumbnails, in a frame of the color of their class
    events.*                 empty: TensorBoard looks only where there are some
"""

import glob
import os

import numpy as np
from PIL import Image, ImageOps
from tensorboard.plugins import projector

from alexnet_flowers import new_folder
from alexnet_flowers.data.photos import nothing_usable, open_image
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.events.event_writer import EventWriter
from alexnet_flowers.pictures import cards, colors
from alexnet_flowers.spreadsheet import cell
from alexnet_flowers.tf1 import tf

_CONFIG_FILENAME = "projector_config.pbtxt"
_THUMBNAIL_PX = 64
_FRAME_PX = 6
# TensorBoard refuses larger sprites.
_MAX_SPRITE_PX = 8192


def write(network, photos, end_point, output_dir):
    """Writes the embedding of photos; returns it, float32 [photos, values].

    Args:
      network: a ``trained_network.TrainedNetwork``.
      photos: ``photos.Photo``, a list or a ``photos.FilePhotos``.
      end_point: str, see ``TrainedNetwork.end_point``; its maps are flattened.
      output_dir: made if need be; see ``check_folder``.

    Raises:
      DataError: no photo that can be used, or more than a sprite can hold; or see
        ``TrainedNetwork.ask``.
      UsageError: no such end point.
    """
    if isinstance(photos, list):  # Of files it shows later which are photos.
        _check_number(len(photos))
    fetches = {"values": network.end_point(end_point), "probabilities": network.probabilities}
    values, predicted, shown = [], [], []
    for batch, answers in network.ask(photos, fetches, "embedding"):
        values.append(answers["values"].reshape(len(batch), -1))
        predicted.extend(answers["probabilities"].argmax(1))
        for photo in batch:
            shown.append((photo._replace(encoded=None), _thumbnail(photo)))
        _check_number(len(shown))
    if not shown:
        raise nothing_usable(photos)
    values = np.concatenate(values)

    config = _config(end_point, network.global_step)
    (files,) = config.embeddings
    with new_folder.added_to(output_dir) as folder:
        # Nine digits are enough to read the same float32 back.
        np.savetxt(os.path.join(folder, files.tensor_path), values, "%.9g", "\t")
        _write_metadata(os.path.join(folder, files.metadata_path), zip(shown, predicted), network)
        sprite = _sprite([thumbnail for _, thumbnail in shown])
        sprite.save(os.path.join(folder, files.sprite.image_path))
        with open(os.path.join(folder, _CONFIG_FILENAME), "w") as file:
            file.write(str(config))
        if not glob.glob(os.path.join(glob.escape(output_dir), "*tfevents*")):
            writer = EventWriter(folder)
            writer.add_summary(tf.Summary(), network.global_step)
            writer.close()
    return values


def check_folder(output_dir, end_point):
    """Raises ``UsageError`` where a file in a folder would be replaced that is no embedding's."""
    (files,) = _config(end_point, 0).embeddings
    is_ours = os.path.isfile(os.path.join(output_dir, _CONFIG_FILENAME))
    for name in (files.tensor_path, files.metadata_path, files.sprite.image_path):
        path = os.path.join(output_dir, name)
        if os.path.islink(path) or (os.path.lexists(path) and not is_ours):
            raise UsageError("%s: is of no embedding; move it, or name another folder" % path)


def _check_number(num_photos):
    most = (_MAX_SPRITE_PX // _THUMBNAIL_PX) ** 2
    if num_photos > most:
        raise DataError("more than %d photos: TensorBoard's projector shows no more" % most)


def _thumbnail(photo):
    # The projector colors by a column only when it is told to; the frame shows the class at once.
    thumbnail = open_image(photo).resize([_THUMBNAIL_PX] * 2, Image.BICUBIC)
    return ImageOps.expand(
        ImageOps.crop(thumbnail, _FRAME_PX), _FRAME_PX, colors.of_class(photo.label)
    )


def _config(end_point, global_step):
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "%s, step %d" % (end_point, global_step)
    embedding.tensor_path = end_point.replace("/", "_") + ".tsv"
    embedding.metadata_path = "metadata.tsv"
    embedding.sprite.image_path = "sprite.png"
    embedding.sprite.single_image_dim.extend([_THUMBNAIL_PX, _THUMBNAIL_PX])
    return config


def _write_metadata(path, answers, network):
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write("class\tpredicted\tright\tfile\n")
        for (photo, _), class_id in answers:
            known = photo.label is not None
            cells = (
                network.class_names[photo.label] if known else "?",
                network.class_names[class_id],
                "?" if not known else "yes" if class_id == photo.label else "no",
                photo.name,
            )
            file.write("\t".join(cell(" ".join(one.split())) for one in cells) + "\n")


def _sprite(thumbnails):
    """Lays all thumbnails out in a square, row by row, as the projector expects them."""
    per_side = _per_side(len(thumbnails))
    sprite = Image.new("RGB", [per_side * _THUMBNAIL_PX] * 2, "white")
    sprite.paste(cards.sheet(thumbnails, per_side))
    return sprite


def _per_side(num_photos):
    return int(np.ceil(np.sqrt(num_photos)))
