"""What a person can run: each module named in ``NAMES`` is a command, its flags and their checks.

``python scripts/train.py``, ``python -m alexnet_flowers train`` and, installed,
``alexnet-flowers train`` are the same.
"""

import ast
import contextlib
import difflib
import importlib
import importlib.util
import os
import signal
import sys

import alexnet_flowers

NAMES = (
    "download_and_convert",
    "train",
    "evaluate",
    "predict",
    "explain",
    "show_patches",
    "inspect_network",
    "score_map",
    "show_preprocessing",
    "embed",
    "make_figures",
    "report",
    "write_photos",
    "export",
    "import_torchvision",
    "launch_local",
    "estimate_scaling",
    "benchmark",
)

INTERRUPTED = 130


def run(name):
    """Runs the command of a name with the process's arguments; ends with the command's status."""
    # While modules are imported nothing has been begun that would have to be put in order. A shell
    # ignores SIGINT in what it starts in the background, for a Ctrl-C is not meant for that.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end_at_once)
    _have_locale([sys.argv[0]])
    try:
        # Only what the command needs is imported.
        module = importlib.import_module("alexnet_flowers.commands." + name)
        runner = importlib.import_module("alexnet_flowers.commands.runner")
    except ImportError as error:
        program = os.path.basename(sys.argv[0])
        sys.stderr.write("%s: error: %s\n" % (program, not_installed(error)))
        sys.exit(1)
    runner.run(module)


def main():
    """Runs the command that the first argument names; without one, lists the commands."""
    _have_locale(["-m", "alexnet_flowers"])
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"] and len(arguments) > 1:
        arguments = [arguments[1], "--help"]
    first = arguments[0] if arguments else "help"
    name = first.replace("-", "_")
    if name in NAMES:
        sys.argv = ["alexnet-flowers " + name] + arguments[1:]
        run(name)
    elif first == "--version":
        _say(alexnet_flowers.__version__)
    elif first in ("help", "-h", "--help"):
        _say(_list_of_commands())
    else:
        near = difflib.get_close_matches(name, NAMES, 1)
        advice = "did you mean %s?" % near[0] if near else "alexnet-flowers help lists them"
        sys.stderr.write("alexnet-flowers: error: %r is no command; %s\n" % (first, advice))
        sys.exit(2)


def not_installed(error):
    """Returns a line about a package that this Python lacks or cannot load: an ``ImportError``."""
    if isinstance(error, ModuleNotFoundError):
        what = "has no package %s" % error.name
    else:  # TensorFlow's goes on with a traceback; its last error is the reason.
        lines = str(error).strip().splitlines() or [""]
        reasons = [line for line in lines if "Error: " in line] or lines[:1]
        what = "cannot load a package that it has (%s)" % reasons[-1].strip()
    return (
        "%s: %s; run make install, and start by .venv/bin/python, or after "
        ". .venv/bin/activate" % (sys.executable, what)
    )


def purpose(name):
    """Returns a command's one-line description, without importing it."""
    spec = importlib.util.find_spec("alexnet_flowers.commands." + name)
    docstring = ast.get_docstring(ast.parse(spec.loader.get_source(spec.name)))
    return docstring.split("\n", 1)[0]


def _list_of_commands():
    lines = ["usage: alexnet-flowers COMMAND [--flag=value ...]", ""]
    lines += ["  %-22s%s" % (name, purpose(name)) for name in NAMES]
    return "\n".join(lines + ["", "alexnet-flowers COMMAND --help lists the flags of a command."])


def _say(text):
    """Prints text, or one line about why it cannot be; needs no package, as ``console`` does."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # For what is buffered.
        sys.stderr.write("alexnet-flowers: error: standard output: %s\n" % error.strerror)
        sys.exit(1)


def _end_at_once(*_):
    with contextlib.suppress(OSError):
        os.write(2, os.fsencode("%s: error: interrupted\n" % os.path.basename(sys.argv[0])))
    os._exit(INTERRUPTED)


def _have_locale(program):
    """Starts the process anew with a locale where it has none.

    Python 3.7 then takes letters beyond ASCII in its own paths for stray bytes, which TensorFlow
    refuses.
    """
    if not sys.prefix.isprintable() and os.environ.get("LC_ALL") != "C.UTF-8":
        again = [sys.executable] + program + sys.argv[1:]
        os.execve(sys.executable, again, dict(os.environ, LC_ALL="C.UTF-8"))
