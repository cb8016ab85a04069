#!/usr/bin/env python
"""Lays a split's photos out for the Projector tab of TensorBoard."""

import os
import sys

# A plain checkout will do; the package need not be installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers import commands

if __name__ == "__main__":
    commands.run("embed")  # Of alexnet_flowers/commands/embed.py.
