"""The built-in sample: flowers drawn by a program, in the layout of the official archive.

It makes the whole path runnable without a download. Five classes under the official names,
each with its own petals, colors and habit, at random places, sizes and turns before a random
garden, so that a network has to look at the flower and can learn to within minutes.
"""

import io
import math
import random
import tarfile

from PIL import Image, ImageDraw, ImageFilter

from alexnet_flowers import atomic

PHOTOS_PER_CLASS = 120
_WIDTH_PX, _HEIGHT_PX = 320, 240


def write_archive(path, photos_per_class=PHOTOS_PER_CLASS, seed=0):
    """Draws the sample as a tar archive at ``path``; the same bytes for the same seed."""
    with atomic.opened(path, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for class_name in sorted(_FLOWERS):
                for number in range(photos_per_class):
                    member = tarfile.TarInfo(
                        "flower_photos/%s/drawn_%04d.jpg" % (class_name, number)
                    )
                    encoded = draw(class_name, "%d/%s/%d" % (seed, class_name, number))
                    member.size = len(encoded)
                    tar.addfile(member, io.BytesIO(encoded))


def draw(class_name, seed):
    """Draws one flower of a class; returns the bytes of a JPEG of 320x240 px.

    Args:
      class_name: one of the five official class names.
      seed: anything ``random.Random`` takes; the same seed draws the same picture.
    """
    rng = random.Random(seed)
    image = _garden(rng)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.choice((1, 1, 2))):
        radius = rng.uniform(45, 85)
        center = (rng.uniform(0.25, 0.75) * _WIDTH_PX, rng.uniform(0.3, 0.6) * _HEIGHT_PX)
        _stem(pen, rng, center)
        _FLOWERS[class_name](pen, rng, center, radius)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _garden(rng):
    """Returns a blurred meadow or sky, the same for all classes."""
    ground = rng.choice(((70, 110, 50), (90, 100, 80), (120, 150, 190), (60, 70, 60)))
    image = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX), ground)
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.uniform(0, _WIDTH_PX), rng.uniform(0, _HEIGHT_PX)
        size = rng.uniform(5, 40)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=_near(rng, ground, 40))
    return image.filter(ImageFilter.GaussianBlur(6))


def _near(rng, color, spread):
    return tuple(max(0, min(255, int(c + rng.uniform(-spread, spread)))) for c in color)


def _stem(pen, rng, center):
    foot = center[0] + rng.uniform(-30, 30)
    pen.line((center, (foot, _HEIGHT_PX)), fill=_near(rng, (60, 130, 50), 20), width=7)


def _petal(center, angle, length, width, tip=0.5):
    """Returns the outline of a petal: points on both sides of a line from the center outwards."""
    along = (math.cos(angle), math.sin(angle))
    across = (-along[1], along[0])
    outline = []
    for side, steps in ((1, range(0, 13)), (-1, range(12, -1, -1))):
        for step in steps:
            t = step / 12.0
            w = side * width * math.sin(math.pi * t**tip)
            outline.append(
                (
                    center[0] + along[0] * length * t + across[0] * w,
                    center[1] + along[1] * length * t + across[1] * w,
                )
            )
    return outline


def _disc(pen, center, radius, fill):
    x, y = center
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _daisy(pen, rng, center, radius):
    count, turn = rng.randint(14, 20), rng.uniform(0, math.pi)
    for i in range(count):
        petal = _petal(center, turn + 2 * math.pi * i / count, radius, radius * 0.11)
        pen.polygon(petal, fill=_near(rng, (242, 242, 245), 10))
    _disc(pen, center, radius * 0.27, _near(rng, (235, 190, 40), 15))


def _dandelion(pen, rng, center, radius):
    """A seed head: fine grey-white rays that end in dots."""
    white = _near(rng, (225, 225, 225), 15)
    for _ in range(90):
        angle = rng.uniform(0, 2 * math.pi)
        reach = radius * rng.uniform(0.55, 1.0)
        end = (center[0] + reach * math.cos(angle), center[1] + reach * math.sin(angle))
        pen.line((center, end), fill=white, width=1)
        _disc(pen, end, 2.5, white)
    _disc(pen, center, radius * 0.13, (110, 90, 60))


def _rose(pen, rng, center, radius):
    """Red rings that wind inwards."""
    base = _near(rng, (190, 25, 45), 20)
    turn = rng.uniform(0, 2 * math.pi)
    for ring in range(7):
        size = radius * (1 - ring / 7.5)
        shade = tuple(int(c * (0.65 + 0.35 * (ring % 2))) for c in base)
        shift = radius * 0.07
        at = (
            center[0] + shift * math.cos(turn + ring * 2.1),
            center[1] + shift * math.sin(turn + ring * 2.1),
        )
        _disc(pen, at, size, shade)


def _sunflower(pen, rng, center, radius):
    count, turn = rng.randint(18, 24), rng.uniform(0, math.pi)
    for i in range(count):
        petal = _petal(center, turn + 2 * math.pi * i / count, radius, radius * 0.13)
        pen.polygon(petal, fill=_near(rng, (250, 195, 20), 15))
    _disc(pen, center, radius * 0.52, _near(rng, (75, 45, 20), 12))


def _tulip(pen, rng, center, radius):
    """A cup of three upright petals, pink to violet."""
    color = rng.choice(((225, 90, 160), (200, 70, 190), (240, 130, 170)))
    foot = (center[0], center[1] + radius * 0.8)
    for lean in (-0.38, 0.38, 0.0):
        petal = _petal(foot, -math.pi / 2 + lean, radius * 1.7, radius * 0.42, tip=0.75)
        pen.polygon(petal, fill=_near(rng, color, 18))


_FLOWERS = {
    "daisy": _daisy,
    "dandelion": _dandelion,
    "roses": _rose,
    "sunflowers": _sunflower,
    "tulips": _tulip,
}
