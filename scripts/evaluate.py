#!/usr/bin/env python
"""Evaluates a checkpoint on every photo of a split, each counted once."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("evaluate")  # Of alexnet_flowers/commands/evaluate.py.
