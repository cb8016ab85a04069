#!/usr/bin/env python
"""Shows what has become of a network: kernels, feature maps, units that never fire."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("inspect_network")  # Of alexnet_flowers/commands/inspect_network.py.
