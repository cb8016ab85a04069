#!/usr/bin/env python
"""Draws what TensorBoard shows of runs, their confusion matrices, and the network itself."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("make_figures")  # Of alexnet_flowers/commands/make_figures.py.
