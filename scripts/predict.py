#!/usr/bin/env python
"""Says what a trained network takes photos for."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("predict")  # Of alexnet_flowers/commands/predict.py.
