"""What all commands share: the flags of several of them, errors in one line."""

import errno
import functools
import inspect
import os
import shlex
import signal
import sys
import traceback

from absl import app, flags

from alexnet_flowers import devices
from alexnet_flowers.data import photos, splits
from alexnet_flowers.errors import DataError, UsageError, WriteError
from alexnet_flowers.inference import trained_network
from alexnet_flowers.pictures import style
from alexnet_flowers.training import checkpoints
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS

flags.DEFINE_boolean("verbose", False, "Show the traceback of an error.")

INTERRUPTED = 130
_TERMINATED = 143
_MAKE_ROOM = "make room, then run the same command again"


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def define_run_parents():
    """Defines where all runs keep their files."""
    flags.DEFINE_string("checkpoints_dir", "runs/checkpoints", "The parent of all checkpoints.")
    flags.DEFINE_string("summaries_dir", "runs/summaries", "The parent of all event files.")
    for name in ("checkpoints_dir", "summaries_dir"):
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])


def define_run_choice():
    """Defines which run, and which of its checkpoints, a command reads."""
    flags.DEFINE_string("run_name", None, "The run. Default: the only one there is.")
    flags.DEFINE_string(
        "checkpoint_path", None, "A checkpoint, or a folder of them. Default: the run's newest."
    )
    for name in ("run_name", "checkpoint_path"):
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])


def chosen_run():
    """Returns the ``Run`` that the flags choose."""
    return checkpoints.choose_run(
        FLAGS.run_name, FLAGS.checkpoint_path, FLAGS.checkpoints_dir, FLAGS.summaries_dir
    )


def define_device():
    """Defines where the network runs."""
    flags.DEFINE_enum("device", "auto", devices.DEVICES, "auto: the GPU where there is one.")
    FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS["device"])


def define_network():
    """Defines which trained network a command asks; see ``chosen_network``."""
    define_run_parents()
    define_run_choice()
    define_device()


def define_skip_bad_records():
    """Defines how many records a command goes on without."""
    flags.DEFINE_integer(
        "skip_bad_records",
        0,
        "Go on without so many records that are damaged or of no use; each is reported. Looking "
        "for them takes seconds.",
        lower_bound=0,
    )
    FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS["skip_bad_records"])


def define_distortions():
    """Defines how strongly photos are distorted for training."""
    flags.DEFINE_boolean(
        "fast_mode",
        Settings().fast_mode,
        "The reference's fast preprocessing. Otherwise also hue, contrast and four resize methods.",
    )
    flags.DEFINE_float(
        "min_crop_area",
        Settings().min_crop_area,
        "The least share of a photo's area that is seen of it. 0.05 to 0.1 are the same.",
        lower_bound=Settings().min_crop_area,
        upper_bound=1,
    )
    for name in ("fast_mode", "min_crop_area"):
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])


def define_photos(default_split=None):
    """Defines the photos that a command is about where none are named."""
    flags.DEFINE_enum("split", default_split, splits.SPLITS, "All photos of this split instead.")
    flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
    for name in ("split", "dataset_dir"):
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])


def chosen_network():
    """Returns the ``TrainedNetwork`` that the flags choose."""
    return trained_network.TrainedNetwork(chosen_run(), FLAGS.checkpoint_path, FLAGS.device)


def chosen_photos(paths, network):
    """Returns the photos of a command: those of ``paths``, or the split of the flags."""
    if paths and FLAGS["split"].present:
        raise UsageError("--split %s: or photos, not both" % FLAGS.split)
    if paths:
        return photos.from_paths(paths, network.class_names)
    if not FLAGS.split:
        raise UsageError("no photos; name files or folders, or pass --split validation")
    found, labels_to_names = photos.from_split(FLAGS.dataset_dir, FLAGS.split)
    checkpoints.check_labels(network.run, labels_to_names)
    return found


def check_files(*paths):
    """Raises ``UsageError`` for an output that is a folder; None is no output."""
    for path in paths:
        if path and os.path.isdir(path):
            raise UsageError("%s: is a folder; name a file" % path)


def origin(what, network):
    """Returns the ``Origin`` of a picture of a trained network."""
    title = "%s: run %s, step %d" % (what, network.run.name, network.global_step)
    return style.Origin(title, command())


def from_flags(kind):
    """Returns a named tuple whose fields are the flags of the same names."""
    return kind(**{name: FLAGS[name].value for name in kind._fields})


def command():
    """Returns the command that this is, for the metadata of what it makes."""
    words = ["python", os.path.relpath(sys.argv[0], ROOT)] + sys.argv[1:]
    return " ".join(shlex.quote(word) for word in words)


def run(module):
    """Parses the flags, calls a command's ``main`` and ends with its status (None: 0).

    A ``main`` with a parameter gets the list of the arguments that are no flags.

    An error that the caller can mend is printed as one line, with the status 1 (data) or 2
    (flags); so are the operating system's (a full disk, a folder without permission).
    """
    if hasattr(sys.stdout, "reconfigure"):  # Not in Python 3.6.
        # A class or photo whose name the terminal cannot show is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    takes_arguments = bool(inspect.signature(module.main).parameters)
    # --help is about the program: its text, and the flags that are its own.
    sys.modules["__main__"].__doc__ = module.__doc__
    for flag in FLAGS.get_flags_for_module(module.__name__):
        FLAGS.register_key_flag_for_module(sys.argv[0], flag)

    def guarded(argv):
        sys.exit(_guarded(functools.partial(module.main, *[argv[1:]] if takes_arguments else [])))

    app.run(guarded, flags_parser=functools.partial(_parse, takes_arguments))


def _parse(takes_arguments, argv):
    try:
        rest = FLAGS(argv)
    except flags.Error as error:
        _fail(error, 2)
    except SystemExit:  # absl's --help ends with 1, as if it were an error.
        sys.exit(0)
    if len(rest) > 1 and not takes_arguments:
        _fail("unexpected argument %r; flags begin with --" % rest[1], 2)
    return rest


def _guarded(main):
    came = []

    def interrupt(number, _):
        came.append(number)
        raise KeyboardInterrupt

    # Without it SIGTERM ends a process on the spot, and what it has begun stays behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        return _with_errors_in_one_line(main)
    except BaseException:
        # What was under way, such as TensorFlow's graph, may answer with an error of its own.
        if signal.SIGTERM in came:
            sys.exit(_TERMINATED)
        if came:
            _fail("interrupted", INTERRUPTED)
        raise


def _with_errors_in_one_line(main):
    try:
        return main()
    except WriteError as error:
        _fail("%s; %s" % (error, _MAKE_ROOM), error.exit_status)
    except (DataError, UsageError) as error:
        _fail(error, error.exit_status)
    except OSError as error:
        if error.errno is None:
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = _MAKE_ROOM
        else:
            advice = "see that it can be read or written, or name another"
        _fail("%s: %s; %s" % (error.filename or "a file", error.strerror, advice), 1)


def end_at_once(error):
    """Ends the process with an error, from any thread and without waiting for the others."""
    try:
        _print_error(error)
    finally:  # Also where nobody reads standard error any more.
        os._exit(error.exit_status)


def _fail(message, status):
    if FLAGS.is_parsed() and FLAGS.verbose:
        traceback.print_exc()
    _print_error(message)
    sys.exit(status)


def _print_error(message):
    message = " ".join(str(message).split("\n"))
    sys.stderr.write("%s: error: %s\n" % (os.path.basename(sys.argv[0]), message))
    sys.stderr.flush()
