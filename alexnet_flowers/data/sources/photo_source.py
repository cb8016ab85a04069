"""Where photos come from: a folder or an archive on this machine, a URL, or the drawn sample.

A source is chosen once, by ``choose``. It has

- ``name``: what ``dataset.json`` calls it;
- ``check()``: raises ``DataError`` where there is nothing to be had, before anything is made;
- ``url_sha256``: the digest of the URL's host and path; empty where it is of no URL;
- ``difference(name, sha256, url_sha256)``: how it differs from what a dataset was made from; None
  if it does not, as far as can be told without fetching it;
- ``is_published(sha256, photos)``: whether its split is known to others, and must stay as it is;
- ``fetched(dataset_dir, keep_archive, report)``: a context that yields the path of its photos, in
  a format of ``photo_format``. When it ends, nothing of what it fetched is left in
  ``dataset_dir``, but for what was asked for and what the next run can use.

What is fetched is called ``flowers_archive_...`` there until it has been converted, so that no
file of anybody's is in its way, whatever the URL is.
"""

import abc
import contextlib
import hashlib
import os
import re
from typing import NamedTuple, Optional, Tuple

from alexnet_flowers.data.sources import drawn_flowers, file_digest, photo_format
from alexnet_flowers.errors import DataError, UsageError


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
# The SHA-256 of its photos' sorted names, <class>/<name> on a line each.
_OFFICIAL_NAMES_SHA256 = "7ec2813130f8fac20cc4bfec2878528360cb255c183b61c88a2b358ac5539577"


def choose(archive=OFFICIAL.urls[0], use_sample=False):
    """Returns the source of ``--archive``, or of ``--sample``.

    Args:
      archive: a URL, or the path of a folder or an archive.
      use_sample: take the drawn sample instead.
    """
    if use_sample:
        return DrawnSample()
    if archive.lower().startswith(("http://", "https://")):
        return Url(archive)
    return Local(archive)


# What the archive is called in ``dataset_dir`` until it has been converted.
_FETCHED_PREFIX = "flowers_archive_"
_OF_THE_SAMPLE = "flower_sample.tar"
_KNOWN = (os.path.basename(OFFICIAL.urls[0]), _OF_THE_SAMPLE)
# Such names are the dataset's own.
_OF_A_DATASET = re.compile(r"flowers_.*|dataset\.json.*|labels\.txt.*|lock|\.*")
_MAX_NAME = 100


def clear(dataset_dir, converted):
    """Removes what was fetched to a dataset's folder and is of no more use: it is finished.

    That is what was broken off, and the archives that are known by name. Another whole one of such
    a name may be somebody's own.

    Args:
      dataset_dir: the folder.
      converted: the path of the photos, which somebody may have put there under such a name.
    """
    known = {_FETCHED_PREFIX + one for one in _KNOWN}
    for name in os.listdir(dataset_dir):
        path = os.path.join(dataset_dir, name)
        is_broken_off = name.startswith(_FETCHED_PREFIX) and name.endswith(".partial")
        is_own = os.path.realpath(path) == os.path.realpath(converted)
        if (is_broken_off or name in known) and not is_own and not os.path.isdir(path):
            os.remove(path)


class _Source:
    """What all sources have in common."""

    url_sha256 = ""

    def is_published(self, sha256, photos):
        """Says whether these are the official photos: by their archive's digest, or their names.

        Unpacked or scaled down they are still the photos that figures are compared on.

        Args:
          sha256: the digest of the source.
          photos: its ``class_folders.PhotoFile``.
        """
        names = "".join("%s\n" % photo.place for photo in photos)
        of_names = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
        return sha256 == OFFICIAL.sha256 or of_names == _OFFICIAL_NAMES_SHA256


