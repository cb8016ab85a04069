#!/usr/bin/env python
"""Lays photos out for the Projector tab of TensorBoard."""

import checkout

if __name__ == "__main__":
    checkout.run("embed")  # Of alexnet_flowers/commands/embed.py.
