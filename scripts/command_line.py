"""What all scripts share: finding the package, the flags of every command, errors in one line."""

import os
import sys
import traceback

# The scripts run from a plain checkout; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from absl import app, flags

from alexnet_flowers import checkpoints
from alexnet_flowers.errors import DataError, UsageError

FLAGS = flags.FLAGS

flags.DEFINE_boolean("verbose", False, "Show the traceback of an error.")

INTERRUPTED = 130


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


def from_flags(kind):
    """Returns a named tuple whose fields are the flags of the same names."""
    return kind(**{name: FLAGS[name].value for name in kind._fields})


def run(main):
    """Parses the flags, calls ``main()`` and ends the process with its status (None: 0).

    An error that the caller can mend is printed as one line, with the status 1 (data) or 2
    (flags); so are the operating system's (a full disk, a folder without permission).
    """
    app.run(lambda _: sys.exit(_guarded(main)), flags_parser=_parse)


def _parse(argv):
    try:
        rest = FLAGS(argv)
    except flags.Error as error:
        _fail(error, 2)
    except SystemExit:  # absl's --help ends with 1, as if it were an error.
        sys.exit(0)
    if len(rest) > 1:
        _fail("unexpected argument %r; flags begin with --" % rest[1], 2)
    return rest


def _guarded(main):
    try:
        return main()
    except (DataError, UsageError) as error:
        _fail(error, error.exit_status)
    except OSError as error:
        if error.errno is None:
            raise
        where = error.filename or "a file"
        _fail(
            "%s: %s; see that it can be read or written, or name another" % (where, error.strerror),
            1,
        )
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)


def _fail(message, status):
    if FLAGS.is_parsed() and FLAGS.verbose:
        traceback.print_exc()
    message = " ".join(str(message).split("\n"))
    sys.stderr.write("%s: error: %s\n" % (os.path.basename(sys.argv[0]), message))
    sys.exit(status)
