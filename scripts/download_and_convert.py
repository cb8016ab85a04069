#!/usr/bin/env python
"""Downloads the Flowers photos, or takes yours, and converts them to TFRecords."""

import checkout

if __name__ == "__main__":
    checkout.run("download_and_convert")  # Of alexnet_flowers/commands/download_and_convert.py.
