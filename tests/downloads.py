"""A body to download, and what a download asked for and left."""

import hashlib
import os

from alexnet_flowers.data.sources import download

# Longer than a network buffer or two, and no part of it like another.
BODY = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(10000))
SHA256 = hashlib.sha256(BODY).hexdigest()


def fetch(urls, path, **kwargs):
    download.download(urls, path, backoff_secs=0, **kwargs)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, body):
    with open(path, "wb") as file:
        file.write(body)


def ranges(server):
    return [headers.get("Range") for _, headers in server.requests]


def assert_only_file(path):
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


def assert_folder_empty(path):
    assert os.listdir(os.path.dirname(path)) == []
