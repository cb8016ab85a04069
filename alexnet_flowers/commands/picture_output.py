"""The pictures that a command draws: what they are called, and what they say of themselves."""

import os
import re
import shlex
import sys

from absl import flags

from alexnet_flowers.commands import command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

# A name of 255 bytes is the longest there is, and a temporary one is longer than the file's.
_HALF_NAME_BYTES = 110


def define(name, formats):
    """Defines where a picture goes; ``name`` says what ``path_of`` calls it by default."""
    with group("Output"):
        flags.DEFINE_string(
            "output", None, "Draw this picture%s. Default: runs/figures/%s.png." % (formats, name)
        )


def check(path, paths, formats=picture_file.DIAGRAM_FORMATS):
    """Raises ``UsageError`` unless a picture can be written there; None: no name yet."""
    if path is not None:
        outputs.check(picture=path, formats=formats, inputs=command_line.inputs(paths))


def path_of(*parts, network=None):
    """Returns where a picture goes: to ``--output``, else to a name of its own; ``file_name``."""
    path = FLAGS.output
    if path is None:
        path = os.path.join("runs", "figures", file_name(*parts, network=network))
        outputs.check(picture=path)
    return path


def file_name(*parts, network=None, kind="png"):
    """Returns the name of a picture of all these, and of a step of a run; its middle may lack."""
    if network:
        parts += (network.run.name, network.global_step)
    words = re.split(r"[^\w-]+", "_".join(str(part) for part in parts))
    name = "_".join(word for word in words if word).encode("utf-8")
    if len(name) > 2 * _HALF_NAME_BYTES:
        name = name[:_HALF_NAME_BYTES] + b"_" + name[-_HALF_NAME_BYTES:]
    return "%s.%s" % (name.decode("utf-8", "ignore"), kind)


def save(picture, path, title, network=None):
    """Saves a picture under a checked name, with its title, this command, and of which network."""
    if network:
        title += ": run %s, step %d" % (network.run.name, network.global_step)
    with outputs.written(path) as target:
        picture_file.save(picture, target, picture_file.Origin(title, _command()))


def _command():
    """Returns the command that this is, for the metadata of what it makes."""
    program = sys.argv[0]
    if program.endswith(".py"):
        program = "python scripts/" + os.path.basename(program)
    return " ".join([program] + [shlex.quote(word) for word in sys.argv[1:]])
