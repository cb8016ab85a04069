"""Flags: their groups, other names for them, flag files and recipes."""

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from alexnet_flowers import commands
from alexnet_flowers.commands import arguments

PARSE = """
import json, sys
sys.path.insert(0, %r)
from alexnet_flowers.commands import arguments, help_text, train
from alexnet_flowers.errors import UsageError
answers = []
for args in json.loads(sys.argv[1]):
    train.FLAGS.unparse_flags()
    for name in train.FLAGS:
        train.FLAGS[name].unparse()
    try:
        arguments.parse(["train.py", *args], False)
    except UsageError as error:
        answers.append(str(error))
    else:
        answers.append(
            {name: train.FLAGS[name].value for name in train.FLAGS if train.FLAGS[name].present}
        )
sys.argv[0] = "train.py"
print(json.dumps([answers, help_text.text(train)]))
"""

OTHER_NAMES = [
    ("--lr=0.1", "Unknown command line flag 'lr'. Did you mean: learning_rate ?"),
    ("--epochs=3", "Unknown command line flag 'epochs'. Did you mean: num_epochs ?"),
    ("--steps=3", "Unknown command line flag 'steps'. Did you mean: max_number_of_steps ?"),
    ("--bs=3", "Unknown command line flag 'bs'. Did you mean: batch_size ?"),
    ("--gpu", "Unknown command line flag 'gpu'. Did you mean: device=gpu ?"),
    ("--learning_rat=3", "Unknown command line flag 'learning_rat'. Did you mean: learning_rate"),
    ("--model_name=x", "Unknown command line flag 'model_name': the network is alexnet_v2"),
    ("--train_dir=x", "Unknown command line flag 'train_dir': checkpoints and events lie apart"),
]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """A dict from the texts of command lines to what is said of them, and the help text."""
    folder = tmp_path_factory.mktemp("flags")
    for name, content in (
        ("empty", b""), ("comments", b"# nothing\n\n"), ("binary", b"\xd0\x00"),
        ("words", b"batch size 3\n"), ("pair", b"--batch_size 3\n"), ("end", b"--\n"),
        ("itself", b"--flagfile=itself\n"),
        ("recipe", b"// ours\n--recipe=paper\n--batch_size=9\n"),
        ("windows", b"\xef\xbb\xbf--batch_size=4\r\n--run_name=it's_1\r\n"),
        ("quotes", b'--run_name="my run"\n'), ("behind", b"--batch_size=4\n--run_name=a # b\n"),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
    lines = [flag for flag, _ in OTHER_NAMES] + [
        "--train_image_size=200 --task=1", "--recipe paper --batch_size 7",
        "--batch_size=7 --recipe=paper", "--flagfile=recipe", "--recipe nobody", "--recipe",
        *("--flagfile=" + name for name in "empty comments binary words pair end".split()),
        "--flagfile=itself", "--flagfile=nowhere", "--flagfile=.",
        "--flagfile=/dev/zero", "--flagfile=windows", "--flagfile=quotes", "--flagfile=behind",
        "photo.jpg", "--batch_size=a:_b", "--learning_rate=x", "--fast_mode=maybe",
        "--optimizer=adm", "--batch_size=5\t6", "--run_name=", "--worker_hosts=",
        "--dataset_dir= --batch_size=3", "--dataset_dir=gs://a/b", "--learning_rate_picture=s3://a/b.svg",
        "--min_crop_area=nan", "--dataset_dir=~/a --checkpoint_path=~ --run_name=~",
    ]  # fmt: skip
    out = subprocess.check_output(
        [sys.executable, "-c", PARSE % ROOT, json.dumps([line.split(" ") for line in lines])],
        cwd=str(folder),
    )
    answers, text = json.loads(out.decode())
    return dict(zip(lines, answers), help=text)


@pytest.mark.parametrize("flag, message", OTHER_NAMES)
def test_other_names_of_flags_are_answered(parsed, flag, message):
    assert parsed[flag].startswith(message)


def test_slims_names_are_accepted(parsed):
    found = parsed["--train_image_size=200 --task=1"]
    assert (found["image_size"], found["task_index"]) == (200, 1)


def test_a_recipe_stands_for_its_flags_in_their_place(parsed):
    assert parsed["--recipe paper --batch_size 7"]["run_name"] == "paper"
    assert parsed["--recipe paper --batch_size 7"]["batch_size"] == 7
    assert parsed["--batch_size=7 --recipe=paper"]["batch_size"] == 128
    assert parsed["--flagfile=recipe"]["batch_size"] == 9
    assert parsed["--flagfile=recipe"]["momentum"] == 0.9
    assert parsed["--recipe nobody"] == "--recipe nobody: is none of " + ", ".join(
        arguments.recipes()
    )


def test_a_flag_file_of_windows_is_read(parsed):
    found = parsed["--flagfile=windows"]
    assert (found["batch_size"], found["run_name"]) == (4, "it's_1")


def test_a_tilde_is_the_home_in_what_names_files_only(parsed):
    found = parsed["--dataset_dir=~/a --checkpoint_path=~ --run_name=~"]
    home = os.path.expanduser("~")
    assert (found["dataset_dir"], found["checkpoint_path"]) == (home + "/a", home)
    assert found["run_name"] == "~"


def test_the_scripts_have_the_recipes_too():
    names = os.listdir(os.path.join(ROOT, "scripts", "recipes"))
    assert sorted(name[: -len(".flags")] for name in names) == arguments.recipes()


@pytest.mark.parametrize(
    "line, message",
    [
        ("--recipe", "--recipe: needs a value"),
        ("--flagfile=empty", "--flagfile empty: holds no flags"),
        ("--flagfile=comments", "--flagfile comments: holds no flags"),
        ("--flagfile=/dev/zero", "--flagfile /dev/zero: is no file of flags, but longer"),
        ("--flagfile=binary", "--flagfile binary: is no text file"),
        ("--flagfile=words", "--flagfile words: 'batch size 3' is no flag; write --name=value"),
        ("--flagfile=pair", "--flagfile pair: '--batch_size 3' is no flag; write --name=value"),
        ("--flagfile=end", "--flagfile end: '--' is no flag; write --name=value"),
        (
            "--flagfile=quotes",
            '--flagfile quotes: --run_name="my run": write the value without quotes, and a comment '
            "on a line of its own",
        ),
        (
            "--flagfile=behind",
            "--flagfile behind: --run_name=a # b: write the value without quotes, and a comment on "
            "a line of its own",
        ),
        ("--flagfile=itself", "--flagfile itself: includes itself"),
        ("--flagfile=nowhere", "--flagfile nowhere: No such file or directory"),
        ("--flagfile=.", "--flagfile .: Is a directory"),
        ("photo.jpg", "unexpected argument 'photo.jpg'; flags begin with --"),
        ("--batch_size=a:_b", "--batch_size=a:_b: is no whole number"),
        ("--batch_size=5\t6", "--batch_size=5\t6: is no whole number"),
        ("--learning_rate=x", "--learning_rate=x: is no number"),
        ("--min_crop_area=nan", "--min_crop_area=nan: is no number"),
        ("--run_name=", "--run_name: is empty; give it a value, or leave it out"),
        ("--worker_hosts=", "--worker_hosts: is empty; give it a value, or leave it out"),
        (
            "--dataset_dir= --batch_size=3",
            "--dataset_dir: is empty; give it a value, or leave it out",
        ),
        ("--dataset_dir=gs://a/b", "--dataset_dir gs://a/b: a URL; name what is on this machine"),
        (
            "--learning_rate_picture=s3://a/b.svg",
            "--learning_rate_picture s3://a/b.svg: a URL; name what is on this machine",
        ),
        ("--fast_mode=maybe", "--fast_mode=maybe: is neither true nor false"),
        (
            "--optimizer=adm",
            "flag --optimizer=adm: value should be one of <sgd|momentum|muon|adam|adadelta|adagrad|"
            "ftrl|rmsprop>; did you mean adam?",
        ),
    ],
)
def test_what_cannot_be_read_is_said(parsed, line, message):
    assert parsed[line] == message


def test_help_has_groups_and_every_flag_a_sentence(parsed):
    text = parsed["help"]
    assert re.findall(r"^([A-Z][a-z ]+):$", text, re.MULTILINE) == [
        "Run", "Photos", "Network", "Optimizer", "Learning rate", "Logging", "Hardware", "Cluster",
        "Other",
    ]  # fmt: skip
    entries = re.split(r"\n  (?=--)", text.split("\nRun:")[1])[1:]
    assert len(entries) > 60 and max(len(line) for line in text.split("\n")) <= 100
    for entry in entries:
        sentence = " ".join(entry.split()).split(": ", 1)[1]
        sentence = re.sub(r"^<[^>]*>: ", "", sentence)
        assert re.match(r"[A-Z][\w']+( \S+){2,}", sentence), entry
    assert "  --optimizer: <sgd|momentum|muon|adam|" in text and "(default: 'sgd')" in text
    flag = "--momentum: Keep this share of the sum of past gradients at each step"
    assert flag + " (momentum, muon)." in " ".join(text.split())


def test_purposes_are_sentences_of_one_line():
    for name in commands.NAMES:
        assert re.match(r"[A-Z][a-z]+s .{10,90}\.$", commands.purpose(name))


def test_a_training_without_flags_is_of_the_photos_of_the_first_command(run_script):
    done = run_script("train")
    message = "data/flowers: no such folder; run scripts/download_and_convert.py --dataset_dir "
    assert done.stderr == "train.py: error: %sdata/flowers\n" % message
