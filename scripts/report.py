#!/usr/bin/env python
"""Reports on a run in one HTML file, which needs no network: all that there is to see of it."""

import checkout

if __name__ == "__main__":
    checkout.run("report")  # Of alexnet_flowers/commands/report.py.
