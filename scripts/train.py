#!/usr/bin/env python
"""Trains AlexNet v2 on the converted photos."""

import checkout

if __name__ == "__main__":
    checkout.run("train")  # Of alexnet_flowers/commands/train.py.
