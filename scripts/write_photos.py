#!/usr/bin/env python
"""Writes the photos of a split as files, as any program takes them: <class>/<photo>.jpg."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("write_photos")  # Of alexnet_flowers/commands/write_photos.py.