class Local(_Source):
    """A folder or an archive on this machine, which is read where it is and never changed."""

    def __init__(self, path):
        self._path = path
        self.name = os.path.basename(os.path.abspath(path))  # Of the folder "." too.

    def check(self):
        """Raises ``DataError`` if there is no such file or folder."""
        if not photo_format.exists(self._path):
            raise DataError(
                "--archive %s: no such file or folder, nor a URL that begins with http:// or "
                "https://; give an existing one" % self._path
            )

    def difference(self, name, sha256, url_sha256=None):
        """Compares the digest, which tells more than names."""
        if photo_format.sha256_of(self._path) == sha256:
            return None
        return "it was made from something else than %s is now" % self._path

    @contextlib.contextmanager
    def fetched(self, dataset_dir, keep_archive, report):
        """Yields its own path."""
        if keep_archive:
            report("--keep_archive: nothing was downloaded; %s stays where it is" % self._path)
        yield self._path


class _Fetched(_Source, abc.ABC):
    """An archive that is put into ``dataset_dir`` first."""

    def __init__(self, name, filename, sha256=None):
        """Takes what it is called where it is kept, too, and its digest where that is known."""
        self.name = name
        self._filename = filename
        self._sha256 = sha256

    def check(self):
        """Whether it can be had turns out when it is fetched."""

    def difference(self, name, sha256, url_sha256=None):
        """Compares the digest where it is known, else the name and, if it was kept, the URL."""
        if sha256 == self._sha256:
            return None
        # Of a URL, the name once went on with the query.
        if name.partition("?")[0] != self.name:
            return "archive is %s, not %s" % (name, self.name)
        is_other = self._sha256 or url_sha256 not in (None, self.url_sha256)
        return "it was made from another %s" % self.name if is_other else None

    @contextlib.contextmanager
    def fetched(self, dataset_dir, keep_archive, report):
        """Yields the path of the archive in ``dataset_dir``."""
        own = os.path.join(dataset_dir, self._filename)
        if self._is_right(own):  # Somebody has put it there.
            yield own
            return
        if keep_archive:
            self._check_free(own)
        path = os.path.join(dataset_dir, _FETCHED_PREFIX + self._filename)
        if not self._is_right(path):
            self._fetch(path, report)
        try:
            yield path
        except BaseException:
            if self._sha256 is None:  # The next run could not tell whether it is the right one.
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            raise
        if keep_archive:
            self._check_free(own)
            os.rename(path, own)
        else:
            os.remove(path)

    def _is_right(self, path):
        """Says whether the archive, known by its digest, is at a path already."""
        is_known = self._sha256 is not None and os.path.isfile(path)
        return is_known and file_digest.sha256_of(path) == self._sha256

    def _check_free(self, path):
        if _OF_A_DATASET.fullmatch(self._filename):
            raise UsageError(
                "--keep_archive: %s is a name of the dataset's own files; leave it out" % path
            )
        if os.path.lexists(path):
            raise UsageError("--keep_archive: %s is there already; move it away" % path)

    @abc.abstractmethod
    def _fetch(self, path, report):
        """Makes the archive, whole, or leaves nothing that is of no use."""


class DrawnSample(_Fetched):
    """The built-in sample of drawn flowers."""

    def __init__(self):
        super().__init__("the built-in sample", _OF_THE_SAMPLE)

    def is_published(self, sha256, photos):
        """Says yes: what is measured on it compares with what was measured before."""
        return True

    def _fetch(self, path, report):
        report("drawing %s" % self.name)
        drawn_flowers.write_archive(path)


class Url(_Fetched):
    """An archive of the web; the official one is known by its digest, and has a mirror."""

    def __init__(self, url):
        # Queries hold tokens, and may be longer than a file name.
        path = re.split("[?#]", url.partition("://")[2])[0].rstrip("/")
        name = path.rpartition("/")[2] if "/" in path else ""
        # Of many the name is the same, such as main.zip. Before the host there may be a password.
        place = re.sub("^[^/]*@", "", path).encode("utf-8", "surrogateescape")
        self.url_sha256 = hashlib.sha256(place).hexdigest()
        self._file = OFFICIAL if url in OFFICIAL.urls else RemoteFile((url,))
        super().__init__(
            "".join(one if one.isprintable() else "_" for one in name),
            re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[-_MAX_NAME:] or "archive",
            self._file.sha256,
        )

    def _fetch(self, path, report):
        from alexnet_flowers.data.sources import download  # Here: few need its HTTP client.

        urls, size, sha256 = self._file
        download.download(urls, path, size, sha256)
