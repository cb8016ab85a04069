#!/usr/bin/env python
"""Shows why a network gives photos their classes: where in each something speaks for a class."""

import checkout

if __name__ == "__main__":
    checkout.run("explain")  # Of alexnet_flowers/commands/explain.py.
