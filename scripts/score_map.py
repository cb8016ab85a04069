#!/usr/bin/env python
"""Draws the class scores at every place of a photo, all of them from one pass."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("score_map")  # Of alexnet_flowers/commands/score_map.py.
