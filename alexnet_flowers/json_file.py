"""A JSON file, complete or not there at all."""

import json
import os


def write(path, content):
    """Writes what JSON can hold; until it is complete the file is called ``<path>.partial``.

    Raises:
      OSError: it cannot be written; nothing is left of it.
    """
    partial = path + ".partial"
    try:
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.write("\n")
        os.replace(partial, path)
    except OSError:
        if os.path.exists(partial):
            os.remove(partial)
        raise
