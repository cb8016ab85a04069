"""The files that a command is asked to write: checked before its work, replaced with care.

A file is replaced only if it is one of the kind that the command writes and none that it reads. A
link stays a link. What is no regular file, such as ``/dev/stdout`` or a named pipe, is written to.
"""

import contextlib
import os
import re
import shutil
import sys
import tempfile

from alexnet_flowers import atomic
from alexnet_flowers.errors import UsageError
from alexnet_flowers.pictures import picture_file

# How the files begin that commands write.
_BEGINNINGS = {
    "json": rb"\s*[\[{]",
    "csv": rb"(photo|class|step),",
    "svg": rb"\s*<(\?xml|svg)",
    "png": rb"\x89PNG\r\n",
    "pdf": rb"%PDF-",
    "html": rb"<!DOCTYPE html>",
}
# Of these, what may be a photo.
_PICTURES = ("png", "svg", "pdf")
# What Linux's file systems take.
_MAX_NAME_BYTES = 255


def check(json=None, csv=None, picture=None, formats=None, inputs=(), photos=()):
    """Checks the files that a command will write.

    Args:
      json: a path, or None where the command is not asked for that file.
      csv: likewise.
      picture: likewise, or a page; its kind is its suffix.
      formats: the suffixes that this may have, without the dot; None: it has a right one.
      inputs: files and folders that the command reads, existing or not.
      photos: likewise; in such a folder only pictures are read, so that a table may lie there.

    Raises:
      UsageError: a folder, an input, a wrong suffix, too long a name, a file of another kind, one
        file for two outputs, a file in the way of a temporary one, or a folder in which nothing can
        be written.
    """
    chosen = [(path, kind) for path, kind in ((json, "json"), (csv, "csv")) if path]
    if picture:
        chosen.append((picture, _format_of(picture, formats)))
    taken = set()
    for path, kind in chosen:
        real = os.path.realpath(path)
        if os.path.isdir(path) or path.endswith(os.sep):
            raise UsageError("%s: is a folder; name a file" % path)
        if _standard_stream(path) or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        if real in taken:
            raise UsageError("%s: is named for two outputs; name two files" % path)
        taken.add(real)
        if os.path.exists(path):
            read = [one for one in photos if kind in _PICTURES or not os.path.isdir(one)]
            _check_replaceable(path, kind, [*inputs, *read])
        if len(os.fsencode(os.path.basename(real) + ".partial")) > _MAX_NAME_BYTES:
            raise UsageError("%s: is too long a name for a file; name a shorter one" % path)
        if atomic.in_the_way(real):
            raise UsageError("%s.partial: is in the way; move it, or name another file" % path)
        check_folder(os.path.dirname(real), path)


def check_folder(folder, of=None):
    """Raises ``UsageError`` unless a folder is, or can be made, one to write in.

    Args:
      folder: a path.
      of: the output that the message names; by default the folder.
    """
    existing = os.path.abspath(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise UsageError("%s: %s is no folder; name another place" % (of or folder, existing))
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(
            "%s: nothing can be written in %s; name another place" % (of or folder, existing)
        )


@contextlib.contextmanager
def written(path):
    """Yields the name under which a checked output is to be written, whole or not at all."""
    if os.path.exists(path) and (_standard_stream(path) or not os.path.isfile(path)):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, os.path.basename(path))
            yield name
            with atomic.naming(path):
                _write_to(path, name)
        return
    target = os.path.realpath(path) if os.path.islink(path) else path
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    yield target


def write(path, function, *args):
    """Has a checked output written by ``function(path, *args)``; None: nobody asked for it."""
    if path:
        with written(path) as target:
            function(target, *args)


def do_each(*tasks):
    """Does each task, a function and its arguments, in their order, whatever becomes of others."""
    with contextlib.ExitStack() as stack:
        for task in reversed(tasks):  # It calls the last one first.
            stack.callback(*task)


def _format_of(picture, formats):
    found = picture_file.kind_of(picture)
    if formats and found not in formats:
        suffixes = " or ".join("*." + one for one in formats)
        raise UsageError("%s: must be the name of a file, %s" % (picture, suffixes))
    return found


def _check_replaceable(path, kind, inputs):
    real = os.path.realpath(path)
    for one in filter(os.path.exists, inputs):
        there = os.path.realpath(one)
        if real == there:
            raise UsageError("%s: is read; name another file" % path)
        if real.startswith(there + os.sep):
            raise UsageError(
                "%s: is there, in a folder that is read (%s); name another file" % (path, one)
            )
    with open(path, "rb") as file:
        beginning = file.read(64)
    if beginning and not re.match(_BEGINNINGS[kind], beginning):
        raise UsageError(
            "%s: is there and holds no %s; remove it, or name another file" % (path, kind.upper())
        )


def _standard_stream(path):
    """Returns this process's stream to the very file of a path, else None."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if os.path.samestat(os.stat(path), os.fstat(stream.fileno())):
                return stream
    return None


def _write_to(path, source):
    stream = _standard_stream(path)
    with open(source, "rb") as file:
        if stream is None:
            with open(path, "wb") as target:
                shutil.copyfileobj(file, target)
        else:  # Behind what has been printed.
            stream.flush()
            shutil.copyfileobj(file, stream.buffer)
            stream.flush()
