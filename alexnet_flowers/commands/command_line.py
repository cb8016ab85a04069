"""The flags that several commands share, and what they choose."""

import functools
import sys

from absl import flags

from alexnet_flowers import devices, escapes
from alexnet_flowers.commands import arguments
from alexnet_flowers.commands.help_text import alias, group
from alexnet_flowers.data import splits
from alexnet_flowers.inference import trained_network
from alexnet_flowers.training import run_dataset, runs
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

# The flags that name folders which are read.
_FOLDERS = ("dataset_dir", "checkpoints_dir", "summaries_dir")


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


def chosen_network():
    """Returns the ``TrainedNetwork`` that the flags choose."""
    return trained_network.TrainedNetwork(chosen_run(), FLAGS.checkpoint_path, chosen_device())


def note(line):
    """Says something beside the answer, on standard error."""
    print(escapes.printable(line), file=sys.stderr, flush=True)


def inputs(paths=()):
    """Returns what a command reads, none of which it may replace."""
    folders = [FLAGS[name].value for name in _FOLDERS if name in FLAGS and FLAGS[name].value]
    if "run_name" in FLAGS:
        run = chosen_run()
        folders += [run.checkpoints_dir, run_dataset.folder_of(run)]
    return [*paths, *folders]
