"""A JSON file, complete or not there at all."""

import json

from alexnet_flowers import atomic


def write(path, content):
    """Writes what JSON can hold; after an ``OSError`` nothing is left of the file."""
    with atomic.opened(path, encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")


def read(path):
    """Returns what a JSON file holds; raises what ``open`` and ``json.load`` do."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
