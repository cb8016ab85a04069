"""A folder of photos, read where they lie.

Nothing but regular files is opened, and no link is followed, wherever it leads: what a dataset
is made of lies in the folder that was named, as in an archive. (That folder itself may be a link.)
"""

import functools
import hashlib
import os
import stat

from alexnet_flowers.data.sources import class_folders, companions
from alexnet_flowers.errors import DataError


def read_photos(path, spool_dir=None):
    """Lists the photos of a folder; see ``photo_format.read_photos``. ``spool_dir`` is of no use.

    Reading one that was removed or changed since then raises ``DataError``, one that may not be
    read ``PermissionError``, one that is too large ``class_folders.TooLargeError``.

    Raises:
      DataError: a photo or a folder is a link or a device; or see ``class_folders.sort_photos``.
      OSError: a folder cannot be read.
    """
    files = [
        (parts, status and functools.partial(_read, os.path.join(path, *parts), status))
        for parts, status in _walk(path, ())
    ]
    return class_folders.sort_photos(path, files)


def sha256_of(photos, digests=None):
    """Returns the digest by which the photos of a folder are recognized, 64 hexadecimal digits.

    It is the SHA-256 of what ``sha256sum`` prints of them in order, by class and file name: lines
    of ``<SHA-256 of the file>  <class>/<name>``, or ``<split>/<class>/<name>``. Of a file that is
    too large to be a photo, and is not read, its size stands for the content.

    Args:
      photos: a list of ``class_folders.PhotoFile``.
      digests: the ``digest_of`` each, in their order, where that is known; then none is read.
    """
    whole = hashlib.sha256()
    for photo, digest in zip(photos, digests or map(_digest_of_file, photos)):
        line = "%s  %s\n" % (digest.hex(), photo.place)
        whole.update(line.encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def digest_of(content):
    """Returns the SHA-256, 32 bytes, of a file's bytes, or of its ``TooLargeError``."""
    if isinstance(content, class_folders.TooLargeError):
        # In the words of the first datasets, which are to be known again.
        content = b"%d bytes, more than 200 million" % content.num_bytes
    return hashlib.sha256(content).digest()


def _digest_of_file(photo):
    try:
        return digest_of(photo.read())
    except class_folders.TooLargeError as error:
        return digest_of(error)


def _walk(path, above):
    """Yields (parts, status) of ``above`` and the files below it; the status of photos only."""
    class_folders.check_depth(path, len(above))
    with os.scandir(os.path.join(path, *above)) as entries:
        entries = sorted(entries, key=lambda entry: entry.name)
    yield above + ("",), None
    for entry in entries:
        parts = above + (entry.name,)
        if class_folders.is_hidden((entry.name,)):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, parts)
        elif companions.kind(entry.name) is not None and not os.path.isdir(entry.path):
            yield parts, None
        else:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise DataError(
                    "%s: refused: a link or a device, not a file; put the photos themselves there"
                    % entry.path
                )
            yield parts, status


def identity_of(status):
    """Returns what tells a file from another in its place, and from itself after a change."""
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def _read(path, listed):
    class_folders.check_size(path, listed.st_size)
    identity, reason = identity_of(listed), "it has changed"
    try:
        with open(path, "rb", opener=_open_itself) as file:
            # Before, because reading what took its place may never end; after, because it may
            # have been written to meanwhile.
            if identity_of(os.fstat(file.fileno())) == identity:
                encoded = file.read()
                if identity_of(os.fstat(file.fileno())) == identity:
                    return encoded
    except PermissionError:
        raise  # Nothing has changed; the one who asks says what to do.
    except OSError as error:
        reason = error.strerror
    raise DataError(
        "%s: cannot be read any more (%s); convert again when nothing changes there"
        % (path, reason)
    )


def _open_itself(path, flags):
    """Opens a file, but no link, and without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
