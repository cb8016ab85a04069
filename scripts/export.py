#!/usr/bin/env python
"""Exports a trained network as frozen GraphDefs, a SavedModel, and for other programs."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("export")  # Of alexnet_flowers/commands/export.py.
