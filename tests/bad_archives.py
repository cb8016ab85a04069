"""Archives and folders gone wrong in a seeded number of ways, for the tests.

A mutant starts as the small archive of ``photo_archives``. First its members are changed, then,
at times, the bytes of the file that they were written to.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile

import photo_archives
from PIL import Image

# Where an absolute name leads.
ELSEWHERE = "/tmp/roses_elsewhere/evil.jpg"

HTML = b"<!DOCTYPE html><html><body>Not found</body></html>\n"


def jpeg_claiming(side_px):
    """Returns a small photo whose header says that it is side_px wide and high."""
    content = bytearray(photo_archives.draw("roses", 1))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", side_px, side_px)
    return bytes(content)


def animated_gif():
    frames = [Image.new("P", (60, 40), number) for number in range(3)]
    return photo_archives.encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def cmyk():
    return photo_archives.encode(Image.new("CMYK", (60, 40), (0, 200, 40, 9)))


# Made once: each is put into hundreds of archives.
_CONTENTS = {
    "nothing": b"",
    "html": HTML,
    "gif": animated_gif(),
    "cmyk": cmyk(),
    "gray": photo_archives.encode(Image.new("L", (60, 40), 99)),
    "png": photo_archives.encode(Image.new("RGBA", (60, 40), (200, 9, 9, 99)), "PNG"),
    "one_pixel": photo_archives.encode(Image.new("RGB", (1, 1))),
    "claimed_png": photo_archives.png_claiming(30000, 30000),
    "claimed_jpeg": jpeg_claiming(30000),
    "largest_jpeg": jpeg_claiming(65500),
    "no_height": photo_archives.png_claiming(40, 0),
}

# A member's name as bytes, as other systems write it, or as nobody should.
_NAMES = [
    b"../evil.jpg",
    b"flower_photos/roses/../../../evil.jpg",
    os.fsencode(ELSEWHERE),
    b"flower_photos\\roses\\evil.jpg",
    b"C:/roses/evil.jpg",
    b"..",
    b".",
    b"/",
    b"flower_photos//roses//./evil.jpg",
    b"evil.jpg",
    b"a/b/c/d/evil.jpg",
    b"flower_photos/" + b"x/" * 60 + b"evil.jpg",
    b"flower_photos/r\xf6schen/1.jpg",  # Latin-1
    b"flower_photos/\x83o\x83\x89/1.jpg",  # Shift JIS
    b"flower_photos/roses/r\xf6schen.jpg",
    "flower_photos/R\u00f6schen/\u82b1.jpg".encode("utf-8"),
    "flower_photos/\ufeff\u202eroses/1.jpg".encode("utf-8"),
    b"flower_photos/roses/new\nline.jpg",
    b"flower_photos/new\nline/1.jpg",
    b"flower_photos/\x1b[31mred/1.jpg",
    b"flower_photos/roses/%s%n.jpg",
    b"flower_photos/0:daisy/1.jpg",
    b"flower_photos/ /1.jpg",
    b"flower_photos/roses/" + b"x" * 300 + b".jpg",
    b"dataset.json/roses/1.jpg",
    b"flower_photos/CON/aux.jpg",
]

_KINDS = [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
    tarfile.DIRTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, b"Z",
]  # fmt: skip

_TARGETS = ["/etc/passwd", "../../evil.jpg", "flower_photos/roses/1000_n.jpg", ""]


def mutant(rng):
    """Makes a bad archive.

    Args:
      rng: a ``random.Random``, which decides everything.

    Returns:
      (bytes, names): the archive, and the names of what was done to it, in order.
    """
    members = photo_archives.official_members()
    names = []
    changes = [rng.choice(_OF_MEMBERS) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
    # Special members last: the other changes know names with contents only.
    for change in sorted(changes, key=lambda change: change is special_member):
        members = change(rng, members)
        names.append(change.__name__)
    content = _tar(rng, members)
    if rng.random() < 0.3:
        content = _damaged(rng, content, names)
    pack = rng.choice((None, gzip.compress, gzip.compress, bz2.compress, lzma.compress))
    if pack:
        content = pack(content)
        names.append(pack.__module__.lstrip("_"))
        if rng.random() < 0.3:
            content = _damaged(rng, content, names)
    return content, names


def unpack_mutant(rng, folder):
    """Makes a bad folder of photos within an empty one; returns what was done to it, in order."""
    members = photo_archives.official_members()
    names = []
    for _ in range(rng.choice((1, 2))):
        change = rng.choice(_OF_FILES)
        members = change(rng, members)
        names.append(change.__name__)
    for name, content in members:
        path = os.path.join(os.fsencode(str(folder)), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    if rng.random() < 0.5:
        special = rng.choice((_link, _dangling_link, _circle, _pipe))
        os.makedirs(os.path.join(str(folder), "special"))
        special(os.path.join(str(folder), "special"))
        names.append(special.__name__.lstrip("_"))
    return names


def _link(folder):
    os.symlink("/etc/passwd", os.path.join(folder, "link.jpg"))


def _dangling_link(folder):
    os.symlink("nowhere", os.path.join(folder, "link.jpg"))


def _circle(folder):
    os.symlink("..", os.path.join(folder, "circle"))


def _pipe(folder):
    os.mkfifo(os.path.join(folder, "pipe.jpg"))


def nothing_changed(rng, members):
    return members


def other_content(rng, members):
    return _with(rng, members, _CONTENTS[rng.choice(sorted(_CONTENTS))])


def damaged_photo(rng, members):
    return _with(rng, members, _damaged(rng, photo_archives.draw("roses", 1), []))


def _with(rng, members, content):
    """Gives a photo of the members another content."""
    if not members:
        return members
    at = rng.randrange(len(members))
    return members[:at] + [(members[at][0], content)] + members[at + 1 :]


def all_damaged(rng, members):
    return [(name, HTML) for name, _ in members]


def other_name(rng, members):
    name = rng.choice(_NAMES).decode("utf-8", "surrogateescape")
    return _insert(rng, members, (name, photo_archives.draw("roses", 1)))


def special_member(rng, members):
    member = tarfile.TarInfo("flower_photos/roses/%d.jpg" % rng.randrange(9))
    member.type = rng.choice(_KINDS)
    member.linkname = rng.choice(_TARGETS)
    member.size = rng.choice((0, 0, 0, 512, 10**7, 10**13))
    return _insert(rng, members, member)


def duplicate_name(rng, members):
    return members + [(name, HTML) for name, _ in members[-1:]]


def one_class_only(rng, members):
    return [one for one in members if "/roses/" in one[0]]


def one_photo_only(rng, members):
    return members[-1:]


def no_members(rng, members):
    return []


def photos_at_the_top(rng, members):
    return [(os.path.basename(name), content) for name, content in members]


def many_classes(rng, members):
    content = photo_archives.draw("roses", 1)
    return [("photos/class %d/1.jpg" % n, content) for n in range(rng.randrange(2, 200))]


def file_and_folder(rng, members):
    """A name that is a photo's and a folder's at the same time."""
    return _insert(rng, members, ("flower_photos/roses.jpg/1.jpg", HTML))


def _insert(rng, members, member):
    at = rng.randrange(len(members) + 1)
    return members[:at] + [member] + members[at:]


_OF_FILES = [
    nothing_changed, other_content, damaged_photo, all_damaged, one_class_only, one_photo_only,
    photos_at_the_top, many_classes, file_and_folder,
]  # fmt: skip
_OF_MEMBERS = _OF_FILES + [other_name, duplicate_name, no_members, special_member]


def _tar(rng, members):
    buffer = io.BytesIO()
    kind = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(
        fileobj=buffer, mode="w", format=kind, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                buffer.write(member.tobuf(tarfile.GNU_FORMAT))
                continue
            photo_archives.add_file(tar, *member)
    return buffer.getvalue()


def _damaged(rng, content, names):
    damage = rng.choice((truncated, flipped_bytes, zeroed, doubled, swapped))
    names.append(damage.__name__)
    return damage(rng, content) if content else content


def truncated(rng, content):
    return content[: rng.randrange(len(content))]


def flipped_bytes(rng, content):
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 3, 20))):
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    return bytes(content)


def zeroed(rng, content):
    start = rng.randrange(len(content))
    length = min(rng.choice((1, 512, 5000)), len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


def doubled(rng, content):
    return content + content[rng.randrange(len(content)) :]


def swapped(rng, content):
    at = rng.randrange(len(content))
    return content[at:] + content[:at]
