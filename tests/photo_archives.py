"""Small archives of photos for the tests, the same bytes every time."""

import gzip
import io
import struct
import tarfile
import zlib

from PIL import Image, ImageDraw

CLASS_NAMES = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
PHOTOS_PER_CLASS = 6

# Wide and tall, so that height and width cannot be mixed up unnoticed.
SIZES_PX = [(60, 40), (48, 64)]

# One beside the official members that cannot be decoded.
BAD_PHOTO = ("flower_photos/roses/bad.jpg", b"<html>Not found</html>")

_COLORS = [(240, 240, 240), (120, 120, 110), (200, 20, 40), (250, 200, 20), (220, 80, 170)]


def encode(image, image_format="JPEG", **options):
    """Returns the bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def draw(class_name, number):
    """Returns the JPEG of a disc in its class's color, another one for each number."""
    label = CLASS_NAMES.index(class_name)
    width_px, height_px = SIZES_PX[number % 2]
    image = Image.new("RGB", (width_px, height_px), (30, 90 + 10 * number, 40))
    left, top = 4 + 2 * number, 3 + number
    ImageDraw.Draw(image).ellipse((left, top, left + 28, top + 28), fill=_COLORS[label])
    return encode(image, quality=90)


def png_claiming(width_px, height_px):
    """Returns a PNG that says it has so many pixels but holds next to none."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


def official_members():
    """Returns ``[(member name, bytes), ...]`` in the layout of the official archive."""
    members = [("flower_photos/LICENSE.txt", b"All photos in this archive are licensed ...\n")]
    for class_name in CLASS_NAMES:
        for number in range(PHOTOS_PER_CLASS):
            name = "flower_photos/%s/%d_n.jpg" % (class_name, 1000 + number)
            members.append((name, draw(class_name, number)))
    return members


def official_photos():
    """Returns the photos among them, ``{<class>/<name>: bytes}``."""
    return {
        name.partition("/")[2]: content
        for name, content in official_members()
        if name.endswith(".jpg")
    }


def write_files(folder, files):
    """Writes ``{path: bytes}`` into a folder (a ``Path``), which it makes, and returns it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_tgz(path, members):
    """Writes files (given their bytes) and other members (given as TarInfo) to a .tgz."""
    with open(str(path), "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            packed.write(tar_bytes(members))
    return str(path)


def tar_bytes(members):
    """Returns the bytes of an uncompressed tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            add_file(tar, *member)
    return buffer.getvalue()


def add_file(tar, name, content):
    """Adds a file to an open ``tarfile.TarFile``."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
