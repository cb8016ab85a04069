#!/usr/bin/env python
"""Estimates what several machines bring, from the time that a step computes and the bandwidth."""

import checkout

if __name__ == "__main__":
    checkout.run("estimate_scaling")  # Of alexnet_flowers/commands/estimate_scaling.py.
