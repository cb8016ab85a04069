"""Where photos come from: a folder or an archive on this machine, a URL, or the drawn sample.

A source is chosen once, by ``choose``. It has

- ``name``: what ``dataset.json`` calls it;
- ``check()``: raises ``DataError`` where there is nothing to be had, before anything is made;
- ``difference(name, sha256)``: how it differs from what a dataset was made from; None if it does
  not, as far as can be told without fetching it;
- ``fetched(dataset_dir, keep_archive, report)``: a context that yields the path of its photos, in
  a format of ``photo_format``. When it ends, nothing of what it fetched is left in
  ``dataset_dir``, but for what was asked for and what the next run can use.
"""

import contextlib
import os
from typing import NamedTuple, Optional, Tuple

from alexnet_flowers.data.sources import download, drawn_flowers, file_digest, photo_format
from alexnet_flowers.errors import DataError


class RemoteFile(NamedTuple):
    """A file to download.

    Attributes:
      urls: its URLs, best first.
      size: int, bytes, where known.
      sha256: str, its digest, where known.
    """

    urls: Tuple[str, ...]
    size: Optional[int] = None
    sha256: Optional[str] = None


# As TensorFlow Datasets registers the archive.
OFFICIAL = RemoteFile(
    urls=(
        "http://download.tensorflow.org/example_images/flower_photos.tgz",
        "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    ),
    size=228813984,
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
)


def choose(archive=OFFICIAL.urls[0], use_sample=False):
    """Returns the source of ``--archive``, or of ``--sample``.

    Args:
      archive: a URL, or the path of a folder or an archive.
      use_sample: take the drawn sample instead.
    """
    if use_sample:
        return DrawnSample()
    if archive.startswith(("http://", "https://")):
        return Url(archive)
    return Local(archive)


class Local:
    """A folder or an archive on this machine, which is read where it is and never changed."""

    def __init__(self, path):
        self._path = path
        self.name = os.path.basename(os.path.abspath(path))  # Of the folder "." too.

    def check(self):
        """Raises ``DataError`` if there is no such file or folder."""
        if not photo_format.exists(self._path):
            raise DataError("--archive %s: no such file or folder, and not a URL" % self._path)

    def difference(self, name, sha256):
        """Compares the digest, which tells more than the name."""
        if photo_format.sha256_of(self._path) == sha256:
            return None
        return "it was made from something else than %s is now" % self._path

    @contextlib.contextmanager
    def fetched(self, dataset_dir, keep_archive, report):
        """Yields its own path."""
        yield self._path


class _Fetched:
    """An archive that is put into ``dataset_dir`` first."""

    def __init__(self, name, filename):
        self.name = name
        self._filename = filename

    def check(self):
        """Whether it can be had turns out when it is fetched."""

    def difference(self, name, sha256):
        """Compares the name; what it would be now is not known."""
        return None if name == self.name else "archive is %s, not %s" % (name, self.name)

    @contextlib.contextmanager
    def fetched(self, dataset_dir, keep_archive, report):
        """Yields the path of the archive in ``dataset_dir``."""
        path = os.path.join(dataset_dir, self._filename)
        self._fetch(path, report)
        try:
            yield path
        except BaseException:
            if not self._is_recognized:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            raise
        if not keep_archive:
            os.remove(path)

    # Whether the next run can tell that the file is the right one, and need not fetch it again.
    _is_recognized = False

    def _fetch(self, path, report):
        """Makes the archive, whole, or leaves nothing that is of no use."""
        raise NotImplementedError


class DrawnSample(_Fetched):
    """The built-in sample of drawn flowers."""

    def __init__(self):
        super().__init__("the built-in sample", "flower_sample.tar")

    def _fetch(self, path, report):
        report("drawing %s" % self.name)
        drawn_flowers.write_archive(path)


class Url(_Fetched):
    """An archive of the web; the official one is known by its digest, and has a mirror."""

    def __init__(self, url):
        name = os.path.basename(url.rstrip("/"))
        super().__init__(name, name or "archive")
        self._file = OFFICIAL if url in OFFICIAL.urls else RemoteFile((url,))

    @property
    def _is_recognized(self):
        return self._file.sha256 is not None

    def difference(self, name, sha256):
        """Compares the digest where it is known, otherwise the name."""
        return None if sha256 == self._file.sha256 else super().difference(name, sha256)

    def _fetch(self, path, report):
        urls, size, sha256 = self._file
        is_there = self._is_recognized and os.path.exists(path)
        if not (is_there and file_digest.sha256_of(path) == sha256):
            download.download(urls, path, size, sha256)
