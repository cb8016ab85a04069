"""The report of a run: everything is in the one file, and a browser shows it."""

import base64
import os
import re
from html.parser import HTMLParser

import browser
import event_files
import pytest
from saved_checkpoints import copy_of_other_photos

from alexnet_flowers.events import tensorboard_views

SECTIONS = [
    "Settings", "Curves", "Distributions", "Classes", "Worst mistakes", "Explanations", "Kernels",
    "What units like", "Dead units", "Commands",
]  # fmt: skip


class Links(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self, text):
        super().__init__()
        self.targets = {"src": [], "href": []}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in self.targets:
                self.targets[name].append(value)


@pytest.fixture(scope="module")
def path(run_script_in, random_run, tiny_dataset, tmp_path_factory):
    """The report of a run's checkpoint on other photos than the run's."""
    folder = tmp_path_factory.mktemp("report")
    parent = str(folder / "checkpoints")
    mine = copy_of_other_photos(random_run, os.path.join(parent, "random"))
    event_files.write_run(folder / "summaries", "random")
    done = run_script_in(
        folder, "report", "--checkpoints_dir", parent,
        "--summaries_dir", "summaries", "--dataset_dir", tiny_dataset, "--device", "cpu",
        "--max_units", "2", "--checkpoint_path", mine,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = done.stdout.split(":")[0]
    assert re.match("runs/reports/validation_on_flowers_[0-9a-f]{6}_random_7.html$", name)
    return str(folder / name)


def test_nothing_is_loaded_from_elsewhere(path):
    assert os.path.getsize(path) < 10e6
    with open(path, encoding="utf-8") as file:
        text = file.read()
    targets = Links(text).targets
    assert len(targets["src"]) >= 12 and all(
        one.startswith("data:image/") for one in targets["src"]
    )
    assert len(targets["href"]) == len(SECTIONS)
    assert all(one.startswith("#") for one in targets["href"])
    assert "url(" not in text and "<script" not in text and "@import" not in text
    assert re.search("Step 7; validation_on_flowers_[0-9a-f]{6}, 5 photos: accuracy ", text)
    # Of more than 60 classes the confusion matrix names ids.
    assert "<th>id</th><th>class</th>" in text and "<td>4</td><td>tulips</td>" in text
    commands = re.findall("python scripts/.*", text)
    assert commands[1].startswith("python scripts/evaluate.py --run_name random ")
    assert " --checkpoints_dir=" in commands[1]
    assert len(commands) == 7
    for flag in ("--checkpoint_path ", "--dataset_dir ", "--split validation"):
        assert all(flag in one for one in commands[1:])


def test_its_curves_are_smoothed_as_make_figures_does(path):
    with open(path, encoding="utf-8") as file:
        curves = Links(file.read()).targets["src"][0]
    svg = base64.b64decode(curves.split(",")[1]).decode("utf-8")
    assert "<!-- training, smoothed, %g -->" % tensorboard_views.SMOOTHING in svg


@pytest.mark.skipif(not browser.PROGRAM, reason="there is no browser")
def test_a_browser_shows_all_of_it(path, tmp_path):
    with open(path, encoding="utf-8") as file:
        number = file.read().count("<img ")
    with browser.opened("file://" + path, str(tmp_path)) as page:
        page.wait_for_text("Run random", *SECTIONS)
        browser.wait_for(lambda: len(page.loaded_images()) == number)
