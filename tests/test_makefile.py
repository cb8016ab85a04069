"""The Makefile finds a Python that runs, whatever else is on the path."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile, in a path with a space and an umlaut, and an empty ``bin``."""
    folder = tmp_path / "ein Übungsplatz"
    (folder / "bin").mkdir(parents=True)
    for name in ("tests", "scripts"):
        (folder / name).mkdir()
    for name in (
        "Makefile", "requirements.txt", "requirements-tf2.txt", "tests/requirements.txt",
        "scripts/install.sh",
    ):  # fmt: skip
        shutil.copy(os.path.join(ROOT, name), str(folder / name))
    return folder


def program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def python(path, version):
    """A stand-in that says which version it is, and stops at everything else."""
    program(path, 'case "$1" in -c) echo %s;; *) echo "ran $0 $*"; exit 77;; esac\n' % version)


def make(checkout, *args, environment=()):
    system = checkout / "system"
    if not system.exists():
        system.mkdir()
        for name in "sh make cat rm grep sed expand echo head cut ls".split():
            os.symlink(shutil.which(name), str(system / name))
    return subprocess.run(  # noqa: UP022 - Python 3.6 has no capture_output.
        [str(system / "make"), *args],
        cwd=str(checkout),
        env=dict(environment, PATH="%s:%s" % (checkout / "bin", system), HOME=str(checkout)),
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
    python(checkout / "new", "3.11")
    assert "tensorflow==2.21.0 on ./new\n" in make(checkout, "install", "PYTHON=./new").stdout
    for args in (["PYTHON=/nowhere/python"], ["PYTHON=./new", "RUNTIME=tf1"]):
        refused = make(checkout, "install", *args)
        assert refused.returncode and "%s: not a Python" % args[0] in refused.stderr


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


def the_lines(stderr):
    return [line for line in stderr.split("\n") if line and not line.startswith("make")]


def test_without_python37_it_says_so_and_takes_todays_tensorflow(checkout):
    python(checkout / "bin" / "python3.7", "3.8")
    python(checkout / "bin" / "python3.12", "3.12")
    ended = make(checkout, "install")
    assert "tensorflow==2.21.0 on python3.12\n" in ended.stdout
    assert the_lines(ended.stderr) == [
        "No Python 3.7 found, which TensorFlow 1.15 needs: taking today's TensorFlow."
    ]
    refused = make(checkout, "install", "RUNTIME=tf1")
    (line,) = the_lines(refused.stderr)
    assert refused.returncode and line.startswith("No Python 3.7 found")
    assert "uv python install 3.7" in line and "PYTHON=" in line


def test_without_any_it_says_how_to_get_one(checkout):
    ended = make(checkout, "install")
    lines = the_lines(ended.stderr)
    assert ended.returncode and len(lines) == 2
    assert lines[0].startswith("No Python 3.7 found")
    assert "uv python install 3.11" in lines[1] and "PYTHON=" in lines[1]
    assert not (checkout / ".venv").exists()


def test_a_runtime_that_is_asked_for_is_taken(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    assert "tensorflow-gpu==1.15.0 on python3.7\n" in make(checkout, "install").stdout
    assert "2.21.0 on python3.11\n" in make(checkout, "install", "RUNTIME=tf2").stdout
    intel = make(checkout, "install", "TENSORFLOW=intel-tensorflow==1.15.2").stdout
    assert "intel-tensorflow==1.15.2 on python3.7\n" in intel
    refused = make(checkout, "install", "RUNTIME=tf3")
    assert refused.returncode and "RUNTIME=tf3: must be tf1" in refused.stderr


def python_that_installs(checkout):
    """A Python 3.7 that makes environments, whose own says what it is asked, and with what."""
    program(checkout / "inner", 'echo "$PIP_TARGET$PIP_PREFIX$PIP_USER ran $*"\n')
    tools = shutil.which("mkdir"), shutil.which("cp"), checkout
    made = '%s -p "$last/bin"; : > "$last/pyvenv.cfg"; %s "%s/inner" "$last/bin/python"' % tools
    body = 'case "$1" in -c) echo 3.7;; *) for last; do :; done; %s;; esac\n' % made
    program(checkout / "bin" / "python3.7", body)


def test_all_is_installed_once_and_known_again(checkout):
    python_that_installs(checkout)
    settings = {"PIP_TARGET": "elsewhere", "PIP_PREFIX": "elsewhere", "PIP_USER": "1"}
    made = make(checkout, "install", environment=settings)
    of_pip = "0 ran -I -m pip --disable-pip-version-check install "
    assert made.returncode == 0 and made.stdout.split("\n") == [
        "tensorflow-gpu==1.15.0 on python3.7",
        of_pip + "--quiet --upgrade pip wheel",
        of_pip + "-r .venv/requirements.txt -r tests/requirements.txt",
        "",
    ]
    asked = ["RUNTIME=tf1", "PYTHON=python3.7", "TENSORFLOW=tensorflow-gpu==1.15.0"]
    for args in ([], asked):
        assert " ran " not in make(checkout, "install", *args).stdout
    (checkout / ".venv" / ".installed").unlink()  # As where it was broken off.
    assert " on python3.7\n" in make(checkout, "install").stdout


def test_the_script_takes_a_name_of_two_words(checkout):
    python_that_installs(checkout)
    there = dict(os.environ, VENV="my env", PYTHON=str(checkout / "bin" / "python3.7"))
    subprocess.check_output(["sh", "scripts/install.sh"], cwd=str(checkout), env=there)
    assert (checkout / "my env" / ".installed").read_text().startswith("tf1 tensorflow-gpu==1.15")


def test_a_wheel_that_is_asked_for_is_taken_as_it_is_written(checkout):
    # Makes the environment's folder, and nothing in it.
    folder = 'for last; do :; done; %s -p "$last"' % shutil.which("mkdir")
    program(checkout / "bin" / "python3.7", 'case "$1" in -c) echo 3.7;; *) %s;; esac\n' % folder)
    make(checkout, "install", "TENSORFLOW=./wheels/tf.whl")
    assert "./wheels/tf.whl" in (checkout / ".venv" / "requirements.txt").read_text().split()


@pytest.mark.parametrize(
    "capability, expected",
    [
        ("7.5", "tensorflow-gpu==1.15.0 on python3.7\n"),
        ("8.6", "tensorflow[and-cuda]==2.21.0 on python3.11\n"),
        ("12.0", "tensorflow[and-cuda]==2.21.0 on python3.11\n"),
        ("NVIDIA-SMI has failed because", "tensorflow-gpu==1.15.0 on python3.7\n"),
    ],
)
def test_the_build_that_can_use_the_gpu_is_taken(checkout, capability, expected):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    program(checkout / "bin" / "nvidia-smi", "echo %s\n" % capability)
    ended = make(checkout, "install")
    assert expected in ended.stdout
    assert ("too new for TensorFlow 1.15" in ended.stderr) == (capability in ("8.6", "12.0"))


def test_another_processor_gets_the_tensorflow_that_is_built_for_it(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    program(checkout / "bin" / "uname", "echo aarch64\n")
    ended = make(checkout, "install")
    assert "tensorflow==2.21.0 on python3.11\n" in ended.stdout
    (line,) = the_lines(ended.stderr)
    assert line == "TensorFlow 1.15 is built for x86-64 only: taking today's."
    assert "1.15.0 on python3.7\n" in make(checkout, "install", "RUNTIME=tf1").stdout


def test_the_environment_that_is_emptied_gives_no_python(checkout):
    python(checkout / ".venv" / "bin" / "python3.7", "3.7")
    (checkout / ".venv" / "pyvenv.cfg").touch()
    python(checkout / "outside" / "python3.7", "3.7")
    active = 'PATH="%s/.venv/bin:%s/outside:$$PATH" VIRTUAL_ENV="%s/.venv"' % ((checkout,) * 3)
    (checkout / "Makefile").write_text(
        (checkout / "Makefile").read_text().replace("sh scripts/", active + " sh scripts/")
    )
    out = make(checkout, "install").stdout
    assert "ran %s/outside/python3.7 -m venv --clear .venv\n" % checkout in out
    # Broken off here, the same command goes on.
    assert os.listdir(str(checkout / ".venv")) == ["pyvenv.cfg"]


@pytest.mark.skipif(not shutil.which("flock"), reason="no flock")
def test_only_one_installs_at_a_time(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    os.symlink(shutil.which("flock"), str(checkout / "bin" / "flock"))
    with open(str(checkout / "scripts" / "install.sh")) as script:
        fcntl.flock(script, fcntl.LOCK_EX)
        refused = make(checkout, "install")
        (line,) = the_lines(refused.stderr)
        assert refused.returncode and line.startswith("Another make installs here")
        assert " on " not in refused.stdout
    assert "1.15.0 on python3.7\n" in make(checkout, "install").stdout


def test_an_environment_of_the_callers_is_not_touched(checkout):
    (checkout / ".venv").mkdir()
    (checkout / "mine").mkdir()
    said = make(checkout, "clean", "-n", environment={"VENV": "mine"}).stdout
    assert "rm -rf .venv " in said and "mine" not in said


def test_what_is_installed_stays_unless_something_else_is_asked_for(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    (checkout / ".venv").mkdir()
    marker = checkout / ".venv" / ".installed"
    (checkout / ".venv" / "pyvenv.cfg").touch()
    marker.write_text("tf2 tensorflow==2.21.0 python3.11\n")
    # Its Python is gone: made again, as it was.
    assert "2.21.0 on python3.11\n" in make(checkout, "install").stdout
    python(checkout / ".venv" / "bin" / "python", "3.11")
    marker.write_text("tf2 tensorflow==2.21.0 python3.11\n")
    assert " on " not in make(checkout, "install").stdout
    assert " on " not in make(checkout, "install", "RUNTIME=tf2").stdout
    assert " on " not in make(checkout, "install", "PYTHON=python3.11").stdout
    assert "1.15.0 on python3.7\n" in make(checkout, "install", "PYTHON=python3.7").stdout
    marker.write_text("tf2 tensorflow==2.21.0 python3.11\n")
    old = os.path.getmtime(str(checkout / "requirements-tf2.txt")) - 9
    os.utime(str(marker), (old, old))
    assert "2.21.0 on python3.11\n" in make(checkout, "install").stdout  # As before.
    python(checkout / "my python", "3.12")
    marker.write_text("tf2 tensorflow==2.21.0 ./my python\n")
    os.utime(str(marker), (old, old))
    assert "2.21.0 on ./my python\n" in make(checkout, "install").stdout
    marker.write_text("tf2 tensorflow==2.21.0 python3.11\n")
    other = make(checkout, "install", "RUNTIME=tf2", "TENSORFLOW=tensorflow==2.2").stdout
    assert "tensorflow==2.2 on python3.11\n" in other
    marker.write_text("tf2 tensorflow==2.21.0 python3.11\n")
    assert "1.15.0 on python3.7\n" in make(checkout, "install", "RUNTIME=tf1").stdout


def test_photos_that_were_converted_are_taken_as_they_are(checkout):
    marker = checkout / ".venv" / ".installed"
    program(checkout / ".venv" / "bin" / "python", 'echo "ran $*"\n')
    marker.write_text("tf1 tensorflow-gpu==1.15.0 python3.7\n")
    converting = "ran scripts/download_and_convert.py --dataset_dir data/flowers\n"
    training = "ran scripts/train.py --recipe best --run_name mine"
    data = checkout / "data" / "flowers"
    data.mkdir(parents=True)
    for name, content, is_converted in (
        ("", "", False),
        ("labels.txt", "", True),
        # Broken off: the official photos are converted again, and take the place of no others.
        ("dataset.json.partial", '{"archive": "mine.tgz"}', True),
        ("dataset.json.partial", '{\n "archive": "flower_photos.tgz"\n}', False),
    ):
        if name:
            (data / name).write_text(content)
        out = make(checkout, "train", "RUN_NAME=mine", "TRAIN_FLAGS=--seed 1").stdout
        assert (converting in out) == (not is_converted)
        assert training + " --dataset_dir data/flowers --seed 1\n" in out


def test_an_environment_named_after_todays_tensorflow_gets_it(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    training = make(checkout, "train", "VENV=.venv-tf2", "TRAIN_FLAGS=--mixed_precision")
    assert "tensorflow==2.21.0 on python3.11\n" in training.stdout
    assert "-m venv --clear .venv-tf2\n" in training.stdout
    slash = make(checkout, "install", "VENV=.venv-tf2/")
    assert "tensorflow==2.21.0 on python3.11\n" in slash.stdout
    given = make(checkout, "install", "VENV=.venv-tf2", "RUNTIME=tf1")
    assert "tensorflow-gpu==1.15.0 on python3.7\n" in given.stdout


@pytest.mark.parametrize("kind", ["folder", "link", "slash", "file"])
def test_what_is_no_environment_is_not_emptied(checkout, kind):
    python(checkout / "bin" / "python3.7", "3.7")
    mine = checkout / "mine"
    mine.mkdir()
    kept = mine / ("pyvenv.cfg" if kind in ("link", "slash") else "thesis.txt")
    kept.write_text("years of work\n")
    names = {"folder": "mine", "link": "linked", "slash": "linked/", "file": "mine/thesis.txt"}
    venv = names[kind].rstrip("/")
    if kind in ("link", "slash"):
        os.symlink("mine", str(checkout / venv))
    refused = make(checkout, "install", "VENV=" + names[kind])
    assert refused.returncode and "VENV=%s: is a link, or exists" % venv in refused.stderr
    assert " on " not in refused.stdout and kept.read_text() == "years of work\n"


@pytest.mark.parametrize("venv", ["", "/", "//"])
def test_no_name_is_not_the_root_of_all_files(checkout, venv):
    python(checkout / "bin" / "python3.7", "3.7")
    program(checkout / "bin" / "rm", 'echo "would remove $*"\n')  # Never the real one.
    refused = make(checkout, "install", "VENV=" + venv)
    assert refused.returncode and "VENV: names no folder" in refused.stderr
    assert "would remove -rf" not in refused.stdout and " on " not in refused.stdout


def test_a_tensorflow_that_is_asked_for_counts_more_than_the_gpu(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    python(checkout / "bin" / "python3.11", "3.11")
    program(checkout / "bin" / "nvidia-smi", "echo 8.6\n")
    ended = make(checkout, "install", "TENSORFLOW=intel-tensorflow==1.15.2")
    assert "intel-tensorflow==1.15.2 on python3.7\n" in ended.stdout
    assert "too new" not in ended.stderr


@pytest.mark.parametrize("path", ["%s-link/.venv/bin:$$PATH", "$$PATH:%s/.venv/bin"])
def test_the_environment_gives_no_python_by_another_name_or_place(checkout, path):
    program(checkout / "bin" / "pyenv", 'echo "%s/root"\n' % checkout)
    python(checkout / "root" / "versions" / "3.7.16" / "bin" / "python", "3.7")
    os.symlink(str(checkout), str(checkout) + "-link")
    python(checkout / ".venv" / "bin" / "python3.7", "3.7")
    (checkout / ".venv" / "pyvenv.cfg").touch()
    makefile = checkout / "Makefile"
    active = 'PATH="%s" sh scripts/' % (path % checkout)
    makefile.write_text(makefile.read_text().replace("sh scripts/", active))
    out = make(checkout, "install", "RUNTIME=tf1").stdout
    assert "root/versions/3.7.16/bin/python -m venv --clear .venv\n" in out


def test_an_empty_folder_is_taken(checkout):
    python(checkout / "bin" / "python3.7", "3.7")
    (checkout / ".venv").mkdir()  # As where another disk is mounted.
    assert "python3.7 -m venv --clear .venv\n" in make(checkout, "install").stdout


def test_tensorboard_is_for_this_machine_unless_a_host_is_given(checkout):
    program(checkout / ".venv" / "bin" / "python", 'echo "ran $*"\n')
    (checkout / ".venv" / ".installed").write_text("tf1 tensorflow-gpu==1.15.0 python3.7\n")
    assert " --host localhost " in make(checkout, "tensorboard").stdout
    assert " --host 0.0.0.0 " in make(checkout, "tensorboard", "HOST=0.0.0.0").stdout


def test_the_package_asks_for_the_tensorflow_that_its_python_can_have(tmp_path):
    subprocess.check_call(
        [sys.executable, "setup.py", "-q", "egg_info", "-e", str(tmp_path)], cwd=ROOT
    )
    with open(str(tmp_path / "alexnet_flowers.egg-info" / "requires.txt")) as file:
        sections = dict(part.split("\n", 1) for part in file.read().split("\n\n") if "]\n" in part)
    assert "tensorflow-gpu==1.15.0" in sections['[:python_version < "3.8"]'].split()
    assert "tensorflow==2.21.0" in sections['[:python_version >= "3.10"]'].split()
    assert "tensorflow[and-cuda]==2.21.0" in sections['[gpu:python_version >= "3.10"]'].split()
    with open(str(tmp_path / "alexnet_flowers.egg-info" / "PKG-INFO")) as file:
        (pythons,) = [line for line in file if line.startswith("Requires-Python:")]
    assert sorted(pythons.split(":")[1].replace(" ", "").strip().split(",")) == [
        "!=3.8.*",
        "!=3.9.*",
        "<3.14",
        ">=3.6",
    ]


def test_a_run_may_have_a_name_of_two_words(checkout):
    program(checkout / ".venv" / "bin" / "python", 'for one; do echo "<$one>"; done\n')
    (checkout / ".venv" / ".installed").write_text("tf1 tensorflow-gpu==1.15.0 python3.7\n")
    (checkout / "data" / "flowers").mkdir(parents=True)
    (checkout / "data" / "flowers" / "labels.txt").touch()
    for target in ("train", "evaluate"):
        assert "<my run>\n" in make(checkout, target, "RUN_NAME=my run").stdout
