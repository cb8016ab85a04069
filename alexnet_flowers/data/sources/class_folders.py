"""Which files are photos, of which class and split: one rule for archives and folders.

Every visible file may be a photo, whatever its name, but for those that ``companions`` knows; its
content decides later. A photo's class is the folder that it lies in: ``<class>/<photo>``, wherever
that may be, as in ``flower_photos/<class>/<photo>``; ``split_folders`` above or below it say its
split. A class folder lies in one place only: ``garden`` of ``roses/garden/1.jpg`` and
``tulips/garden/2.jpg`` is no class.

All photos lie equally deep. One that lies higher or deeper than most do is a stray and belongs to
no class: ``roses/old/1.jpg`` beside ``roses/1.jpg`` and ``tulips/1.jpg`` does not make a class
"old", nor does it count as a rose.
"""

import collections
import re
from typing import Callable, Dict, List, NamedTuple, Optional

from alexnet_flowers.data.sources import companions, split_folders
from alexnet_flowers.errors import DataError
from alexnet_flowers.first_of_many import some

# More than a photo of jpeg_check.MAX_PIXELS takes; a file is read into memory as a whole, and
# what calls itself a photo in an archive may unpack to far more than there is.
_MAX_BYTES = 200 * 10**6
# Well below what the operating system (a path's length) and Python (its stack) can bear.
_MAX_DEPTH = 100
# What systems put beside photos, in small letters: macOS its notes on the files of a zip archive
# and a folder's icon, a Synology or QNAP thumbnails, snapshots and what was deleted, Windows and
# Linux their own folders at the top of a disk.
_OF_SYSTEMS = frozenset(
    ("__macosx", "icon\r", "network trash folder", "temporary items", "@eadir", "#recycle",
     "#snapshot", "@recycle", "@recently-snapshot", "$recycle.bin", "system volume information",
     "lost+found")
)  # fmt: skip
_CONTROL_CHARACTER = re.compile(r"[\0-\x1f\x7f]")


class PhotoFile(NamedTuple):
    """A photo that has not been decoded yet.

    Attributes:
      class_name: str, the name of its folder.
      name: str, its file name within that folder.
      read: a function without arguments that returns its bytes; safe in threads.
      split: str, the split that its folder stands for, None where the folders say none.
    """

    class_name: str
    name: str
    read: Callable[[], bytes]
    split: Optional[str] = None

    @property
    def place(self):
        """``<class>/<name>``, behind ``<split>/`` where the folders say one."""
        return "/".join(filter(None, (self.split, self.class_name, self.name)))


class ClassFolders(NamedTuple):
    """The photos of an archive or a folder.

    Attributes:
      photos: a list of ``PhotoFile``, sorted by class, file name and split.
      strays: a list of str, the sorted paths of the photos that belong to no class.
      bare_folders: a list of str, the sorted paths of the folders that lie where those of the
        classes do, but are none, as they hold no photos, or strays deeper within.
      companions: how many other files there are of each kind, see ``companions.kind``.
      split_folders: the split of each folder that stands for one, ``{"val": "validation"}``.
    """

    photos: List[PhotoFile]
    strays: List[str]
    bare_folders: List[str]
    companions: Dict[str, int]
    split_folders: Dict[str, str]


def is_hidden(parts):
    """Says whether a path, split into its folders and file name, is hidden from people too."""
    return any(part.startswith(".") or part.lower() in _OF_SYSTEMS for part in parts)


def is_photo(parts):
    """Says whether a path, split into its folders and file name, may be a photo's.

    Neither () is one, nor a folder, whose file name is empty.
    """
    is_file = bool(parts and parts[-1])
    return is_file and not is_hidden(parts) and companions.kind(parts[-1]) is None


def check_depth(path, depth):
    """Raises ``DataError`` for a folder with so many others within each other."""
    if depth > _MAX_DEPTH:
        raise DataError(
            "%s: has more than %d folders within each other; name one of those within"
            % (path, _MAX_DEPTH)
        )


