"""Disks of a few megabytes, which only a test and what it starts can see."""

import contextlib
import os
import shutil
import subprocess

import pytest


class Disk:
    """A disk in a mount namespace of its own.

    Attributes:
      path: where this process and those that it starts find it.
    """

    def __init__(self, shell, folder, size):
        """Mounts it; skips the test where that is not permitted."""
        self._shell, self._folder = shell, folder
        self.path = "/proc/%d/root%s" % (shell.pid, folder)
        if not self._do("mount -t tmpfs -o size=%s tmpfs %s" % (size, folder)):
            pytest.skip("mounting a disk is not permitted here")

    def grow(self, size):
        """Makes room."""
        assert self._do("mount -o remount,size=%s %s" % (size, self._folder))

    def _do(self, command):
        try:
            self._shell.stdin.write("%s && echo done || echo failed\n" % command)
            self._shell.stdin.flush()
        except BrokenPipeError:
            return False
        return self._shell.stdout.readline() == "done\n"


@contextlib.contextmanager
def small_disk(folder, size):
    """Yields a ``Disk`` of a size such as ``"450m"``, mounted on a folder."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    os.makedirs(str(folder))
    shell = subprocess.Popen(
        ["unshare", "--mount", "sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        yield Disk(shell, str(folder), size)
    finally:
        with contextlib.suppress(BrokenPipeError):
            shell.stdin.close()
        shell.wait()
        shell.stdout.close()
