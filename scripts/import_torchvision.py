#!/usr/bin/env python
"""Makes a checkpoint to start from of the weights of torchvision's AlexNet."""

import checkout

if __name__ == "__main__":
    checkout.run("import_torchvision")  # Of alexnet_flowers/commands/import_torchvision.py.
