"""The digest by which a file is recognized."""

import hashlib

from alexnet_flowers import atomic

_CHUNK_BYTES = 1 << 16


def sha256_of(path):
    """Returns the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file, atomic.naming(path):
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
    return digest.hexdigest()
