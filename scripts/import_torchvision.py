#!/usr/bin/env python
"""Makes a checkpoint to start from of the weights of torchvision's AlexNet."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("import_torchvision")  # Of alexnet_flowers/commands/import_torchvision.py.
