"""Bytes put aside on disk, where threads can read them back in any order."""

import functools
import os
import tempfile

from alexnet_flowers import atomic

_CHUNK_BYTES = 1 << 20


class Spool:
    """One nameless file, which the operating system deletes with the process."""

    def __init__(self, spool_dir):
        self._dir = spool_dir
        self._file = tempfile.TemporaryFile(dir=spool_dir, buffering=0)
        self._end = 0

    def add(self, source, size):
        """Copies ``size`` bytes from a file object; returns a function that reads them back.

        Raises:
          EOFError: the source ends early.
          OSError: the source cannot be read; or, with the name of ``spool_dir``, the disk is full.
        """
        start = self._end
        while self._end < start + size:
            chunk = source.read(min(_CHUNK_BYTES, start + size - self._end))
            if not chunk:
                raise EOFError("a member is cut off")
            with atomic.naming(self._dir):
                _write_all(self._file, chunk)
            self._end += len(chunk)
        return functools.partial(self._read, start, size)

    def _read(self, start, size):
        # os.pread keeps no position, so that several threads can read at once.
        parts = []
        while size:
            part = os.pread(self._file.fileno(), size, start)
            if not part:
                raise EOFError("the temporary copy of the photos is too short")
            parts.append(part)
            start += len(part)
            size -= len(part)
        return b"".join(parts)


def _write_all(raw_file, chunk):
    left = memoryview(chunk)
    while left:
        left = left[raw_file.write(left) :]
