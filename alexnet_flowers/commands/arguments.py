"""Flags of fields; and from a command line to flags: flag files, recipes, unknown flags."""

import difflib
import itertools
import os
import re
import typing

from absl import flags

from alexnet_flowers.commands import help_text
from alexnet_flowers.errors import UsageError

FLAGS = flags.FLAGS

_MAX_FLAGFILE_LENGTH = 10**6
# How flags end that name files and folders: a URL would become a folder called s3: here.
_OF_FILES = ("_dir", "_path", "_picture", "csv", "json", "output", "reported", "sheet")
_FLAG = re.compile(r"--?[^-\s=][^\s=]*(=|$)")
# What a shell would take away from the line of a flag: quotes around the value, a comment behind.
_AS_IN_A_SHELL = re.compile(r"""=(["']).*\1$|\s(#|//)""")

with help_text.group("Other"):
    flags.DEFINE_boolean("help", False, "Show this text, as -h does.")
    flags.DEFINE_string(
        "flagfile",
        None,
        "Take the flags of this file, one a line; lines that begin with # are comments.",
    )

_DEFINE = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
_HELP = ("-h", "-help", "--help", "-?", "--helpshort", "--helpfull")

# What other programs call it.
_OTHER_NAMES = {
    "amp": "mixed_precision",
    "bs": "batch_size",
    "checkpoint": "checkpoint_path",
    "checkpoint_dir": "checkpoints_dir",
    "ckpt": "checkpoint_path",
    "cpu": "device=cpu",
    "data": "dataset_dir",
    "data_dir": "dataset_dir",
    "dropout": "dropout_keep_prob",
    "ema": "moving_average_decay",
    "epochs": "num_epochs",
    "gpu": "device=gpu",
    "gpus": "num_clones",
    "log_dir": "summaries_dir",
    "logdir": "summaries_dir",
    "lr": "learning_rate",
    "lr_scheduler": "learning_rate_decay_type",
    "max_steps": "max_number_of_steps",
    "model_dir": "checkpoints_dir",
    "name": "run_name",
    "num_steps": "max_number_of_steps",
    "opt": "optimizer",
    "schedule": "learning_rate_decay_type",
    "steps": "max_number_of_steps",
    "train_steps": "max_number_of_steps",
    "warmup": "warmup_steps",
    "wd": "weight_decay",
}
_OF_PYTHON = {
    "invalid literal for int()": "is no whole number",
    "could not convert string to float": "is no number",
    "Non-boolean argument": "is neither true nor false",
}
# Trainings that have a name: flag files that come with the package.
_RECIPES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recipes")
_SUFFIX = ".flags"
# Flags of slim's two programs that have no counterpart of the same meaning, and why.
_NOT_FROM_SLIM = {
    "clone_on_cpu": "clones run on GPUs; --device=cpu trains on the CPU",
    "dataset_name": "the photos are those in --dataset_dir",
    "eval_dir": "events go to the run's folder in --summaries_dir",
    "labels_offset": "labels begin at 0, as AlexNet v2 has no background class",
    "master": "the processes of a cluster are named by --ps_hosts and --worker_hosts",
    "max_num_batches": "every photo of the split is evaluated once",
    "model_name": "the network is alexnet_v2",
    "num_ps_tasks": "the servers are named by --ps_hosts",
    "preprocessing_name": "the preprocessing is inception's; see --fast_mode",
    "quantize": "there is no quantized training",
    "quantize_delay": "there is no quantized training",
    "replicas_to_aggregate": "--sync_replicas aggregates one gradient of every worker",
    "train_dir": "checkpoints and events lie apart, in --checkpoints_dir and --summaries_dir",
    "use_grayscale": "photos are seen in color",
    "worker_replicas": "the workers are named by --worker_hosts",
}


def define_fields(kind, **names_to_help):
    """Defines flags of the names, types and defaults of a named tuple's fields."""
    hints, defaults = typing.get_type_hints(kind), kind()
    for name, text in names_to_help.items():
        hint = hints[name]
        (of,) = set(getattr(hint, "__args__", None) or [hint]) - {type(None)}  # None: a default.
        _DEFINE[of](name, getattr(defaults, name), text)


# What was parsed: the depth and the flags' names of the command line, and of each file it includes.
_places = []


def from_flags(kind):
    """Returns a named tuple whose fields are the flags of the same names, or such tuples."""
    return kind(
        **{
            name: from_flags(hint) if hasattr(hint, "_fields") else FLAGS[name].value
            for name, hint in typing.get_type_hints(kind).items()
        }
    )


def asks_for_help(argv):
    """Says whether a command line is about the command itself."""
    return any(
        arg.partition("=")[0] in _HELP
        for arg in itertools.takewhile(lambda arg: arg != "--", argv[1:])
    )


