"""The flags that several commands share, and what they choose."""

import functools
import os
import re
import shlex
import sys

from absl import flags

from alexnet_flowers import devices
from alexnet_flowers.commands import arguments, outputs
from alexnet_flowers.commands.help_text import alias, group
from alexnet_flowers.data import photos, splits
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import trained_network
from alexnet_flowers.pictures import picture_file
from alexnet_flowers.training import run_dataset, runs
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

# The flags that name folders which are read.
_FOLDERS = ("dataset_dir", "checkpoints_dir", "summaries_dir")
# A name of 255 bytes is the longest there is, and a temporary one is longer than the file's.
_HALF_NAME_BYTES = 110


def define_run_parents():
    """Defines where all runs keep their files."""
    with group("Run"):
        flags.DEFINE_string(
            "checkpoints_dir",
            "runs/checkpoints",
            "Each run's checkpoints are in a folder of its name in this one.",
        )
        flags.DEFINE_string(
            "summaries_dir",
            "runs/summaries",
            "Each run's event files for TensorBoard are in a folder of its name in this one.",
        )


def chosen_run():
    """Returns the ``Run`` that the flags choose."""
    return runs.choose_run(
        FLAGS.run_name, FLAGS.checkpoint_path, FLAGS.checkpoints_dir, FLAGS.summaries_dir
    )


def define_device():
    """Defines where the network runs."""
    with group("Hardware"):
        flags.DEFINE_enum(
            "device",
            "auto",
            devices.DEVICES,
            "Run the network there; auto is the GPU where TensorFlow can use one.",
        )
        arguments.define_fields(
            devices.Compute,
            tf32="Let GPUs from Ampere on round the factors of float32 products to TF32, 10 bits "
            "of mantissa. With --notf32 they compute in full float32.",
        )


def chosen_device():
    """Returns the name of the device that the flags choose, once ``--tf32`` counts.

    Of ``gpu`` the card is told beside the answer, once a process.
    """
    devices.set_tf32(FLAGS.tf32)
    if FLAGS.device == "gpu":
        _tell_card()
    return FLAGS.device


@functools.lru_cache(maxsize=None)
def _tell_card():
    devices.resolve("gpu")
    note(devices.describe_cards())


def define_network():
    """Defines which network a command asks, by run, checkpoint, device; see ``chosen_network``."""
    define_run_parents()
    with group("Run"):
        flags.DEFINE_string("run_name", None, "Read this run. Default: the only one there is.")
        flags.DEFINE_string(
            "checkpoint_path",
            None,
            "Read this checkpoint, or the newest of this folder. Default: the run's newest.",
        )
    define_device()


def define_dataset_dir(default=None, otherwise="those that the run was trained on"):
    """Defines where the photos of a dataset are; without a default they are the run's own."""
    text = "Read the converted photos from this folder, which download_and_convert makes."
    if default is None:
        text += " Default: %s." % otherwise
    with group("Photos"):
        flags.DEFINE_string("dataset_dir", default, text)


def define_skip_bad_records():
    """Defines how many records a command goes on without."""
    with group("Photos"):
        flags.DEFINE_integer(
            "skip_bad_records",
            0,
            "Go on without so many records that are damaged or cannot be used; each is reported. "
            "Finding them takes seconds before the start.",
            lower_bound=0,
        )


def define_distortions():
    """Defines how strongly photos are distorted for training."""
    with group("Photos"):
        arguments.define_fields(
            Settings,
            fast_mode="Distort brightness and saturation only, and resize bilinearly, as the "
            "reference does by default. With --nofast_mode also hue and contrast, by four resize "
            "methods.",
        )
        flags.DEFINE_float(
            "min_crop_area",
            Settings().min_crop_area,
            "Let random crops keep at least this share of a photo's area. Up to 0.1 it makes no "
            "difference, as the reference's crops keep a tenth.",
            lower_bound=Settings().min_crop_area,
            upper_bound=1,
        )


def define_split(default, text):
    """Defines which split of the dataset a command is about; slim's ``dataset_split_name``."""
    with group("Photos"):
        flags.DEFINE_enum("split", default, splits.SPLITS, text)
        alias("split", "dataset_split_name")


def define_photos(default_split=None, one=False, of_run=True):
    """Defines the photos that a command is about where none are named.

    Args:
      default_split: the split without ``--split``; None: none.
      one: whether it may be asked about a single one.
      of_run: whether they are those of a run by default.
    """
    define_split(default_split, "Take all photos of this split where no photos are named.")
    define_dataset_dir(None if of_run else run_dataset.DEFAULT_DIR)
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


def define_picture(name, formats):
    """Defines where a picture goes; ``name`` says what ``picture_path`` calls it by default."""
    with group("Output"):
        flags.DEFINE_string(
            "output", None, "Draw this picture%s. Default: runs/figures/%s.png." % (formats, name)
        )


def chosen_network():
    """Returns the ``TrainedNetwork`` that the flags choose."""
    return trained_network.TrainedNetwork(chosen_run(), FLAGS.checkpoint_path, chosen_device())


