"""How every command runs: flags, signals, errors in one line, the status."""

import faulthandler
import functools
import inspect
import os
import re
import signal
import sys
import time
import traceback

from absl import flags

from alexnet_flowers import escapes
from alexnet_flowers.commands import INTERRUPTED, arguments, console, help_text, not_installed
from alexnet_flowers.errors import (
    MAKE_ROOM,
    DataError,
    UsageError,
    WriteError,
    advice_for,
    first_line,
    is_for_want_of_room,
)

FLAGS = flags.FLAGS

with help_text.group("Other"):
    flags.DEFINE_boolean("verbose", False, "Show the traceback of an error, too.")

# How long after a signal it is looked for whether it was taken.
_AGAIN_SECS = 0.5
# Signals so close to each other are one: some programs pass on what a terminal sends as well.
_ONE_SECS = 1.0
_AGAIN = "then run the same command again"
# What TensorFlow says of a GPU that others have filled, or keep for themselves.
_OF_A_GPU = re.compile(r"initialization on GPU:\d|CUDA.*out of memory")


def run(module):
    """Parses the flags, calls a command's ``main`` and ends with its status (None: 0).

    A ``main`` with a parameter gets the list of the arguments that are no flags.

    An error that the caller can mend is printed as one line, with the status 1 (data) or 2
    (flags); so are the operating system's (a full disk, a folder without permission). Lines that
    standard output does not take are dropped with a warning; then the status is 1 at least.
    """
    console.guard()
    faulthandler.enable()
    takes_arguments = bool(inspect.signature(module.main).parameters)
    if arguments.asks_for_help(sys.argv):
        print(help_text.text(module))
        status = 0
    else:
        try:
            rest = arguments.parse(sys.argv, takes_arguments)
        except UsageError as error:
            _fail(error, error.exit_status)
        status = _guarded(functools.partial(module.main, *[rest] if takes_arguments else []))
    sys.exit(status or (0 if console.finish() else 1))


def _guarded(main):
    came, times = [], []

    def interrupt(number, frame):
        again = number == signal.SIGALRM
        if not again:
            came.append(number)
            times.append(time.monotonic())
            again = times[-1] - times[0] < _ONE_SECS and len(came) > 1
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECS)
        if len(came) == 1 and _swallows(frame):
            return
        if not (again and sys.exc_info()[0]):  # Else something is being put in order.
            raise KeyboardInterrupt

    # Without it these end a process on the spot, and what it has begun stays behind.
    ending = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN  # By nohup, or by a shell in the background.
    ]
    for number in [signal.SIGALRM] + ending:
        signal.signal(number, interrupt)
    try:
        return _with_errors_in_one_line(main)
    except BaseException:
        # What was under way, such as TensorFlow's graph, may answer with an error of its own.
        for number in (signal.SIGTERM, signal.SIGHUP):
            if number in came:
                sys.exit(128 + number)
        if came:
            _fail("interrupted", INTERRUPTED)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The interpreter's own end has nothing to put in order.
        for number in ending:
            signal.signal(number, signal.SIG_DFL)


def _swallows(frame):
    """Says whether what is raised at a frame is printed there, or may be, and comes no farther.

    So it is in a finalizer, and while some libraries are imported.
    """
    codes = [caller.f_code for caller, _ in traceback.walk_stack(frame)]
    # A function without a name that uses none: the finalizer of SWIG's classes.
    if codes[0].co_name == "<lambda>" and not codes[0].co_names:
        return True
    return any(
        code.co_name == "__del__" or "importlib._bootstrap" in code.co_filename for code in codes
    )


def _with_errors_in_one_line(main):
    try:
        return main()
    except WriteError as error:
        _fail("%s; %s, %s" % (error, advice_for(str(error)), _AGAIN), error.exit_status)
    except (DataError, UsageError) as error:
        _fail(error, error.exit_status)
    except ImportError as error:
        _fail(not_installed(error), 1)
    except UnicodeEncodeError as error:
        # Python has surrogates for the bytes of a name that are not UTF-8.
        if not any("\ud800" <= character <= "\udfff" for character in error.object):
            raise
        _fail("%s: TensorFlow takes names in UTF-8 only; rename it" % error.object, 1)
    except OSError as error:
        if error.errno is None:
            raise
        name = error.filename or _nameless()
        advice = "see that it can be read or written, or name another"
        if is_for_want_of_room(error):
            # Of a copy the second name is the one that is written.
            name, advice = error.filename2 or name, "%s, %s" % (MAKE_ROOM, _AGAIN)
        _fail("%s: %s; %s" % (name, error.strerror, advice), 1)
    except MemoryError as error:
        why = str(error) or "no memory left"
        _fail("%s; free memory, or raise its limit (ulimit -v), %s" % (why, _AGAIN), 1)
    except Exception as error:
        # TensorFlow's, which is not loaded for this: a device's memory, or a disk it writes to.
        if "OpError" not in [kind.__name__ for kind in type(error).__mro__]:
            raise
        if is_for_want_of_room(error):
            _fail("%s; %s, %s" % (first_line(error), MAKE_ROOM, _AGAIN), 1)
        if type(error).__name__ == "InternalError" and _OF_A_GPU.search(error.message):
            advice = "nvidia-smi shows who uses it; free it, or pass --device=cpu"
            _fail("%s; %s" % (first_line(error), advice), 1)
        if type(error).__name__ != "ResourceExhaustedError":
            raise
        _fail("%s; free memory, or pass --device=cpu" % first_line(error), 1)


def _nameless():
    """Returns what an error may be of that names no path."""
    try:
        os.getcwd()
    except OSError:
        return "the folder in which this was started"
    return "a file"


def end_at_once(error):
    """Ends the process with an error, from any thread and without waiting for the others."""
    try:
        _print_error(error)
    finally:  # Whoever read the standard error may be gone.
        os._exit(error.exit_status)


def _fail(message, status):
    if FLAGS.is_parsed() and FLAGS.verbose:
        traceback.print_exc()
    _print_error(message)
    sys.exit(status)


def _print_error(message):
    message = escapes.printable(" ".join(str(message).split("\n")))
    sys.stderr.write("%s: error: %s\n" % (os.path.basename(sys.argv[0]), message))
    sys.stderr.flush()
