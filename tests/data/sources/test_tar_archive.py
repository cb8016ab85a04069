import bz2
import concurrent.futures
import errno
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import photo_archives
import pytest
from photo_archives import tar_bytes, write_tgz

from alexnet_flowers.data.sources import archive_limits, photo_format, spool, tar_archive
from alexnet_flowers.errors import DataError

ONE_PHOTO = ("flower_photos/daisy/1.jpg", b"one")


def special(name, kind, target=""):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


def read(path):
    return tar_archive.read_photos(str(path), os.path.dirname(str(path))).photos


def names(photos):
    return [(photo.class_name, photo.name) for photo in photos]


def test_photos_of_the_official_layout_are_listed_sorted(tiny_archive, tmp_path):
    found = tar_archive.read_photos(tiny_archive, str(tmp_path))
    photos = found.photos
    assert found.strays == []
    assert found.companions == {".txt": 1}
    assert names(photos) == [
        (class_name, "%d_n.jpg" % (1000 + number))
        for class_name in ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
        for number in range(6)
    ]


def test_order_of_the_members_does_not_matter(tmp_path):
    members = [("f/%s/%d.jpg" % (c, n), b"%d" % n) for c in ("b", "a") for n in (2, 10, 1)]
    forth = read(write_tgz(tmp_path / "forth.tgz", members))
    back = read(write_tgz(tmp_path / "back.tgz", members[::-1]))
    assert names(forth) == names(back) == [
        ("a", "1.jpg"), ("a", "10.jpg"), ("a", "2.jpg"),
        ("b", "1.jpg"), ("b", "10.jpg"), ("b", "2.jpg"),
    ]  # fmt: skip
    assert [photo.read() for photo in forth] == [photo.read() for photo in back]


def test_bytes_are_read_back_exactly_from_many_threads_in_any_order(tmp_path):
    # Sizes around the pieces they are copied in, an empty file among them.
    sizes = [0, 1, 511, 512, 513, (1 << 20) - 1, 1 << 20, (1 << 20) + 1]
    contents = {
        "%d.jpg" % number: bytes(bytearray((7 * number + i) % 251 for i in range(1000))) * 1050
        for number in range(len(sizes))
    }
    contents = {
        name: content[:size] for (name, content), size in zip(sorted(contents.items()), sizes)
    }
    path = write_tgz(
        tmp_path / "photos.tgz",
        [("flower_photos/daisy/" + name, content) for name, content in contents.items()],
    )
    photos = read(path) * 20
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda photo: photo.read(), photos[::-1]))
    assert [len(content) for content in results[-len(sizes) :]] == sizes[::-1]
    for photo, result in zip(photos[::-1], results):
        assert result == contents[photo.name], photo.name


def test_photos_stay_readable_when_the_archive_is_gone(tmp_path):
    path = write_tgz(tmp_path / "photos.tgz", [ONE_PHOTO])
    (photo,) = read(path)
    os.remove(path)
    assert photo.read() == b"one"


def test_reading_leaves_no_file(tiny_archive, tmp_path):
    tar_archive.read_photos(tiny_archive, str(tmp_path)).photos[0].read()
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression_of_tarfile_is_read(tmp_path, mode):
    path = str(tmp_path / "photos.tar")
    with tarfile.open(path, mode) as tar:
        member = tarfile.TarInfo("flower_photos/daisy/1.jpg")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"one"))
    (photo,) = read(path)
    assert photo.read() == b"one"


def test_an_xz_archive_that_takes_too_much_memory_is_refused(tmp_path, monkeypatch):
    path = str(tmp_path / "photos.tar.xz")
    with lzma.open(path, "wb") as file:  # 8 MB.
        file.write(tar_bytes([ONE_PHOTO]))
    assert read(path)
    monkeypatch.setattr(tar_archive, "_MAX_XZ_MEMORY", 1 << 20)
    with pytest.raises(DataError, match="unpacking it takes more than 1 MB of memory; unpack it"):
        read(path)


def test_only_visible_photos_in_class_folders_are_taken(tmp_path):
    ignored = [
        "flower_photos/LICENSE.txt",
        "flower_photos/daisy/notes.txt",
        "flower_photos/daisy/._1.jpg",
        "flower_photos/daisy/.DS_Store",
        "flower_photos/.hidden/1.jpg",
        ".hidden/daisy/1.jpg",
    ]
    strays = ["1.jpg", "flower_photos/daisy/more/1.jpg", "flower_photos/stray.jpg"]
    taken = [
        "./flower_photos/daisy/1.jpg",
        "flower_photos/daisy/2.JPEG",
        "flower_photos/roses/3.png",
    ]
    folders = [special("flower_photos", tarfile.DIRTYPE), special("f/empty", tarfile.DIRTYPE)]
    members = folders + [(name, b"content") for name in ignored + strays + taken]
    path = write_tgz(tmp_path / "photos.tgz", members)
    found = tar_archive.read_photos(path, str(tmp_path))
    assert names(found.photos) == [("daisy", "1.jpg"), ("daisy", "2.JPEG"), ("roses", "3.png")]
    assert found.strays == strays


