#!/usr/bin/env python
"""Exports a trained network as frozen GraphDefs, a SavedModel, and for other programs."""

import checkout

if __name__ == "__main__":
    checkout.run("export")  # Of alexnet_flowers/commands/export.py.
