"""The installed command, and what every command says of itself and of flags it does not know."""

import os
import re
import subprocess
import sys

import processes
import pytest
from conftest import ROOT
from processes import said_of_each_command

from alexnet_flowers import commands
from alexnet_flowers.commands import arguments

SAY_IF_FALSE = """
import inspect
from absl import flags
takes_files = inspect.signature(sys.modules["alexnet_flowers.commands." + name].main).parameters
if "split" in flags.FLAGS and ("no files" in flags.FLAGS["split"].help) != bool(takes_files):
    print(name)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder with the installed package; its programs are in ``bin``."""
    folder = tmp_path_factory.mktemp("installed")
    build = ["build", "-b", str(folder / "build")]
    subprocess.check_output(
        [
            sys.executable, "setup.py", "-q", "egg_info", "-e", str(folder), *build,
            "install", "--root", str(folder), "--single-version-externally-managed",
            "--install-lib", "/lib", "--install-scripts", "/bin", "--install-data", "/data",
        ],
        cwd=ROOT,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return folder


def run(installed, *args):
    return processes.run(
        [sys.executable, installed / "bin" / "alexnet-flowers", *args],
        installed,
        env=dict(os.environ, PYTHONPATH=str(installed / "lib")),
    )


@pytest.mark.parametrize("args", [[], ["help"], ["--help"], ["-h"]])
def test_it_lists_its_commands(installed, args):
    done = run(installed, *args)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (\w+) +[A-Z].*\.$", done.stdout, re.MULTILINE) == list(commands.NAMES)


def test_there_is_a_script_of_each_command_with_its_purpose():
    scripts = [name for name in os.listdir(os.path.join(ROOT, "scripts")) if name.endswith(".py")]
    assert sorted(scripts) == sorted(name + ".py" for name in (*commands.NAMES, "checkout"))
    for name in commands.NAMES:
        with open(os.path.join(ROOT, "scripts", name + ".py"), encoding="utf-8") as file:
            assert '"""%s"""\n' % commands.purpose(name) in file.read()


def test_the_help_speaks_of_named_files_where_a_command_takes_them():
    assert said_of_each_command(SAY_IF_FALSE) == ""


def test_a_command_that_does_not_exist_is_one_line(installed):
    done = run(installed, "trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "alexnet-flowers: error: 'trian' is no command; did you mean train?\n"


def test_without_the_environment_a_script_says_how_to_get_it(tmp_path):
    script = os.path.join(ROOT, "scripts", "train.py")
    done = processes.run([sys.executable, "-S", "-E", script], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "train.py: error: %s: has no package absl; run make install, and start by "
        ".venv/bin/python, or after . .venv/bin/activate\n" % sys.executable
    )


def test_a_command_has_its_help_and_its_recipes(installed):
    done = run(installed, "train", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "    alexnet-flowers train --recipe fast\n" in done.stdout
    in_one_line = " ".join(done.stdout.split())
    assert "recipe: adam_default, best, demo, fast, paper, study_group. " in in_one_line
    assert run(installed, "help", "train").stdout == done.stdout
    done = run(installed, "train", "--recipe", "bset")
    assert done.returncode == 2
    assert done.stderr == "alexnet-flowers train: error: --recipe bset: is none of %s\n" % (
        ", ".join(arguments.recipes())
    )


def test_messages_and_help_name_the_installed_commands(installed, tmp_path):
    for args, message in (
        (["evaluate", "--dataset_dir", "x"], "; train first, with alexnet-flowers train\n"),
        (
            ["train", "--dataset_dir", str(tmp_path / "scripts" / "train.py")],
            "scripts/train.py: no such folder; run alexnet-flowers download_and_convert --dat",
        ),
    ):
        done = run(installed, *args)
        assert (done.returncode, done.stdout) == (1, "") and message in done.stderr
    done = run(installed, "predict", "--help")
    assert "alexnet-flowers explain also" in " ".join(done.stdout.split())


def test_processes_of_a_local_cluster_need_no_checkout(installed, tmp_path):
    (installed / "random.py").write_text("1 / 0")  # Somebody's own, in the working folder.
    done = run(installed, "launch-local", "--", "--dataset_dir", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "alexnet-flowers train: error: %s/nowhere: no such folder" % tmp_path in done.stdout


@pytest.mark.parametrize(
    "message",
    [
        "libx.so: cannot open",
        "Traceback ...:\n  File ...\nImportError: libx.so: cannot open\n\n\nFailed to load ....\n",
    ],
)
def test_a_package_that_cannot_be_loaded_is_one_line(message):
    line = commands.not_installed(ImportError(message))
    assert "libx.so: cannot open); run make install, and" in line and "\n" not in line


def test_a_list_that_cannot_be_printed_is_one_line(installed):
    with open("/dev/full", "w") as full:
        for arg in ("help", "--version"):
            done = subprocess.run(
                [sys.executable, str(installed / "bin" / "alexnet-flowers"), arg],
                env=dict(os.environ, PYTHONPATH=str(installed / "lib")),
                stdout=full, stderr=subprocess.PIPE, encoding="utf-8",
            )  # fmt: skip
            assert done.returncode == 1
            assert done.stderr == (
                "alexnet-flowers: error: standard output: No space left on device\n"
            )


SAY_TENSORBOARD = """
from alexnet_flowers.commands import next_step
if name == "evaluate":
    for program, *args in (("a/evaluate.py",), ("a/evaluate.py", "--summaries_dir", "my runs"),
                           ("alexnet-flowers evaluate",)):
        sys.argv[0] = program
        next_step.FLAGS.unparse_flags()
        next_step.FLAGS.summaries_dir = "runs/summaries"
        next_step.FLAGS["summaries_dir"].present = 0
        next_step.FLAGS([program, *args])
        print(next_step.tensorboard())
"""


def test_tensorboard_is_started_where_there_is_no_makefile_and_for_other_folders():
    assert said_of_each_command(SAY_TENSORBOARD).splitlines() == [
        "make tensorboard",
        "tensorboard --logdir 'my runs'",
        "tensorboard --logdir runs/summaries",
    ]
