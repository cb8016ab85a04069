#!/usr/bin/env python
"""Draws what TensorBoard shows of runs, their confusion matrices, and the network itself."""

import checkout

if __name__ == "__main__":
    checkout.run("make_figures")  # Of alexnet_flowers/commands/make_figures.py.
