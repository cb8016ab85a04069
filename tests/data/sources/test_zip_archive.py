"""Zip archives: the same photos as from a tar archive or a folder, and the same distrust."""

import io
import os
import stat
import zipfile

import photo_archives
import pytest

from alexnet_flowers.data.sources import archive_limits, photo_format, zip_archive
from alexnet_flowers.errors import DataError

PHOTO = ("photos/daisy/1.jpg", b"one" * 100)


def write_zip(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(str(path), "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return str(path)


def read(path):
    return zip_archive.read_photos(str(path), os.path.dirname(str(path)))


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_photos_are_those_of_the_tar_archive(tiny_archive, tmp_path, method):
    path = write_zip(tmp_path / "p.zip", photo_archives.official_members()[::-1], method)
    found = photo_format.read_photos(path, str(tmp_path))
    expected = photo_format.read_photos(tiny_archive, str(tmp_path))
    assert [(p.place, p.read()) for p in found.photos] == [
        (p.place, p.read()) for p in expected.photos
    ]
    assert found.companions == expected.companions
    assert os.listdir(str(tmp_path)) == ["p.zip"]


def test_folders_and_hidden_files_do_not_count(tmp_path):
    members = [("photos/", b""), ("photos/empty/", b""), PHOTO]
    members += [("__MACOSX/photos/daisy/._1.jpg", b"?"), ("photos/daisy/.DS_Store", b"?")]
    found = read(write_zip(tmp_path / "p.zip", members))
    assert [p.place for p in found.photos] == ["daisy/1.jpg"]
    assert (found.strays, found.companions, found.bare_folders) == ([], {}, ["photos/empty"])


def test_a_tar_archive_that_ends_in_a_zip_is_a_tar_archive(tmp_path):
    buffer = io.BytesIO()
    write_zip_to = zipfile.ZipFile(buffer, "w")
    write_zip_to.writestr(*PHOTO)
    write_zip_to.close()
    members = [PHOTO, ("photos/other.zip", buffer.getvalue())]
    path = tmp_path / "p.tar"
    path.write_bytes(photo_archives.tar_bytes(members))
    assert photo_format.read_photos(str(path), str(tmp_path)).companions == {".zip": 1}


@pytest.mark.parametrize("name", ["../up.jpg", "a/../../up.jpg", "/etc/daisy/1.jpg", "..\\up.jpg"])
def test_member_outside_the_archive_is_refused_by_name(tmp_path, name):
    path = write_zip(tmp_path / "p.zip", [PHOTO, (name, b"")])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == "%s: refused: the member %r lies outside the archive" % (
        path, name.replace("\\", "/"),
    )  # fmt: skip


def test_folders_of_windows_are_folders(tmp_path):
    members = [("photos\\", b""), ("photos\\daisy\\", b""), ("photos\\daisy\\1.jpg", b"one")]
    found = read(write_zip(tmp_path / "p.zip", members))
    assert [(photo.place, photo.read()) for photo in found.photos] == [("daisy/1.jpg", b"one")]
    assert found.strays == []


@pytest.mark.parametrize("encoding, is_said", [("utf-8", True), ("utf-8", False), ("cp437", False)])
def test_names_are_read_as_they_were_written(tmp_path, encoding, is_said):
    path = write_zip(tmp_path / "p.zip", [("photos/G_nsebl_mchen/1.jpg", b"one")])
    with open(path, "rb") as file:
        content = file.read()
    # Letters of two bytes each in UTF-8 take the place of others.
    stored = "photos/Gänsebl_mchen/1.jpg".encode(encoding)
    name = b"photos/G_nsebl_mchen/1.jpg"
    name, stored = (name, stored.replace(b"_", b"")) if encoding == "utf-8" else (name, stored)
    assert len(name) == len(stored)
    content = bytearray(content.replace(name, stored))
    for header, flags_at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(header) + flags_at
        content[at : at + 2] = (0x800 if is_said else 0).to_bytes(2, "little")
    (tmp_path / "p.zip").write_bytes(content)
    (photo,) = read(path).photos
    assert photo.class_name == ("Gänseblmchen" if encoding == "utf-8" else "Gänsebl_mchen")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_link_or_device_is_refused_by_name(tmp_path, kind):
    link = zipfile.ZipInfo("photos/daisy/2")
    link.external_attr = (kind | 0o777) << 16
    path = write_zip(tmp_path / "p.zip", [PHOTO, (link, b"/etc/passwd")])
    with pytest.raises(DataError, match="the member 'photos/daisy/2' is a link or a device, not a"):
        read(path)
    link.filename = "photos/README"  # Which is never read.
    path = write_zip(tmp_path / "p.zip", [PHOTO, (link, b"/etc/passwd")])
    assert read(path).companions == {"README": 1}
    link.filename = "."  # The archive itself.
    path = write_zip(tmp_path / "p.zip", [PHOTO, (link, b"/etc/passwd")])
    assert len(read(path).photos) == 1


def test_encrypted_member_is_refused_by_name(tmp_path):
    path = write_zip(tmp_path / "p.zip", [PHOTO])
    with open(path, "rb") as file:
        content = bytearray(file.read())
    for beginning, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(beginning) + offset] |= 1
    (tmp_path / "p.zip").write_bytes(bytes(content))
    with pytest.raises(DataError, match="'photos/daisy/1.jpg' is encrypted; make an archive"):
        read(path)


def test_unknown_method_says_what_to_do(tmp_path):
    path = write_zip(tmp_path / "p.zip", [PHOTO])
    with open(path, "rb") as file:
        content = bytearray(file.read())
    for beginning, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        content[content.index(beginning) + offset] = 9  # Deflate64.
    (tmp_path / "p.zip").write_bytes(bytes(content))
    with pytest.raises(DataError, match="a method that cannot be read here; unpack it and give"):
        read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_same_photo_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="are both daisy/1.jpg; rename one"):
        read(write_zip(tmp_path / "p.zip", [PHOTO, PHOTO]))


