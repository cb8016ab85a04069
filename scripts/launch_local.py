#!/usr/bin/env python
"""Trains with several processes on this machine, as it is done on several machines."""

import checkout

if __name__ == "__main__":
    checkout.run("launch_local")  # Of alexnet_flowers/commands/launch_local.py.
