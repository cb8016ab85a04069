"""The notebook runs from its first cell to its last, and what is kept of its outputs is small."""

import json
import os

import pytest
from conftest import ROOT

PATH = os.path.join(ROOT, "docs", "walkthrough.ipynb")
# So that it takes seconds; each is there once.
QUICKLY = [
    ("NUM_STEPS = 100", "NUM_STEPS = 2"),
    ("batch_size=32", "batch_size=2"),
    ("use_sample=True", "archive=%r"),
]


def test_it_runs(tiny_archive, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # Not a kernel of the user's.
    monkeypatch.setenv("PYTHONPATH", ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    with open(PATH, encoding="utf-8") as file:
        text = file.read()
    for there, instead in QUICKLY:
        assert text.count(there) == 1
        text = text.replace(there, instead % tiny_archive if "%" in instead else instead)
    notebook = nbformat.reads(text, 4)
    where = {"metadata": {"path": str(tmp_path)}}
    # As long as the tests wait for any process; its own are 60 s and 4 s.
    limits = dict(timeout=300, startup_timeout=300, iopub_timeout=300)
    nbclient.NotebookClient(notebook, kernel_name="python3", resources=where, **limits).execute()
    pictures = [
        one
        for cell in notebook.cells
        for one in cell.get("outputs", [])
        if "image/png" in one.get("data", {})
    ]
    assert len(pictures) >= 10
    assert (tmp_path / "runs" / "checkpoints" / "walkthrough" / "model.ckpt-2.index").exists()


def test_its_outputs_are_small():
    assert os.path.getsize(PATH) < 1.5e6
    with open(PATH, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    for cell in cells:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            assert len(json.dumps(output)) < 300e3
