"""A folder of photos, read where they lie: regular files only, and none that changes meanwhile."""

import errno
import hashlib
import os
import subprocess

import pytest
from photo_archives import write_files

from alexnet_flowers.data.sources import class_folders, folder
from alexnet_flowers.errors import DataError

PHOTOS = {"daisy/2.jpg": b"two", "daisy/10.png": b"ten", "red roses/1.JPG": b"one"}


@pytest.fixture
def mine(tmp_path):
    return write_files(tmp_path / "mine", PHOTOS)


def read(path):
    return folder.read_photos(str(path))


def contents(found):
    return [("%s/%s" % (photo.class_name, photo.name), photo.read()) for photo in found.photos]


IN_ORDER = [("daisy/10.png", b"ten"), ("daisy/2.jpg", b"two"), ("red roses/1.JPG", b"one")]


def test_photos_are_listed_in_order_and_read(mine):
    others = {
        "notes.txt": b"",
        "daisy/notes.txt": b"",
        "daisy/.1.jpg": b"",
        ".old/daisy/1.jpg": b"",
    }
    write_files(mine, others)
    (mine / "empty").mkdir()
    found = read(mine)
    assert contents(found) == IN_ORDER
    assert (found.strays, found.bare_folders) == ([], ["empty"])


def test_the_folder_above_is_the_same_photos(mine, tmp_path):
    assert contents(read(tmp_path)) == IN_ORDER
    assert contents(read(str(mine) + "/")) == IN_ORDER


def test_strays_are_named_by_their_paths(mine):
    write_files(mine, {"cover.jpg": b"", "daisy/old/1.jpg": b""})
    assert read(mine).strays == ["cover.jpg", "daisy/old/1.jpg"]


def test_digest_is_that_of_what_sha256sum_prints(mine):
    listed = subprocess.check_output(["sha256sum"] + [name for name, _ in IN_ORDER], cwd=str(mine))
    assert folder.sha256_of(read(mine).photos) == hashlib.sha256(listed).hexdigest()


def test_digest_of_a_file_that_is_too_large_to_be_a_photo_stays_what_it_was():
    error = class_folders.TooLargeError("clip.mov", 3 * 10**8)
    text = b"300000000 bytes, more than 200 million"  # By which older datasets are known again.
    assert folder.digest_of(error) == hashlib.sha256(text).digest()


def test_digest_tells_photos_apart_by_class_name_and_contents(mine, tmp_path):
    before = folder.sha256_of(read(mine).photos)
    digests = {before}
    for number, changed in enumerate(
        [{"daisy/2.jpg": b"2"}, {"daisy/3.jpg": b"two"}, {"lily/1.jpg": b""}, {"lily/2.jpg": b""}]
    ):
        other = write_files(tmp_path / str(number), dict(PHOTOS, **changed))
        digests.add(folder.sha256_of(read(other).photos))
    assert len(digests) == 5
    os.utime(str(mine / "daisy/2.jpg"), (1, 1))
    (mine / "notes.txt").write_text("of no influence")
    assert folder.sha256_of(read(mine).photos) == before


def link_to_a_photo(mine):
    os.symlink("2.jpg", str(mine / "daisy/3.jpg"))
    return "daisy/3.jpg"


def link_out(mine):
    os.symlink("/etc/passwd", str(mine / "daisy/3.jpg"))
    return "daisy/3.jpg"


def link_to_nothing(mine):
    os.symlink("nowhere", str(mine / "daisy/3.jpg"))
    return "daisy/3.jpg"


def link_to_a_folder(mine):
    os.symlink("daisy", str(mine / "tulips"))
    return "tulips"


def link_without_a_suffix(mine):
    os.symlink("2.jpg", str(mine / "daisy/3"))
    return "daisy/3"


def link_in_a_circle(mine):
    os.symlink(str(mine), str(mine / "daisy/again"))
    return "daisy/again"


def pipe(mine):
    os.mkfifo(str(mine / "daisy/3.jpg"))
    return "daisy/3.jpg"


@pytest.mark.parametrize(
    "add",
    [
        link_to_a_photo,
        link_out,
        link_to_nothing,
        link_to_a_folder,
        link_without_a_suffix,
        link_in_a_circle,
        pipe,
    ],
)
def test_a_link_or_a_pipe_is_refused_by_name(mine, add):
    path = str(mine / add(mine))
    with pytest.raises(DataError) as caught:
        read(mine)
    assert str(caught.value) == (
        "%s: refused: a link or a device, not a file; put the photos themselves there" % path
    )


def test_links_that_are_no_photos_do_not_matter(mine):
    os.symlink("/etc/passwd", str(mine / "daisy/notes.txt"))
    os.symlink("/etc", str(mine / ".git"))
    os.mkfifo(str(mine / "pipe.log"))
    os.symlink("loop.zip", str(mine / "loop.zip"))
    assert contents(read(mine)) == IN_ORDER


def test_the_folder_itself_may_be_a_link(mine, tmp_path):
    os.symlink("mine", str(tmp_path / "link"))
    assert contents(read(tmp_path / "link")) == IN_ORDER


def removed(path):
    path.unlink()


def changed(path):
    path.write_bytes(b"2")


def replaced(path):
    """By a file of the same size and time."""
    status = path.stat()
    other = path.parent / "other"
    other.write_bytes(b"owt")
    os.utime(str(other), ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(path)


def replaced_by_a_link(path):
    path.rename(path.parent / "other")
    path.symlink_to("other")


def replaced_by_a_pipe(path):
    path.unlink()
    os.mkfifo(str(path))


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "happened, reason",
    [
        (removed, "No such file or directory"),
        (changed, "it has changed"),
        (replaced, "it has changed"),
        (replaced_by_a_link, "Too many levels of symbolic links"),
        (replaced_by_a_pipe, "it has changed"),
        (replaced_by_a_folder, "Is a directory"),
    ],
)
def test_a_photo_that_is_not_what_it_was_when_listed_is_an_error(mine, happened, reason):
    found = read(mine)
    path = mine / "daisy/2.jpg"
    happened(path)
    with pytest.raises(DataError) as caught:
        found.photos[1].read()
    assert str(caught.value) == (
        "%s: cannot be read any more (%s); convert again when nothing changes there"
        % (path, reason)
    )  # fmt: skip


def test_a_photo_that_may_not_be_read_is_not_said_to_have_changed(mine, monkeypatch):
    read = folder.read_photos(str(mine)).photos[0].read

    def refuse(path, *args):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    with monkeypatch.context() as patch, pytest.raises(PermissionError) as caught:
        patch.setattr(os, "open", refuse)  # Root may read everything.
        read()
    assert caught.value.filename.startswith(str(mine))


def test_a_photo_that_is_written_to_while_it_is_read_is_an_error(mine, monkeypatch):
    found = read(mine)

    def fstat(descriptor):
        status = look(descriptor)
        (mine / "daisy/2.jpg").write_bytes(b"three")
        return status

    look = os.fstat
    with monkeypatch.context() as patch, pytest.raises(DataError, match="it has changed"):
        patch.setattr(os, "fstat", fstat)  # Only here: the folder's removal asks it too.
        found.photos[1].read()


def test_where_windows_says_that_a_photo_comes_from_is_no_photo(mine):
    write_files(mine, {"daisy/2.jpg:Zone.Identifier": b"[ZoneTransfer]\r\nZoneId=3\r\n"})
    found = read(mine)
    assert contents(found) == IN_ORDER and found.companions == {".identifier": 1}
