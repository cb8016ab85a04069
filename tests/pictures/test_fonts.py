"""Pillow writes with matplotlib's font, without matplotlib being loaded for it."""

import importlib.util
import os
import subprocess
import sys

import matplotlib
from conftest import ROOT

from alexnet_flowers.pictures import fonts

FONT = os.path.join("fonts", "ttf", "DejaVuSans.ttf")


def test_it_is_matplotlibs():
    assert os.path.samefile(fonts.font(11).path, os.path.join(matplotlib.get_data_path(), FONT))


def test_matplotlib_is_asked_where_its_fonts_are_elsewhere(monkeypatch, tmp_path):
    spec = importlib.util.find_spec("matplotlib")
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert fonts._font_path() == os.path.join(matplotlib.get_data_path(), FONT)


def test_training_draws_its_cards_without_matplotlib():
    code = """
import sys
from alexnet_flowers.commands import command_line, train
from alexnet_flowers.pictures import cards
import numpy as np
cards.card(np.zeros([10, 10, 3], np.uint8), [0.4, 0.6], ["a", "b"], 0)
print([name for name in sys.modules if name.startswith("matplotlib")])
"""
    printed = subprocess.check_output(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    assert printed.strip() == "[]"
