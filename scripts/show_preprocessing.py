#!/usr/bin/env python
"""Shows what the inception preprocessing does to a photo."""

import checkout

if __name__ == "__main__":
    checkout.run("show_preprocessing")  # Of alexnet_flowers/commands/show_preprocessing.py.
