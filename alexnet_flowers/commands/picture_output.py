"""The pictures that a command draws: what they are called, and what they say of themselves."""

import hashlib
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
_DIGEST_LETTERS = 8
_RUN_DIGEST_LETTERS = 6


def define(name, formats):
    """Defines where a picture goes; ``name`` says what ``path_of`` calls it by default."""
    with group("Output"):
        flags.DEFINE_string(
            "output", None, "Draw this picture%s. Default: runs/figures/%s.png." % (formats, name)
        )


def check(paths, formats=picture_file.DIAGRAM_FORMATS):
    """Raises ``UsageError`` unless a picture can be written to ``--output``, if that is given."""
    if FLAGS.output is not None:
        outputs.check(picture=FLAGS.output, formats=formats, inputs=command_line.inputs(paths))


def path_of(*parts, network=None, folder="figures", kind="png"):
    """Returns where a picture or page goes: to ``--output``, else to a ``file_name`` of its own."""
    path = FLAGS.output
    if path is None:
        path = os.path.join("runs", folder, file_name(*parts, network=network, kind=kind))
        outputs.check(picture=path)
    return path


def file_name(*parts, network=None, kind="png"):
    """Returns the name of a picture of all these, and of a step of a run; see ``stem_of``."""
    if network:
        parts += (run_word(network.run.name), network.global_step)
    return "%s.%s" % (stem_of(*parts), kind)


def run_word(name):
    """Returns a run's name as a part of a file's: with a digest where it cannot stand as it is."""
    word = stem_of(name)
    if word == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()
    return "%s-%s" % (word, digest[:_RUN_DIGEST_LETTERS])


def stem_of(*parts):
    """Returns a name without suffix that says all these; of a long one a digest is the middle."""
    words = re.split(r"[^\w.-]+", "_".join(filter(None, map(str, parts))))
    whole = "_".join(filter(None, words)).encode("utf-8")
    if len(whole) <= 2 * _HALF_NAME_BYTES:
        return whole.decode("utf-8")
    digest = hashlib.sha256(whole).hexdigest()[:_DIGEST_LETTERS].encode()
    halves = (whole[:_HALF_NAME_BYTES], digest, whole[-_HALF_NAME_BYTES:])
    return b"_".join(halves).decode("utf-8", "ignore")


def save(picture, path, title, network=None):
    """Saves a picture under a checked name, with its title, this command, and of which network."""
    if network:
        title += ": run %s, step %d" % (network.run.name, network.global_step)
    kind = picture_file.kind_of(path)  # Behind a link the target may have another.
    with outputs.written(path) as target:
        picture_file.save(picture, target, picture_file.Origin(title, _command()), kind)


def _command():
    """Returns the command that this is, for the metadata of what it makes."""
    program = sys.argv[0]
    if program.endswith(".py"):
        program = "python scripts/" + os.path.basename(program)
    return " ".join([program] + [shlex.quote(word) for word in sys.argv[1:]])
