"""Photos of a split as files, as any program takes them."""

import os

from alexnet_flowers.errors import DataError

# A name of 255 bytes is the longest there is; a number and a suffix may come to it.
_MAX_NAME_BYTES = 240


def write(found, class_names, folder):
    """Writes photos as ``<class>/<file>.jpg``, with their very bytes; returns their paths there.

    Args:
      found: a list of ``photos.Photo`` with labels.
      class_names: by id, a list or a dict.
      folder: a folder that exists.

    Raises:
      DataError: a class whose name cannot be a folder's.
    """
    written = []
    for number, photo in enumerate(found):
        class_name = class_names[photo.label]
        if class_name in ("", ".", "..") or "/" in class_name or "\0" in class_name:
            raise DataError("%r: a class of this name cannot have a folder" % class_name)
        file_name = os.path.basename(photo.name.replace("\0", ""))
        if len(os.fsencode(file_name)) > _MAX_NAME_BYTES:
            file_name = os.fsencode(file_name)[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
        stem, suffix = os.path.splitext(file_name)
        suffix = suffix if suffix.lower() in (".jpg", ".jpeg") else suffix + ".jpg"
        name = os.path.join(class_name, stem + suffix)
        if not stem or os.path.exists(os.path.join(folder, name)):  # Of records without names.
            name = os.path.join(class_name, "%s%06d%s" % (stem and stem + "_", number, suffix))
        os.makedirs(os.path.join(folder, class_name), exist_ok=True)
        with open(os.path.join(folder, name), "xb") as file:
            file.write(photo.encoded)
        written.append(name)
    return written
