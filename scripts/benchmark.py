#!/usr/bin/env python
"""Measures the speed, each figure side by side with what it replaces, in one run."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("benchmark")  # Of alexnet_flowers/commands/benchmark.py.
