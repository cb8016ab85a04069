#!/usr/bin/env python
"""Shows what the units of a layer like: the patches of photos that excite each of them most."""

import checkout

if __name__ == "__main__":
    checkout.run("show_patches")  # Of alexnet_flowers/commands/show_patches.py.
