#!/usr/bin/env python
"""Writes the photos of a split as files, as any program takes them: <class>/<photo>.jpg."""

import checkout

if __name__ == "__main__":
    checkout.run("write_photos")  # Of alexnet_flowers/commands/write_photos.py.
