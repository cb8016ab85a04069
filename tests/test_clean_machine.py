"""The scripts on a machine that has nothing prepared for them."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A copy of scripts and package in a path with a space and an umlaut, without write access."""
    folder = tmp_path / "frische Kopie \u00e4"
    for name in ("scripts", "alexnet_flowers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, name), str(folder / name), ignore=ignored)
    for path in [folder] + list(folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    for path in [folder] + list(folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


def run(checkout, folder, name, *args, **environment):
    """Runs a script in an environment that has nothing but what is given; returns its output."""
    done = subprocess.run(
        [sys.executable, str(checkout / "scripts" / (name + ".py")), *args],
        cwd=str(folder),
        env=dict({"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("environment", [{"HOME": "/proc/nowhere"}, {"LC_ALL": "C"}])
def test_conversion_needs_no_home_and_no_locale(checkout, tmp_path, tiny_archive, environment):
    folder = tmp_path / "aus gabe \u00df"
    folder.mkdir()
    out = run(
        checkout, folder, "download_and_convert", "--archive", tiny_archive,
        "--dataset_dir", "d\u00fc", "--num_validation", "5", **environment,
    )  # fmt: skip
    assert "dandelion" in out
    assert os.listdir(os.fsencode(str(folder))) == ["d\u00fc".encode("utf-8")]
