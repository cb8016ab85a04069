#!/usr/bin/env python
"""Downloads the Flowers photos, or takes yours, and converts them to TFRecords."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("download_and_convert")  # Of alexnet_flowers/commands/download_and_convert.py.
