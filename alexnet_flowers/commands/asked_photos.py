"""The photos that a command is about: files and folders, a split, or some of it."""

import os

from absl import flags

from alexnet_flowers.commands import command_line, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import photos
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.inference import prediction
from alexnet_flowers.training import run_dataset, runs

FLAGS = flags.FLAGS


def define(default_split=None, one=False, of_run=True, of_files=True):
    """Defines the photos that a command is about where none are named.

    Args:
      default_split: the split without ``--split``; None: none.
      one: whether it may be asked about a single one.
      of_run: whether they are those of a run by default.
      of_files: whether files and folders may be named instead of a split.
    """
    where = " where no files or folders are named" if of_files else ""
    command_line.define_split(default_split, "Take all photos of this split%s." % where)
    command_line.define_dataset_dir(None if of_run else run_dataset.DEFAULT_DIR)
    if one:
        with group("Photos"):
            flags.DEFINE_integer(
                "index",
                None,
                "Take this photo of the split only, counted from 0; of validation without --split.",
                lower_bound=0,
            )
            flags.DEFINE_string(
                "name",
                None,
                "Take the photo of this name only: daisy/123.jpg, as predict lists it.",
            )


def check_no_picks_beside(paths, *others):
    """Raises ``UsageError`` for photos that are named as files and picked from a split, too.

    Args:
      paths: of the files.
      *others: the names of flags that may not be given beside files either.
    """
    given = {flag: FLAGS[flag].value for flag in others if FLAGS[flag].present}
    for flag, value in dict(_picks(), **given).items():
        if paths:
            raise UsageError("--%s %s: or photos, not both" % (flag, value))


def check_one(paths):
    """Raises ``UsageError`` unless the command line names a single photo."""
    number = len(paths) or min(1, len(_picks()))
    if number != 1:
        raise UsageError("name one photo, or --index or --name of a split; these are %d" % number)


def chosen(paths, network):
    """Returns the photos of a command: those of ``paths``, or the split of the flags.

    Those of paths are a ``photos.FilePhotos``, whose bad ones ``report_left_out`` tells. Without a
    network (None) their classes are those of the dataset, or not known.
    """
    check_no_picks_beside(paths, "split", "dataset_dir")
    if paths:
        return photos.FilePhotos(paths, network.class_names if network else ())
    return picked(of_split(network))


def chosen_one(paths, network=None):
    """Returns the only photo of a command; see ``chosen``."""
    check_one(paths)
    asked = chosen(paths, network)
    found = photos.usable(asked)
    if len(found) > 1:
        raise UsageError("%s: holds %d photos; name one" % (paths[0], len(found)))
    report_left_out(asked)
    return found[0]


def of_split(network):
    """Returns all photos of the split of the flags; see ``chosen``."""
    if not _split():
        raise UsageError("no photos; name files or folders, or pass --split validation")
    if network is None:
        return photos.from_split(FLAGS.dataset_dir, _split(), command_line.note)[0]
    of_run = run_dataset.choose(network.run, FLAGS.dataset_dir)
    found, labels_to_names = photos.from_split(of_run.dataset_dir, _split(), command_line.note)
    runs.check_labels(network.run, labels_to_names)
    num_classes = len(network.class_names)
    if len(labels_to_names) > num_classes:  # Of a checkpoint that has no labels.
        raise DataError(
            "%s: its network has %d classes, the photos of %s have %d; name others with "
            "--dataset_dir"
            % (network.checkpoint_path, num_classes, of_run.dataset_dir, len(labels_to_names))
        )
    if of_run.note:
        command_line.note(of_run.note)
    return found


def picked(found):
    """Returns those of a split's photos that ``--index`` and ``--name`` pick; without them, all."""
    return photos.pick(found, _split(), **_picks())


def report_left_out(asked):
    """Says on standard error which photos were left out; returns the status, 1 if any was."""
    if not isinstance(asked, photos.FilePhotos):
        return 0
    for one in asked.notes:
        command_line.note("note: %s: %s" % one)
    if asked.no_photos:
        command_line.note(
            "skipped %d of %d files, which are no photos; the first: %s: %s"
            % (len(asked.no_photos), len(asked), *asked.no_photos[0])
        )
    for bad in asked.left_out:
        command_line.note("left out: %s: %s" % bad)
    if asked.left_out:
        num_photos = len(asked) - len(asked.no_photos)
        command_line.note("%d of %d photos left out" % (len(asked.left_out), num_photos))
    return 1 if asked.left_out else 0


def save_sheet(predictions, path, title, network):
    """Saves the contact sheet of predictions; says so where it does not show them all."""
    if len(predictions) > prediction.MAX_CARDS:
        shown = prediction.MAX_CARDS, len(predictions)
        print("%s: %d of %d, wrong ones first" % (path, *shown))
    sheet = prediction.contact_sheet(predictions, network.class_names)
    picture_output.save(sheet, path, title, network)


def words_for(paths, network=None, photo=None):
    """Returns the parts of a picture's name that say of which photos, or which of them, it is."""
    if photo is not None:
        words = [os.path.splitext(photo.name)[0]]
    else:
        words = [path if os.path.isdir(path) else os.path.splitext(path)[0] for path in paths]
        words = words or [_split(), *_picks().values()]
    return words if paths or network is None else [*words, _suffix(network).lstrip("_")]


def split_name(network):
    """Returns the name of the split, which says so if it is of other photos than the network's.

    It is None where files are named.
    """
    return _split() and _split() + _suffix(network)


def _suffix(network):
    return run_dataset.choose(network.run, FLAGS.dataset_dir).suffix


def _split():
    return FLAGS.split or ("validation" if _picks() else None)


def _picks():
    """Returns the flags, by name, that pick photos of a split."""
    names = [name for name in ("index", "name") if name in FLAGS]
    return {name: FLAGS[name].value for name in names if FLAGS[name].value is not None}