def chosen_photos(paths, network):
    """Returns the photos of a command: those of ``paths``, or the split of the flags.

    Those of paths are a ``photos.FilePhotos``, whose bad ones ``report_left_out`` tells. Without a
    network (None) their classes are those of the dataset, or not known.
    """
    check_no_picks_beside(paths)
    if paths and FLAGS["split"].present:
        raise UsageError("--split %s: or photos, not both" % FLAGS.split)
    if paths:
        return photos.FilePhotos(paths, network.class_names if network else ())
    return picked(split_photos(network))


def split_photos(network):
    """Returns all photos of the split of the flags; see ``chosen_photos``."""
    if not _split():
        raise UsageError("no photos; name files or folders, or pass --split validation")
    if network is None:
        return photos.from_split(FLAGS.dataset_dir, _split())[0]
    chosen = run_dataset.choose(network.run, FLAGS.dataset_dir)
    found, labels_to_names = photos.from_split(chosen.dataset_dir, _split())
    runs.check_labels(network.run, labels_to_names)
    if chosen.note:
        note(chosen.note)
    return found


def picked(found):
    """Returns those of a split's photos that ``--index`` and ``--name`` pick; without them, all."""
    return photos.pick(found, _split(), **_picks())


def check_no_picks_beside(paths):
    """Raises ``UsageError`` for photos that are named as files and picked from a split, too."""
    for flag, value in _picks().items():
        if paths:
            raise UsageError("--%s %s: or photos, not both" % (flag, value))


def check_one_photo(paths):
    """Raises ``UsageError`` unless the command line names a single photo."""
    number = len(paths) or min(1, len(_picks()))
    if number != 1:
        raise UsageError("name one photo, or --index or --name of a split; these are %d" % number)


def chosen_photo(paths, network=None):
    """Returns the only photo of a command; see ``chosen_photos``."""
    check_one_photo(paths)
    asked = chosen_photos(paths, network)
    found = photos.usable(asked)
    if len(found) > 1:
        raise UsageError("%s: holds %d photos; name one" % (paths[0], len(found)))
    return found[0]


def note(line):
    """Says something beside the answer, on standard error."""
    print(line, file=sys.stderr, flush=True)


def _split():
    return FLAGS.split or ("validation" if _picks() else None)


def _picks():
    """Returns the flags, by name, that pick photos of a split."""
    names = [name for name in ("index", "name") if name in FLAGS]
    return {name: FLAGS[name].value for name in names if FLAGS[name].value is not None}


def report_left_out(asked):
    """Says on standard error which photos were left out; returns the status, 1 if any was."""
    if not isinstance(asked, photos.FilePhotos):
        return 0
    for one in asked.notes:
        note("note: %s: %s" % one)
    if asked.no_photos:
        note(
            "skipped %d of %d files, which are no photos; the first: %s: %s"
            % (len(asked.no_photos), len(asked), *asked.no_photos[0])
        )
    for bad in asked.left_out:
        note("left out: %s: %s" % bad)
    if asked.left_out:
        note("%d of %d photos left out" % (len(asked.left_out), len(asked)))
    return 1 if asked.left_out else 0


def inputs(paths=()):
    """Returns what a command reads, none of which it may replace."""
    folders = [FLAGS[name].value for name in _FOLDERS if name in FLAGS and FLAGS[name].value]
    if "run_name" in FLAGS:
        run = chosen_run()
        folders += [run.checkpoints_dir, run_dataset.folder_of(run)]
    return [*paths, *folders]


def save_picture(picture, path, title, network=None):
    """Saves a picture under a checked name, with its title, this command, and of which network."""
    if network:
        title += ": run %s, step %d" % (network.run.name, network.global_step)
    with outputs.written(path) as target:
        picture_file.save(picture, target, picture_file.Origin(title, command()))


def file_name(*parts, network=None, kind="png"):
    """Returns the name of a picture of all these, and of a step of a run; its middle may lack."""
    if network:
        parts += (network.run.name, network.global_step)
    words = re.split(r"[^\w-]+", "_".join(str(part) for part in parts))
    name = "_".join(word for word in words if word).encode("utf-8")
    if len(name) > 2 * _HALF_NAME_BYTES:
        name = name[:_HALF_NAME_BYTES] + b"_" + name[-_HALF_NAME_BYTES:]
    return "%s.%s" % (name.decode("utf-8", "ignore"), kind)


def check_picture(path, paths, formats=picture_file.DIAGRAM_FORMATS):
    """Raises ``UsageError`` unless a picture can be written there; None: no name yet."""
    if path is not None:
        outputs.check(picture=path, formats=formats, inputs=inputs(paths))


def picture_path(*parts, network=None):
    """Returns where a picture goes: to ``--output``, else to a name of its own; ``file_name``."""
    path = FLAGS.output
    if path is None:
        path = os.path.join("runs", "figures", file_name(*parts, network=network))
        outputs.check(picture=path)
    return path


def stem(photo):
    """Returns the part of a picture's name that says of which photo it is."""
    return os.path.splitext(photo.name)[0]


def asked_for(paths):
    """Returns the parts of a picture's name that say of which photos it is."""
    return [os.path.splitext(path)[0] for path in paths] or [_split(), *_picks().values()]


def command():
    """Returns the command that this is, for the metadata of what it makes."""
    program = sys.argv[0]
    if program.endswith(".py"):
        program = "python scripts/" + os.path.basename(program)
    return " ".join([program] + [shlex.quote(word) for word in sys.argv[1:]])
