"""docs/results.md: its tables are those of the files in docs/results, with every run's origin."""

import glob
import importlib.util
import json
import os

import numpy as np
import pytest
from conftest import ROOT

FOLDER = os.path.join(ROOT, "docs", "results")


@pytest.fixture(scope="module")
def make_tables():
    spec = importlib.util.spec_from_file_location("make_tables", FOLDER + "/make_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_files(make_tables):
    with open(make_tables.PAGE, encoding="utf-8") as file:
        page = file.read()
    assert page.count("<!-- table: ") == len(make_tables._TABLES) + 8
    assert make_tables.rebuilt(page) == page  # Otherwise: make results


def test_time_to_accuracy_is_that_of_the_first_evaluation_that_reached_it(make_tables, monkeypatch):
    curve = {"step": np.array([10, 20, 40]), "accuracy": np.array([0.5, 0.82, 0.81])}
    known = {"label": "a", "card": "b", "steps": 40, "wall_time": "1 h 20 min, one core*"}
    monkeypatch.setattr(make_tables, "_columns", lambda name: curve)
    monkeypatch.setattr(make_tables, "_known", lambda run: known)
    assert make_tables.table_of_time_to_accuracy()[-1] == (
        "| a | b | 40.0 min (step 20) | never | 0.820: 40.0 min (step 20) |"
    )


def test_folds_count_by_their_photos(make_tables, monkeypatch):
    def known(fold):
        one = {"num_images": 30 if fold == "fold_1" else 10, "recall_at_2": 0.9}
        one.update(accuracy=0.7 if fold == "fold_1" else 0.875, cross_entropy=0.5)
        return {"evaluations": {"validation": one, "validation_259px_mirrored": one}}

    monkeypatch.setattr(make_tables, "_known", known)
    assert make_tables.table_of_folds()[-1] == (
        "| all | 70 | 0.800 | 0.900 | 0.500 | 0.800 | 0.900 | 0.500 |"
    )


def test_a_table_is_replaced_and_nothing_else(make_tables):
    old = "before\n\n<!-- table: paper -->\n| of | old |\n| --- | --- |\n\nafter | all\n"
    new = "\n".join(["before", "", "<!-- table: paper -->", *make_tables.table_of_runs("paper")])
    assert make_tables.rebuilt(old) == new + "\n\nafter | all\n"


PATHS = sorted(glob.glob(os.path.join(FOLDER, "*.json")))  # In one order in all processes of xdist.


@pytest.mark.parametrize("path", PATHS, ids=os.path.basename)
def test_every_run_says_where_it_is_from(path):
    with open(path, encoding="utf-8") as file:
        known = json.load(file)
    assert {"command", "commit", "machine", "photos", "run", "seed", "evaluations"} <= set(known)
    assert known["command"].startswith("python scripts/") and known["evaluations"]
    assert "--seed %d" % known["seed"] in known["command"] or "evaluate.py" in known["command"]
