"""The scripts on a machine that has nothing prepared for them."""

import os
import shutil
import subprocess
import sys

import photo_archives
import processes
import pytest
from conftest import ROOT

# In a mount namespace of its own: only one folder can be written to, even by root.
_ONLY_HERE = (
    'mount --bind "$1" "$1" && mount -o remount,bind,ro / && cd "$1" && touch . && ! touch / '
    '2>/dev/null && shift && exec "$@"'
)


@pytest.fixture
def checkout(tmp_path):
    """A copy of scripts and package in a path with a space and an umlaut, without write access."""
    folder = tmp_path / "frische Kopie \u00e4"
    for name in ("scripts", "alexnet_flowers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, name), str(folder / name), ignore=ignored)
    there = [folder] + sorted(folder.rglob("*"))
    for path in there:
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    for path in there:
        path.chmod(path.stat().st_mode | 0o200)
    assert [folder] + sorted(folder.rglob("*")) == there  # Root may write everywhere.


def run(checkout, folder, name, *args, before=(), **environment):
    """Runs a script in an environment that has nothing but what is given; returns its output."""
    done = processes.run(
        [*before, sys.executable, checkout / "scripts" / (name + ".py"), *args],
        folder,
        stderr=subprocess.STDOUT,
        env=dict({"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}, **environment),
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


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


@pytest.mark.soak
def test_all_commands_where_nothing_else_can_be_written(checkout, tmp_path, tiny_archive, trials):
    folder = tmp_path / "nur hier \u00e4"
    (folder / "tmp").mkdir(parents=True)
    (folder / "rose.jpg").write_bytes(photo_archives.draw("roses", 1))
    only_here = ["unshare", "--mount", "sh", "-c", _ONLY_HERE, "sh", str(folder)]
    if shutil.which("unshare") is None or subprocess.call([*only_here, "true"]):
        pytest.skip("mounting is not permitted here")
    data, small = "--dataset_dir=data", ["--batch_size=2", "--image_size=195"]
    commands = [
        ("download_and_convert", "--archive", tiny_archive, data, "--num_validation=5"),
        ("show_preprocessing", "rose.jpg"),
        ("train", data, "--max_number_of_steps=2", "--common_queue_min=4", *small),
        ("evaluate", data),
        ("predict", "rose.jpg", "--sheet=sheet.png"),
        ("inspect_network", data, "rose.jpg"),
        ("embed", data, "--split=validation"),
        ("score_map", "rose.jpg"),
        ("make_figures", data),
        ("export",),
    ]
    for name, *args in commands[: trials(2, len(commands))]:
        out = run(
            checkout, folder, name, *args,
            before=only_here, HOME="/proc/nowhere", TMPDIR=str(folder / "tmp"),
        )  # fmt: skip
        assert "atplotlib" not in out and "arning" not in out, out
    assert os.listdir(str(folder / "tmp")) == []