@pytest.mark.parametrize("above", ["", "./", "flower_photos/", "a/b/c/"])
def test_class_folders_may_lie_at_any_depth(tmp_path, above):
    members = [(above + name, b"content") for name in ("roses/1.jpg", "daisy/1.jpg")]
    photos = read(write_tgz(tmp_path / "photos.tgz", members))
    assert names(photos) == [("daisy", "1.jpg"), ("roses", "1.jpg")]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "flower_photos/../../evil.jpg",
        "flower_photos/daisy/..",
        "/etc/daisy/evil.jpg",
    ],
)
def test_member_outside_the_archive_is_refused_by_name(tmp_path, name):
    path = write_tgz(tmp_path / "evil.tgz", [ONE_PHOTO, (name, b"evil")])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == "%s: refused: the member %r lies outside the archive" % (path, name)
    assert os.listdir(str(tmp_path)) == ["evil.tgz"]


@pytest.mark.parametrize("name", ["flower_photos\\daisy\\evil.jpg", "..\\evil.jpg"])
def test_a_backslash_is_refused_by_name(tmp_path, name):
    path = write_tgz(tmp_path / "evil.tgz", [ONE_PHOTO, (name, b"evil")])
    with pytest.raises(DataError, match="refused: a backslash in the name of the member ") as it:
        read(path)
    assert repr(name) in str(it.value)


def test_folder_outside_the_archive_is_refused_too(tmp_path):
    path = write_tgz(tmp_path / "evil.tgz", [special("../up", tarfile.DIRTYPE), ONE_PHOTO])
    with pytest.raises(DataError, match=r"the member '../up' lies outside"):
        read(path)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(tarfile.SYMTYPE, id="symlink"),
        pytest.param(tarfile.LNKTYPE, id="hardlink"),
        pytest.param(tarfile.CHRTYPE, id="character_device"),
        pytest.param(tarfile.BLKTYPE, id="block_device"),
        pytest.param(tarfile.FIFOTYPE, id="fifo"),
    ],
)
@pytest.mark.parametrize("name", ["flower_photos/daisy/2.jpg", "flower_photos/daisy"])
def test_link_or_device_is_refused_by_name(tmp_path, kind, name):
    member = special(name, kind, target="flower_photos/daisy/1.jpg")
    path = write_tgz(tmp_path / "evil.tgz", [ONE_PHOTO, member])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == (
        "%s: refused: the member %r is a link or a device, not a file" % (path, name)
    )


@pytest.mark.parametrize("name", ["flower_photos/README", "flower_photos/daisy/.link", ".", "./"])
def test_a_link_that_is_no_photos_does_not_matter(tmp_path, name):
    member = special(name, tarfile.SYMTYPE, target="/etc/passwd")
    assert len(read(write_tgz(tmp_path / "p.tgz", [ONE_PHOTO, member]))) == 1


@pytest.mark.parametrize("kind, name", [(b"V", "photos of 2015"), (b"D", "flower_photos/daisy/")])
def test_the_labels_and_lists_of_gnu_tar_are_passed_over(tmp_path, kind, name):
    assert len(read(write_tgz(tmp_path / "p.tgz", [special(name, kind), ONE_PHOTO]))) == 1


def test_the_last_part_of_a_zip_is_told_as_that(tmp_path):
    with zipfile.ZipFile(str(tmp_path / "p.zip"), "w") as archive:
        archive.writestr(*ONE_PHOTO)
    (tmp_path / "last.zip").write_bytes(b"more of a photo" + (tmp_path / "p.zip").read_bytes())
    with pytest.raises(DataError, match="a zip archive .*, such as one in several parts; unpack"):
        read(tmp_path / "last.zip")


@pytest.mark.parametrize("again", ["flower_photos/daisy/1.jpg", "./flower_photos/daisy/1.jpg"])
def test_same_photo_twice_is_refused(tmp_path, again):
    path = write_tgz(tmp_path / "twice.tgz", [ONE_PHOTO, (again, b"two")])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == (
        "%s: 'flower_photos/daisy/1.jpg' and %r are both daisy/1.jpg; rename one"
        % (path, again[2:] if again.startswith("./") else again)
    )


