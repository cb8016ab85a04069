#!/usr/bin/env python
"""Shows why a network gives photos their classes: where in each something speaks for a class."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("explain")  # Of alexnet_flowers/commands/explain.py.
