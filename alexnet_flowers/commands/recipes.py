"""Trainings that have a name: flag files that come with the package."""

import os

from alexnet_flowers.errors import UsageError

_DIR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recipes")
_SUFFIX = ".flags"


def names():
    """Returns the names of all recipes, sorted."""
    found = sorted(os.listdir(_DIR))
    return [name[: -len(_SUFFIX)] for name in found if name.endswith(_SUFFIX)]


def path_of(name):
    """Returns the flag file of a recipe.

    Raises:
      UsageError: there is no such recipe; the message lists those that there are.
    """
    if name not in names():
        raise UsageError("--recipe %s: is none of %s" % (name, ", ".join(names())))
    return os.path.join(_DIR, name + _SUFFIX)