def test_missing_archive_says_what_to_do(tmp_path):
    path = str(tmp_path / "nowhere.tgz")
    with pytest.raises(DataError, match="no such archive; give an existing file or a URL"):
        photo_format.read_photos(path, str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404</html>\n" * 100, b"\x1f\x8b", b"\x1f\x8b\x08\x00" + b"\0" * 20],
    ids=["empty", "html", "two_bytes_of_gzip", "gzip_of_nothing"],
)
def test_file_that_is_no_tar_is_refused(tmp_path, content):
    path = tmp_path / "photos.tgz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="photos.tgz: not a complete tar archive .*download it"):
        read(path)


def test_truncated_archive_is_refused_wherever_it_was_cut(tmp_path):
    # In a header, in a photo, in the padding, exactly between two members, in the closing zeros.
    content = tar_bytes([("f/daisy/%d.jpg" % number, b"x" * 700) for number in range(4)])
    end = 4 * (512 + 1024)
    path = tmp_path / "photos.tar"
    for cut_at in list(range(100, end, 103)) + [512, 512 + 700, 1536, 3 * 1536, end, end + 511]:
        path.write_bytes(content[:cut_at])
        with pytest.raises(DataError, match="not a complete tar archive"):
            read(path)
            pytest.fail("cut at %d" % cut_at)
    path.write_bytes(content)
    assert len(read(path)) == 4


def test_truncated_gzip_is_refused_wherever_it_was_cut(archive_bytes, tmp_path):
    path = tmp_path / "photos.tgz"
    for cut_at in list(range(1, 30)) + list(range(30, len(archive_bytes) - 200, 997)):
        path.write_bytes(archive_bytes[:cut_at])
        with pytest.raises(DataError, match="not a complete tar archive"):
            read(path)
            pytest.fail("cut at %d" % cut_at)


def test_gzip_of_which_any_bit_is_another_is_refused(archive_bytes, tmp_path):
    content = bytearray(archive_bytes)
    path = tmp_path / "photos.tgz"
    for at in list(range(10, len(content), 1499)) + [len(content) - 8]:  # From behind the header.
        content[at] ^= 0x10
        path.write_bytes(content)
        content[at] ^= 0x10
        with pytest.raises(DataError, match="not a complete tar archive|refused"):
            read(path)
            pytest.fail("byte %d" % at)


@pytest.mark.parametrize(
    "packed",
    [
        lambda content: gzip.compress(content[:9000]) + gzip.compress(content[9000:]),
        lambda content: gzip.compress(content + bytes(99)) + bytes(99),
        lambda content: gzip.compress(content) + b"junk",
        lambda content: bz2.compress(content) + b"junk",
        lambda content: lzma.compress(content) + bytes(8),
    ],
    ids=["members", "zeros", "gzip_and_more", "bzip2_and_more", "xz_padded"],
)
def test_what_does_not_matter_behind_the_end_does_not(tmp_path, packed):
    path = tmp_path / "photos.tar"
    path.write_bytes(packed(tar_bytes([ONE_PHOTO])))
    assert [photo.read() for photo in read(path)] == [b"one"]


@pytest.mark.parametrize("cut", [4, 20])
def test_a_cut_xz_is_refused(tmp_path, cut):
    path = tmp_path / "photos.txz"
    path.write_bytes(lzma.compress(tar_bytes([ONE_PHOTO]))[:-cut])
    with pytest.raises(DataError, match="not a complete tar archive"):
        read(path)


@pytest.mark.parametrize("name, compress", [("two.tar", bytes), ("two.tgz", gzip.compress)])
def test_a_second_archive_behind_the_first_is_not_passed_over(tmp_path, name, compress):
    path = tmp_path / name
    path.write_bytes(compress(tar_bytes([ONE_PHOTO])) * 2)
    with pytest.raises(DataError, match="something follows its end.*; unpack it and give the fold"):
        read(path)


@pytest.mark.parametrize(
    "begins, name",
    [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\0", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
)
def test_an_archive_of_another_kind_is_named(tmp_path, begins, name):
    path = tmp_path / "photos.tar"
    path.write_bytes(begins + bytes(2000))
    with pytest.raises(DataError, match="a %s archive cannot be read here; unpack it" % name):
        read(path)


def test_damaged_header_is_not_taken_for_the_end(tmp_path):
    content = bytearray(tar_bytes([("f/daisy/%d.jpg" % n, b"x" * 700) for n in range(4)]))
    content[2 * 1536 + 3] ^= 0xFF
    path = tmp_path / "photos.tar"
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not a complete tar archive .bad checksum"):
        read(path)


@pytest.mark.parametrize(
    "members",
    [[], [("flower_photos/LICENSE.txt", b"...")], [("1.jpg", b"one"), ("2.jpg", b"two")]],
    ids=["nothing", "no_photos", "photos_at_the_top"],
)
def test_archive_without_class_folders_says_what_is_expected(tmp_path, members):
    path = write_tgz(tmp_path / "photos.tgz", members)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == (
        "%s: holds no photos in class folders; expected <class>/<photo>, all equally deep" % path
    )


def test_full_disk_is_not_blamed_on_the_archive(tmp_path, monkeypatch):
    def no_room(raw_file, chunk):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "_write_all", no_room)
    path = write_tgz(tmp_path / "photos.tgz", photo_archives.official_members())
    with pytest.raises(OSError, match="No space left on device") as raised:
        read(path)
    assert raised.value.filename == str(tmp_path)