def parse(argv, takes_arguments):
    """Parses the flags of a command line into ``FLAGS``; returns the arguments that are no flags.

    Raises:
      UsageError: an unknown flag, a value that cannot be meant, an argument where none is taken, or
        a flag file that cannot be read.
    """
    _places.clear()
    try:
        rest = FLAGS(argv[:1] + _expand(argv[1:]))[1:]
    except flags.UnrecognizedFlagError as error:
        raise UsageError(_unknown(error))
    except (flags.Error, ValueError) as error:  # The latter: a value for a --no flag.
        raise UsageError(_refused(str(error)))
    for name in FLAGS:
        value, names_file = FLAGS[name].value, name.endswith(_OF_FILES)
        # Mostly a shell's unset variable.
        if FLAGS[name].present and value in ("", []):
            raise UsageError("--%s: is empty; give it a value, or leave it out" % name)
        if value != value:  # NaN, which no bound of a flag keeps out.
            raise UsageError("--%s=nan: is no number" % name)
        if names_file and "://" in (value or ""):
            raise UsageError("--%s %s: a URL; name what is on this machine" % (name, value))
        if value and (names_file or name == "archive"):
            # A shell replaces ~ only where it begins a word, which it does not in --name=~/folder.
            FLAGS[name].value = os.path.expanduser(value)
    if rest and not takes_arguments:
        raise UsageError("unexpected argument %r; flags begin with --" % rest[0])
    return rest


def outermost(*names):
    """Returns which of some flags count that exclude each other, a set of names.

    Those of the command line come before those of a file, and those of a file before those of a
    file that it includes; of two files beside each other the last one counts.
    """
    found = [(depth, given & set(names)) for depth, given in _places if given & set(names)]
    least = min((depth for depth, _ in found), default=None)
    return ([given for depth, given in found if depth == least] or [set()])[-1]


def _expand(args, opened=()):
    """Returns arguments with what flag files and recipes hold in their place, in their order."""
    expanded, names = [], set()
    _places.append((len(opened), names))
    rest = iter(args)
    for arg in rest:
        flag, equals, value = arg.lstrip("-").partition("=")
        if arg == "--":
            return expanded + [arg] + list(rest)
        if arg.startswith("-"):
            names.add(flag)
        if not arg.startswith("-") or flag not in ("flagfile", "recipe") or flag not in FLAGS:
            expanded.append(arg)
            continue
        value = value if equals else next(rest, "")
        if not value:
            raise UsageError("--%s: needs a value" % flag)
        path = _recipe(value) if flag == "recipe" else os.path.expanduser(value)
        if path in opened:
            raise UsageError("--flagfile %s: includes itself" % path)
        expanded += _expand(_flags_of(path), opened + (path,))
    return expanded


def recipes():
    """Returns the names of all recipes, sorted."""
    found = sorted(os.listdir(_RECIPES))
    return [name[: -len(_SUFFIX)] for name in found if name.endswith(_SUFFIX)]


def _recipe(name):
    """Returns the flag file of a recipe."""
    if name not in recipes():
        raise UsageError("--recipe %s: is none of %s" % (name, ", ".join(recipes())))
    return os.path.join(_RECIPES, name + _SUFFIX)


def _flags_of(path):
    try:
        # Some editors begin such a file with a byte order mark.
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_MAX_FLAGFILE_LENGTH + 1)
    except OSError as error:
        raise UsageError("--flagfile %s: %s" % (path, error.strerror))
    except UnicodeDecodeError:
        raise UsageError("--flagfile %s: is no text file" % path)
    if len(text) > _MAX_FLAGFILE_LENGTH:  # Such as /dev/zero, which never ends.
        raise UsageError("--flagfile %s: is no file of flags, but longer" % path)
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith(("#", "//"))]
    if not found:
        raise UsageError("--flagfile %s: holds no flags" % path)
    for line in found:
        if not _FLAG.match(line):
            raise UsageError("--flagfile %s: %r is no flag; write --name=value" % (path, line))
        if _AS_IN_A_SHELL.search(line):  # They would become part of a text, such as a run's name.
            raise UsageError(
                "--flagfile %s: %s: write the value without quotes, and a comment on a line of its "
                "own" % (path, line)
            )
    return found


def _refused(said):
    """Returns what absl says of a flag, in the words of a person where it is Python's."""
    found = re.match(r"flag (--(\w+)=(.*?)): ", said)
    for of_python, meant in _OF_PYTHON.items():
        if found and of_python in said:
            return "%s: %s" % (found.group(1), meant)
    if found and FLAGS[found.group(2)].flag_type() == "string enum":
        near = difflib.get_close_matches(
            found.group(3), FLAGS[found.group(2)].parser.enum_values, 1
        )
        said += "".join("; did you mean %s?" % one for one in near)
    return said


def _unknown(error):
    name = error.flagname
    meant = _OTHER_NAMES.get(name)
    if meant and meant.split("=")[0] in FLAGS:
        return "Unknown command line flag %r. Did you mean: %s ?" % (name, meant)
    if name in _NOT_FROM_SLIM:
        return "Unknown command line flag %r: %s" % (name, _NOT_FROM_SLIM[name])
    return str(error)
