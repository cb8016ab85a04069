#!/usr/bin/env python
"""Shows what has become of a network: kernels, feature maps, units that never fire."""

import checkout

if __name__ == "__main__":
    checkout.run("inspect_network")  # Of alexnet_flowers/commands/inspect_network.py.
