#!/usr/bin/env python
"""Measures the speed, each figure side by side with what it replaces, in one run."""

import checkout

if __name__ == "__main__":
    checkout.run("benchmark")  # Of alexnet_flowers/commands/benchmark.py.
