"""What a file is that is no photo, by its first bytes: names are for people."""

import re

_SAVE_AS_JPEG = "%s, which cannot be decoded here; save it as a JPEG"
_NO_PHOTO = "%s, not a photo"
_RAW = "a camera's raw photo"
RAW = _SAVE_AS_JPEG % _RAW

# Regular expressions of how files begin; the first that fits is taken.
_IMAGES = (
    (rb"....ftyp(.{8,40})?avi[fs]", "an AVIF photo"),
    (rb"....ftyp(hei[cxms]|hev[cmsx]|mi[fa]1|msf1)", "a HEIC photo"),
    (rb"....ftypcrx |II\*\0....CR\x02|FUJIFILMCCD-RAW|II(RO|U\0)", _RAW),
    (rb"8BPS", "a Photoshop picture"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL photo"),
    (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ", "a JPEG 2000 photo"),
    (rb"gimp xcf", "a GIMP picture"),
    (rb"\0\0\x01\0[\x01-\xff]\0", "an icon"),
    (rb"P[1-7]\s", "a PNM picture"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", "an SVG drawing"),
    (rb"%!PS", "a PostScript drawing"),
    (rb"%PDF-", "a PDF document"),
)
_OTHERS = (
    (rb"....ftyp|....(moov|mdat)|\x1aE\xdf\xa3|RIFF....AVI |FLV|\0\0\x01[\xb3\xba]", "a video"),
    (rb"RIFF....WAVE|ID3|OggS|fLaC|FORM....AIF", "a sound"),
    (rb"PK(\x03\x04|\x05\x06)|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar", "an archive"),
    (rb"\x7fELF|MZ|#!", "a program"),
    (rb"version https://git-lfs", "a pointer of Git LFS"),
    (rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html)", "a web page"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document, or thumbnails, of Windows"),
    (rb"\xff\xfe[^\0]\0|\xfe\xff\0[^\0]", "text"),  # In UTF-16.
)
# What Pillow decodes, if it is whole and of no rare kind.
_DECODED = rb"\x89PNG|GIF8|II\*\0|MM\0\*|RIFF....WEBP|BM.{12}[\x0c\x28\x38\x6c\x7c]\0"
_BROKEN = "cannot be decoded: it is damaged, cut off or of a rare kind"
_UNKNOWN = "not an image"
_NUM_BYTES = 1024


class BadPhotoError(Exception):
    """A photo that cannot be used; the message is the reason."""


class NotAPhotoError(BadPhotoError):
    """A file that is no photo; the message says what it is."""


def error(encoded):
    """Returns the ``BadPhotoError`` of bytes of no decoded format; it names their kind if known."""
    if not encoded:
        return BadPhotoError("an empty file")
    if not encoded.strip(b"\0"):
        return BadPhotoError("nothing but zeros, not a photo")
    begins = encoded[:_NUM_BYTES]
    name = _name(_IMAGES, begins)
    if name:
        return BadPhotoError(_SAVE_AS_JPEG % name)
    if re.match(_DECODED, begins, re.DOTALL):
        return BadPhotoError(_BROKEN)
    name = _name(_OTHERS, begins) or ("text" if _is_text(begins) else None)
    # What is not known may be a photo whose beginning is damaged.
    return NotAPhotoError(_NO_PHOTO % name) if name else BadPhotoError(_UNKNOWN)


def _name(kinds, begins):
    flags = re.DOTALL | re.IGNORECASE
    return next((name for pattern, name in kinds if re.match(pattern, begins, flags)), None)


def _is_text(begins):
    try:
        # The last character may be cut off.
        text = begins.decode("utf-8", "strict" if len(begins) < _NUM_BYTES else "ignore")
    except UnicodeDecodeError:
        return False
    is_long_enough = len(text.encode("utf-8")) > len(begins) - 4
    return is_long_enough and not re.search("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]", text)
