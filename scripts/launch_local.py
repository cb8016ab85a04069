#!/usr/bin/env python
"""Trains with several processes on this machine, as it is done on several machines."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("launch_local")  # Of alexnet_flowers/commands/launch_local.py.
