"""README and docs: links lead somewhere; commands name scripts, flags and targets that exist."""

import glob
import json
import os
import re

import pytest
from conftest import ROOT
from processes import said_of_each_command

PAGES = sorted(
    os.path.relpath(path, ROOT)
    for pattern in ("*.md", "docs/*.md")
    for path in glob.glob(os.path.join(ROOT, pattern))
)
COMMAND = re.compile(r"(?:(python scripts/)|\b)(\w+)\.py\b(.*)|\balexnet-flowers (\w+)(.*)")
SAY_FLAGS = """
import json
from absl import flags
print(json.dumps([name, list(flags.FLAGS)]))
"""
ABSL_FLAGS = {"help", "helpfull", "flagfile"}


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def without_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """Returns the anchors that GitHub gives the headings of a page."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.append(anchor if anchor not in found else "%s-%d" % (anchor, found.count(anchor)))
    return found


def lines_of_code(text):
    """Yields the lines of a page's blocks of code, joined where they go on, and its code spans."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"(?:^ {4}.*\n)+", without_blocks(text), re.MULTILINE)
    for block in blocks:
        block = re.sub(r"\\\n\s*", " ", block)
        for name, value in re.findall(r'^(\w+)="([^"]*)"$', block, re.MULTILINE):
            block = re.sub(r"\$%s\b" % name, value, block)
        for line in block.splitlines():
            yield line.split(" #")[0].strip()
    for span in re.findall(r"`([^`]+)`", without_blocks(text)):
        yield " ".join(span.split())


def is_command(name):
    return os.path.exists(os.path.join(ROOT, "scripts", name + ".py"))


@pytest.fixture(scope="module")
def flags_of():
    """The flags of each command, by its name."""
    said = map(json.loads, said_of_each_command(SAY_FLAGS).splitlines())
    return {name: ABSL_FLAGS.union(names) for name, names in said}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", without_blocks(read(page))):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        linked = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert os.path.exists(os.path.join(ROOT, linked)), target
        assert not anchor or anchor in anchors(read(linked)), target


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_flags_exist(page, flags_of):
    for line in lines_of_code(read(page)):
        for is_script, module, words, installed, more_words in COMMAND.findall(line):
            name = module or installed
            if is_script or installed:
                assert is_command(name), line
            if not is_command(name):
                continue  # A module's file.
            own, _, of_training = (words or more_words).partition(" -- ")
            for part, command in ((own, name), (of_training, "train")):
                for flag in re.findall(r"(?<!\S)--(\w+)", part):
                    known = flags_of[command]
                    assert flag in known or (flag[:2] == "no" and flag[2:] in known), line


@pytest.mark.parametrize("page", PAGES)
def test_make_has_the_targets(page):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for line in lines_of_code(read(page)):
        for words in re.findall(r"(?:^|&& )make((?: [a-z]+\b(?![\w=./-]))+)", line):
            assert set(words.split()) <= targets, line


def test_the_contents_name_every_page():
    for name in set(os.listdir(os.path.join(ROOT, "docs"))) - {"README.md"}:
        assert "](%s)" % name in read("docs", "README.md"), name


@pytest.mark.parametrize("page", PAGES)
def test_named_modules_exist(page):
    for module in re.findall(r"`(?:alexnet_flowers/)?((?:\w+/)+\w+\.py)`", read(page)):
        assert any(
            os.path.exists(os.path.join(ROOT, parent, module)) for parent in ("", "alexnet_flowers")
        ), module


def test_the_way_of_a_photo_names_every_module():
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", read("docs", "way_of_a_photo.md")))
    package = os.path.join(ROOT, "alexnet_flowers")
    for path in glob.glob(os.path.join(package, "**", "[!_]*.py"), recursive=True):
        module = os.path.relpath(path, package)
        # By itself, beside the name of its folder, or as one of a package that is named as a whole.
        ways = {module, os.path.basename(module), module.split("/")[0] + "/"}
        assert ways & named, module
