#!/usr/bin/env python
"""Draws the class scores at every place of a photo, all of them from one pass."""

import checkout

if __name__ == "__main__":
    checkout.run("score_map")  # Of alexnet_flowers/commands/score_map.py.
