"""``--help``: what a command is for, and its flags by what they are about."""

import contextlib
import textwrap

from absl import flags

from alexnet_flowers.commands import next_step

FLAGS = flags.FLAGS

_WIDTH = 96
_NO_BREAK = "\0"
# As they are listed.
_ORDER = (
    "Run",
    "Photos",
    "Network",
    "Optimizer",
    "Learning rate",
    "Logging",
    "Output",
    "Hardware",
    "Cluster",
    "Other",
)
_groups = {}
_aliases = {}


@contextlib.contextmanager
def group(title):
    """A context; the flags that are defined in it are listed under a title; others are not."""
    before = set(FLAGS)
    yield
    for name in FLAGS:
        if name not in before and name not in _aliases:
            _groups.setdefault(title, []).append(name)


def alias(name, other_name):
    """Defines another name for a flag."""
    flags.DEFINE_alias(other_name, name)
    _aliases[other_name] = name


def text(module):
    """Returns the help text of a command: its docstring and its flags with their defaults."""
    lines = [next_step.as_typed(module.__doc__.strip())]
    for title in sorted(_groups, key=_ORDER.index):
        lines += ["", title + ":"] + [_entry(FLAGS[name]) for name in _groups[title]]
    return "\n".join(lines)


def _entry(flag):
    # absl says behind ";" that a flag can be repeated.
    parts = [next_step.as_typed(flag.help.split(";\n    repeat")[0])]
    others = sorted(other for other, name in _aliases.items() if name == flag.name)
    if others:
        parts.append("slim's name, --%s, is accepted too." % others[0])
    if flag.default not in (None, "", []) and flag.default is not False:
        shown = (
            repr(flag.default) if isinstance(flag.default, str) else flag.default_as_str.strip("'")
        )
        parts.append("(default:%s%s)" % (_NO_BREAK, shown))
    title = "  --%s%s: " % ("[no]" if flag.boolean else "", flag.name)
    filled = textwrap.fill(
        title + " ".join(parts),
        _WIDTH,
        subsequent_indent=6 * " ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_NO_BREAK, " ")
