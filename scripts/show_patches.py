#!/usr/bin/env python
"""Shows what the units of a layer like: the patches of a split that excite each of them most."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("show_patches")  # Of alexnet_flowers/commands/show_patches.py.
