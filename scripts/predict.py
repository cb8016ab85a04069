#!/usr/bin/env python
"""Says what a trained network takes photos for."""

import checkout

if __name__ == "__main__":
    checkout.run("predict")  # Of alexnet_flowers/commands/predict.py.