class TooLargeError(DataError):
    """A file is too large to be a photo.

    Attributes:
      num_bytes: int, its size.
      reason: str, the same without the file's name and what to do.
    """

    def __init__(self, name, num_bytes):
        self.num_bytes = num_bytes
        self.reason = "more than %d million bytes: %d" % (_MAX_BYTES // 10**6, num_bytes)
        super().__init__("%s: refused: %s; a photo is smaller, remove it" % (name, self.reason))


def check_size(name, num_bytes):
    """Raises ``TooLargeError`` for a file that is too large to be a photo."""
    if num_bytes > _MAX_BYTES:
        raise TooLargeError(name, num_bytes)


def sort_photos(source, files):
    """Finds each photo's class; returns a ``ClassFolders``.

    Args:
      source: str, the archive or folder, for messages.
      files: a list of (parts, read) of all its visible files: a path within the source as a tuple
        of its folders and file name, and what reads it, see ``PhotoFile``; None for a companion,
        and for a folder, whose file name is empty.

    Raises:
      DataError: no photo lies in a folder, folders of splits hold photos but no class folders, a
        class folder is in several places, two photos of a class have the same name, or a name
        cannot be written down.
    """
    photos = [(parts, read) for parts, read in files if read]
    others = [parts for parts, read in files if not read]
    counts = collections.Counter(len(parts) for parts, _ in photos if len(parts) > 1)
    if not counts:
        raise _no_photos(source, others)
    # Of two depths with as many photos the deeper one: strays lie about at the top.
    depth = max(counts, key=lambda depth: (counts[depth], depth))
    for parts, _ in photos:
        path = "/".join(parts)
        if _CONTROL_CHARACTER.search(path):
            raise DataError("%s: refused: control characters in the name %r" % (source, path))
    of_classes = [(parts, read) for parts, read in photos if len(parts) == depth]
    level = split_folders.level([parts for parts, _ in of_classes])
    if level is not None and depth == 2:
        raise DataError(
            "%s: holds photos in folders of splits, but in no class folders; expected "
            "<split>/<class>/<photo>" % source
        )
    strays = [parts for parts, _ in photos if len(parts) != depth]
    # Which of its folders is a photo's class.
    number = depth - 3 if level == depth - 2 else depth - 2
    names = {parts[number] for parts, _ in of_classes}
    folders = {parts[: number + 1] for parts, _ in of_classes}
    bare = {parts[: number + 1] for parts in strays if len(parts) > depth} - folders
    # A class may be without photos in one of the splits.
    bare |= {
        parts[: number + 1]
        for parts in others
        if number + 1 < len(parts) <= depth and parts[number] not in names
    }
    # Nor is one that holds photos which are strays, as they lie above the folders of the splits.
    bare -= {parts[:-1] for parts in strays}
    above = {folder[:-1] for folder in folders}
    return ClassFolders(
        _photo_files(source, of_classes, level),
        sorted(map("/".join, strays)),
        sorted("/".join(folder) for folder in bare if folder[:-1] in above),
        dict(collections.Counter(companions.kind(parts[-1]) for parts in others if parts[-1])),
        {}
        if level is None
        else {parts[level]: split_folders.split_of(parts[level]) for parts, _ in of_classes},
    )


def _photo_files(source, files, level):
    """Returns the ``PhotoFile`` of each path, sorted; ``level`` is that of the splits' folders."""
    found, taken, parents = [], {}, {}
    for parts, read in files:
        *above, class_name, name = parts if level is None else parts[:level] + parts[level + 1 :]
        parents.setdefault(class_name, set()).add("/".join(above))
        split = None if level is None else split_folders.split_of(parts[level])
        key = class_name, name, split
        if key in taken and len(parents[class_name]) == 1:
            raise DataError(
                "%s: %r and %r are both %s/%s; rename one"
                % (source, taken[key], "/".join(parts), class_name, name)
            )
        taken[key] = "/".join(parts)
        found.append(PhotoFile(class_name, name, read, split))
    for class_name in parents:
        _check_class_name(source, class_name)
    _check_parents(source, parents)
    return sorted(found, key=lambda photo: (photo.class_name, photo.name, photo.split or ""))


def _check_parents(source, parents):
    scattered = sorted(name for name in parents if len(parents[name]) > 1)
    if scattered:
        places = some(
            "/".join(filter(None, (parent, scattered[0])))
            for parent in sorted(parents[scattered[0]])
        )
        raise DataError(
            "%s: a class is the folder of its photos, but %s in several places: %s; put all "
            "photos of a class into one folder, or give one of the folders above as --archive"
            % (source, "%r is" % scattered[0] if len(scattered) == 1 else
               "%s are" % some(map(repr, scattered)), places)
        )  # fmt: skip


def _no_photos(source, others):
    archives = [
        "/".join(parts) for parts in others if companions.kind(parts[-1]) in companions.ARCHIVES
    ]
    if archives:
        return DataError(
            "%s: holds archives (%s), no photos in class folders; unpack each into a folder that "
            "is called like its class" % (source, some(sorted(archives)))
        )
    return DataError(
        "%s: holds no photos in class folders; expected <class>/<photo>, all equally deep" % source
    )


def _check_class_name(source, class_name):
    # It goes into tables and pictures; a photo's own name does not have to.
    try:
        class_name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError("%s: the folder name %r is not UTF-8; rename it" % (source, class_name))