def test_damaged_or_truncated_archive_is_refused_wherever(tmp_path):
    path = tmp_path / "p.zip"
    write_zip(path, photo_archives.official_members()[:8])
    content = path.read_bytes()
    for cut_at in range(4, len(content), 501):
        path.write_bytes(content[:cut_at])
        with pytest.raises(DataError, match="not a complete zip archive"):
            read(path)
    for at in range(40, len(content), 997):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            read(path)  # A note that does not matter, perhaps.
        except DataError as error:
            assert len(str(error).splitlines()) == 1


def test_member_that_is_too_large_for_a_photo_is_refused_unread(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("photos/daisy/1.jpg", "w", force_zip64=True) as file:
            for _ in range(201):
                file.write(bytes(10**6))
    expected = "'photos/daisy/1.jpg': refused: more than 200 million bytes: 201000000; "
    with pytest.raises(DataError, match=expected):
        read(path)


def test_more_bytes_than_can_be_meant_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_limits, "_FREE_BYTES", 1000)
    members = [("photos/daisy/%d.jpg" % n, bytes(10**5)) for n in range(20)]
    with pytest.raises(DataError, match="refused: it unpacks to more than 100 times its size"):
        read(write_zip(tmp_path / "p.zip", members))


def test_more_members_than_can_be_meant_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_limits, "MAX_MEMBERS", 4)
    members = [("photos/daisy/%d.jpg" % n, b"") for n in range(5)]
    with pytest.raises(DataError, match="refused: more than 4 members; unpack it and give"):
        read(write_zip(tmp_path / "p.zip", members))


def test_a_list_that_fills_the_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_archive, "_MAX_LIST_BYTES", 100)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(DataError, match="a list of members of .* bytes; unpack it and give the"):
        # Written by hand: ZipFile is gone.
        record = b"PK\5\6" + bytes(8) + (200).to_bytes(4, "little") + bytes(6)
        (tmp_path / "p.zip").write_bytes(b"PK\3\4" + bytes(300) + record)
        read(tmp_path / "p.zip")


def test_an_empty_archive_is_a_zip_archive_without_photos(tmp_path):
    path = write_zip(tmp_path / "p.zip", [])
    with pytest.raises(DataError, match="p.zip: holds no photos"):
        photo_format.read_photos(path, str(tmp_path))
