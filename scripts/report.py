#!/usr/bin/env python
"""Reports on a run in one HTML file, which needs no network: all that there is to see of it."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("report")  # Of alexnet_flowers/commands/report.py.
