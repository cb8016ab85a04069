"""What a person can run: each module is a command, its flags and their checks.

``python scripts/train.py``, ``python -m alexnet_flowers train`` and, installed,
``alexnet-flowers train`` are the same.
"""

import importlib
import os
import sys

NAMES = (
    "download_and_convert",
    "train",
    "evaluate",
    "predict",
    "inspect_network",
    "score_map",
    "show_preprocessing",
    "embed",
    "make_figures",
    "export",
    "import_torchvision",
    "launch_local",
    "estimate_scaling",
    "benchmark",
)


def run(name):
    """Runs the command of a name with the process's arguments; ends with the command's status."""
    _have_locale([sys.argv[0]])
    # Only what the command needs is imported.
    module = importlib.import_module("alexnet_flowers.commands." + name)
    importlib.import_module("alexnet_flowers.commands.command_line").run(module)


def main():
    """Runs the command that the first argument names; without one, lists the commands."""
    _have_locale(["-m", "alexnet_flowers"])
    name = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    if name not in NAMES:
        print("usage: alexnet-flowers COMMAND [--flag=value ...]; each command has a --help\n")
        print("\n".join("    " + known for known in NAMES))
        sys.exit(0 if name in ("", "help", "_h", "__help") else 2)
    sys.argv[:2] = ["alexnet-flowers " + name]
    run(name)


def _have_locale(program):
    """Starts the process anew with a locale where it has none.

    Python 3.7 then takes letters beyond ASCII in its own paths for stray bytes, which TensorFlow
    refuses.
    """
    if not sys.prefix.isprintable() and os.environ.get("LC_ALL") != "C.UTF-8":
        again = [sys.executable] + program + sys.argv[1:]
        os.execve(sys.executable, again, dict(os.environ, LC_ALL="C.UTF-8"))
