"""Flags are read, and mistakes in them told, before TensorFlow is loaded, which takes seconds."""

import subprocess
import sys

from conftest import ROOT

# Each command in a process of its own, as its flags can be defined once only.
IMPORTED = """
import importlib, os, sys
from alexnet_flowers import commands, tf1
from alexnet_flowers.commands import runner  # What they share need not be imported by each.
from alexnet_flowers.pictures import curves

for name in commands.NAMES:
    if not os.fork():
        importlib.import_module("alexnet_flowers.commands." + name)
        if tf1._loaded or "tensorflow" in sys.modules:
            print(name, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def test_no_command_loads_tensorflow_for_its_flags():
    printed = subprocess.check_output([sys.executable, "-c", IMPORTED], cwd=ROOT, encoding="utf-8")
    assert printed == ""
