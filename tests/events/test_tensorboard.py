"""TensorBoard shows a run's scalars, images, histograms, distributions, graph and projector."""

import os
import subprocess
import sys

import browser
import pytest
import requests
from PIL import Image
from processes import SCRIPTS

pytestmark = pytest.mark.skipif(not browser.PROGRAM, reason="there is no browser")


@pytest.fixture(scope="module")
def run_module_script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")

    def run(name, *args):
        subprocess.run(
            [sys.executable, os.path.join(SCRIPTS, name + ".py"), "--device", "cpu", *args],
            cwd=str(folder),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def address(run_module_script, tiny_dataset):
    """The address of a TensorBoard that shows a run of three steps, evaluated and embedded."""
    run_module_script(
        "train", "--dataset_dir", tiny_dataset, "--run_name", "short", "--image_size", "195",
        "--batch_size", "2", "--max_number_of_steps", "3", "--save_summaries_secs", "0.001",
        "--save_histograms_secs", "0.001",
    )  # fmt: skip
    run_module_script("evaluate")
    run_module_script("embed")
    port_flags = ["--host", "127.0.0.1", "--port", "0", "--samples_per_plugin", "images=100000"]
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", "runs/summaries", *port_flags],
        cwd=str(run_module_script.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        for line in server.stderr:
            if "http://127.0.0.1:" in line:
                break
        address = line[line.index("http://") :].split()[0]

        def ask(what):
            return requests.get(address + "data/" + what, timeout=10).json()

        # It reads the events, and looks for embeddings, while it already answers.
        browser.wait_for(lambda: len(ask("runs")) == 3 and ask("plugins_listing")["projector"])
        yield address
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def show(address, tmp_path):
    def opened(tab):
        return browser.opened(address + "#" + tab, str(tmp_path / "browser"))

    return opened


def test_scalars(show):
    with show("scalars") as page:
        page.wait_for_text("short", "short/validation", "losses", "metrics", "throughput")
        text = page.text()
        groups = ["losses", "metrics", "optimizer", "sparsity", "throughput"]
        places = [text.index("\n%s\n" % group) for group in groups]
        assert places == sorted(places)


def test_images_have_a_tag_for_each_position(show):
    with show("images") as page:
        page.wait_for_text("predictions/0", "predictions/1", "raw", "preprocessed")
        browser.wait_for(lambda: len(page.loaded_images()) >= 2)
        width, height = page.loaded_images()[0]
        assert width > 192 and height > width  # A card: the image, the softmax below.


@pytest.mark.parametrize("tab", ["histograms", "distributions"])
def test_histograms_and_distributions(show, tab):
    with show(tab) as page:
        page.wait_for_text("activations", "parameters", "activations/alexnet_v2/conv1")


def test_the_graph_reads_from_bottom_to_top(show, tmp_path):
    way = ["input", "alexnet_v2", "losses", "gradients", "optimizer"]

    def is_in_order():  # Once it has been laid out and has come to rest.
        boxes = page.positions("g.core g.node")  # None laid aside.
        return set(way) <= set(boxes) and all(
            boxes[below][1] > boxes[above][3] for below, above in zip(way, way[1:])
        )

    with show("graphs") as page:
        page.wait_for_text("Main Graph", "alexnet_v2", "optimizer")
        browser.wait_for(is_in_order)
        picture = tmp_path / "graph.png"
        picture.write_bytes(page.screenshot())
    with Image.open(str(picture)) as image:
        assert image.width == 1400 and len(image.getcolors(10**6)) > 50


def test_projector(show):
    with show("projector") as page:
        page.wait_for_text("fc7, step 3", "metadata.tsv", "Points:\n5", "Dimension:\n4096")
