"""What a person does next, once a command has done its work."""

import os
import re
import shlex
import sys

from absl import flags

FLAGS = flags.FLAGS


def of_run(name, run_name, *args):
    """Returns a command about a run, with the folders of runs that this one was given.

    ``run_name`` is None where a checkpoint among the arguments says which run.
    """
    folders = [
        "--%s=%s" % (flag, FLAGS[flag].value)
        for flag in ("checkpoints_dir", "summaries_dir")
        if FLAGS[flag].present
    ]
    named = ["--run_name", run_name] if run_name else []
    return command(name, *named, *args, *folders)


def command(name, *args):
    """Returns a command as it is typed where this one was."""
    return " ".join([as_typed("python scripts/%s.py" % name), *map(shlex.quote, args)])


def tensorboard():
    """Returns the command that shows the runs; in a checkout ``make`` shows more images of them."""
    if _is_script() and not FLAGS["summaries_dir"].present:
        return "make tensorboard"
    return "tensorboard --logdir " + shlex.quote(FLAGS.summaries_dir)


def as_typed(text):
    """Returns a text with its ``scripts/NAME.py`` as commands where there are no scripts."""
    if _is_script():
        return text
    return re.sub(r"(?<![\w./-])(python )?scripts/(\w+)\.py\b", r"alexnet-flowers \2", text)


def _is_script():
    return os.path.basename(sys.argv[0]).endswith(".py")


def say(*commands):
    """Prints commands, one a line."""
    print("next: " + "\n      ".join(commands), flush=True)
