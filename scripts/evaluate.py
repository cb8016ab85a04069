#!/usr/bin/env python
"""Evaluates a checkpoint on every photo of a split, each counted once."""

import checkout

if __name__ == "__main__":
    checkout.run("evaluate")  # Of alexnet_flowers/commands/evaluate.py.
