#!/usr/bin/env python
"""Estimates what several machines bring, from the time that a step computes and the bandwidth."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("estimate_scaling")  # Of alexnet_flowers/commands/estimate_scaling.py.
