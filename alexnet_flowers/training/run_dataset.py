"""Which photos a command reads that is about a run: those that the run was trained on."""

import os
import typing

from alexnet_flowers.data import identity
from alexnet_flowers.errors import DataError
from alexnet_flowers.training import settings

DEFAULT_DIR = "data/flowers"
# Of a file's name, 255 bytes, what is left beside the view of a curve and the photos' mark.
_MAX_NAME_BYTES = 100


class Chosen(typing.NamedTuple):
    """A dataset that a run is shown.

    Attributes:
      dataset_dir: its folder.
      suffix: what is added to the name of what comes of it; empty for the run's own photos.
      note: a line that says that these are other photos; None for the run's own.
    """

    dataset_dir: str
    suffix: str = ""
    note: typing.Optional[str] = None


def folder_of(run):
    """Returns where the photos of a run are, or were; ``DEFAULT_DIR`` where it does not say."""
    return (settings.read(run.checkpoints_dir) or {}).get("dataset_dir") or DEFAULT_DIR


def choose(run, dataset_dir=None):
    """Returns what a run is shown, a ``Chosen``.

    Args:
      run: a ``runs.Run``.
      dataset_dir: the folder that a person has named, who may mean other photos than the run's;
        None: the run's own.

    Raises:
      DataError: nobody named a folder, and the run's photos are no longer in theirs.
    """
    kept = settings.read(run.checkpoints_dir) or {}
    folder = dataset_dir or kept.get("dataset_dir") or DEFAULT_DIR
    if not os.path.isdir(folder):
        if dataset_dir is None and "dataset_dir" in kept:
            raise DataError(
                "%s: the photos that run %s was trained on are not there; name their folder with "
                "--dataset_dir" % (folder, run.name)
            )
        return Chosen(folder)  # Whoever reads it says what is missing.
    now = identity.of(folder)
    if not identity.is_other(kept.get("dataset", {}), now):
        return Chosen(folder)
    if dataset_dir is None:
        raise DataError(
            "%s: run %s was trained on other photos than lie here; name the folder of its own with "
            "--dataset_dir, or this one, if these are meant" % (folder, run.name)
        )
    where = " (%s)" % kept["dataset_dir"] if "dataset_dir" in kept else ""
    return Chosen(
        folder,
        "_on_%s_%s" % (_short_name(folder), identity.mark(now)),
        "note: the photos of %s are not those that run %s was trained on%s"
        % (folder, run.name, where),
    )


def _short_name(folder):
    """Returns a folder's name, of a long one its beginning: files are called after it."""
    name = os.fsencode(os.path.basename(os.path.abspath(folder)))
    return name[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
