"""The Makefile finds a Python that runs, whatever else is on the path."""

import os
import shutil
import stat
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile, in a path with a space and an umlaut, and an empty ``bin``."""
    folder = tmp_path / "ein Übungsplatz"
    (folder / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(os.path.join(ROOT, name), str(folder))
    (folder / "tests").mkdir()
    shutil.copy(os.path.join(ROOT, "tests", "requirements.txt"), str(folder / "tests"))
    return folder


def program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def python(path, version):
    """A stand-in that answers the Makefile's question, and stops at everything else."""
    wanted = "3, 6), (3, 7" if version in ("3.6", "3.7") else None
    status = 0 if wanted else 1
    program(path, 'case "$1" in -c) exit %d;; *) echo "ran $0 $*"; exit 77;; esac\n' % status)


def make(checkout, *args):
    system = checkout / "system"
    if not system.exists():
        system.mkdir()
        for name in ("sh", "make", "cat", "rm", "grep", "sed", "expand", "echo"):
            os.symlink(shutil.which(name), str(system / name))
    return subprocess.run(  # noqa: UP022 - Python 3.6 has no capture_output.
        [str(system / "make"), *args],
        cwd=str(checkout),
        env={"PATH": "%s:%s" % (checkout / "bin", system), "HOME": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_help_lists_the_targets(checkout):
    out = make(checkout, "help").stdout
    for target in "install demo train evaluate tensorboard lint test bench clean".split():
        assert "\n%s " % target in "\n" + out


def test_a_given_python_is_taken_or_refused(checkout):
    python(checkout / "my python", "3.7")
    assert (
        "ran ./my python -m venv --clear .venv"
        in make(checkout, "install", "PYTHON=./my python").stdout
    )
    refused = make(checkout, "install", "PYTHON=/nowhere/python")
    assert refused.returncode and "PYTHON=/nowhere/python: not a Python" in refused.stderr


def test_python37_on_the_path_is_first(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.6", "3.6")
    assert "on python3.7\n" in make(checkout, "install").stdout


def test_a_shim_that_refuses_does_not_count(checkout):
    program(
        checkout / "bin" / "python3.7", 'echo "pyenv: python3.7: command not found"; exit 127\n'
    )
    program(checkout / "bin" / "pyenv", 'echo "%s/pyenv root"\n' % checkout)
    python(checkout / "pyenv root" / "versions" / "3.7.16" / "bin" / "python", "3.7")
    assert "pyenv root/versions/3.7.16/bin/python\n" in make(checkout, "install").stdout


def test_uv_is_asked_after_pyenv(checkout):
    python(checkout / "uv's" / "python", "3.7")
    program(
        checkout / "bin" / "uv",
        '[ "$*" = "python find 3.7" ] && echo "%s/uv\'s/python"\n' % checkout,
    )
    assert "uv's/python\n" in make(checkout, "install").stdout


def test_python36_is_the_last_choice(checkout):
    program(checkout / "bin" / "pyenv", 'echo "%s/root"\n' % checkout)
    python(checkout / "root" / "versions" / "3.6.15" / "bin" / "python", "3.6")
    assert "versions/3.6.15/bin/python\n" in make(checkout, "install").stdout


def test_without_any_two_lines_say_how_to_get_one(checkout):
    python(checkout / "bin" / "python3.7", "3.8")
    ended = make(checkout, "install")
    lines = [line for line in ended.stderr.split("\n") if line and not line.startswith("make")]
    assert ended.returncode and len(lines) == 2
    assert lines[0] == "No Python 3.7 found, which TensorFlow 1.15 needs."
    assert "uv python install 3.7" in lines[1] and "PYTHON=" in lines[1]
    assert not (checkout / ".venv").exists()