def test_a_disk_that_does_not_give_the_archive_back_is_that_of_the_archive(tmp_path, monkeypatch):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 1000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    path = write_tgz(tmp_path / "photos.tgz", photo_archives.official_members())
    monkeypatch.setattr(tar_archive, "_unpacked", lambda path: Failing(gzip.open(path).read()))
    with pytest.raises(OSError, match="Input/output error") as raised:
        read(path)
    assert raised.value.filename == path


def pax_note(path, kind, note, more=b""):
    """Writes an archive that begins with a note; returns the path."""
    header = special("note", kind)
    header.size = len(note)
    content = header.tobuf(tarfile.GNU_FORMAT) + note + bytes(-len(note) % 512)
    path.write_bytes(content + more + tar_bytes([ONE_PHOTO]))
    return path


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE])
@pytest.mark.parametrize("note", [b"1" * 65000, b"65000 comment=" + b"1" * 64986 + b"\n"])
def test_a_note_of_digits_does_not_take_minutes(tmp_path, kind, note):
    with pytest.raises(DataError, match="a note with a number of more than 64 digits"):
        read(pax_note(tmp_path / "p.tar", kind, note))


def test_a_note_as_other_programs_write_it_is_read(tmp_path):
    note = b"30 mtime=1700000000.123456789\n" + b"36 path=flower_photos/daisy/new.jpg\n"
    (photo,) = read(pax_note(tmp_path / "p.tar", tarfile.XHDTYPE, note))
    assert (photo.name, photo.read()) == ("new.jpg", b"one")


def test_notes_longer_than_a_note_can_be_are_refused(tmp_path):
    with pytest.raises(DataError, match="refused: a note of 66000 bytes on a member; unpack it"):
        read(pax_note(tmp_path / "p.tar", tarfile.XHDTYPE, b"66000 comment=" + b"x " * 32993))


def test_notes_on_all_members_are_counted(tmp_path):
    note = b"12 a%05d=1\n"
    header = special("note", tarfile.XGLTYPE)
    header.size = 512
    global_notes = b"".join(
        header.tobuf(tarfile.GNU_FORMAT) + (note % n).ljust(512, b"\0") for n in range(150)
    )
    path = tmp_path / "p.tar"
    path.write_bytes(global_notes + tar_bytes([ONE_PHOTO]))
    with pytest.raises(DataError, match="more than 100 notes on all members"):
        read(path)


@pytest.mark.parametrize(
    "note", [b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n", b"20 GNU.sparse.map=1,\n"]
)
def test_sparse_members_are_refused_before_their_maps_are_read(tmp_path, note):
    with pytest.raises(DataError, match="a sparse member, which no photo is"):
        read(pax_note(tmp_path / "p.tar", tarfile.XHDTYPE, note))


def test_old_sparse_members_are_refused_too(tmp_path):
    path = tmp_path / "p.tar"
    header = special("flower_photos/daisy/2.jpg", tarfile.GNUTYPE_SPARSE)
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + tar_bytes([ONE_PHOTO]))
    with pytest.raises(DataError, match="a sparse member, which no photo is"):
        read(path)


@pytest.mark.parametrize("name", ["flower_photos/daisy/%d.jpg", "flower_photos/notes%d.txt"])
def test_more_bytes_than_can_be_meant_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(archive_limits, "_FREE_BYTES", 1000)
    members = [(name % number, bytes(10**5)) for number in range(20)]
    path = write_tgz(tmp_path / "bomb.tgz", members)
    with pytest.raises(DataError, match="refused: it unpacks to more than 100 times its size"):
        read(path)


def test_more_members_than_can_be_meant_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 9)
    path = write_tgz(tmp_path / "p.tgz", [("f/daisy/%d.jpg" % n, b"") for n in range(10)])
    with pytest.raises(DataError, match="refused: more than 9 members; unpack it and give the"):
        read(path)
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 10)
    assert len(read(path)) == 10
