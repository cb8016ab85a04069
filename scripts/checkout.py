"""Lets the scripts run from a plain checkout: the package need not be installed."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from alexnet_flowers.commands import run

__all__ = ["run"]
