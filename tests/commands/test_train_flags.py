"""The flags of ``scripts/train.py``: that each reaches the training, and what is refused early."""

import json
import os
import subprocess
import sys

import pytest
from processes import SCRIPTS, one_error, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_dataset):
    """A folder in which ``data`` is the dataset."""
    folder = tmp_path_factory.mktemp("untrained")
    os.symlink(tiny_dataset, str(folder / "data"))
    return folder


# Every flag of a setting, with a value that is not its default.
FLAGS = dict(
    batch_size=7, image_size=200, fast_mode=False, min_crop_area=0.5, arg_scope=False,
    randaug_num_layers=2, randaug_magnitude=7.5, mixup_alpha=0.4, cutmix_alpha=0.6,
    random_erasing=0.7, weight_decay=0.25, dropout_keep_prob=0.75, label_smoothing=0.1,
    mixed_precision=True, optimizer="ftrl", learning_rate=0.5, momentum=0.1,
    muon_momentum=0.15, muon_weight_decay=0.17, momentum_learning_rate=0.16,
    adam_beta1=0.2, adam_beta2=0.3, adadelta_rho=0.4, adagrad_initial_accumulator_value=0.6,
    ftrl_learning_rate_power=-0.7, ftrl_initial_accumulator_value=0.8, ftrl_l1=0.11, ftrl_l2=0.12,
    rmsprop_decay=0.13, rmsprop_momentum=0.14, opt_epsilon=0.15, clip_gradient_norm=0.16,
    moving_average_decay=0.17, learning_rate_decay_type="cosine", learning_rate_decay_factor=0.18,
    num_epochs_per_decay=19.0, end_learning_rate=0.21, warmup_steps=22, checkpoint_path="c",
    checkpoint_exclude_scopes="d", ignore_missing_vars=True, trainable_scopes="e", seed=23,
    log_every_n_steps=24,
    save_summaries_secs=25.0, save_histograms_secs=25.5, save_interval_secs=26.0,
    save_interval_steps=27, max_to_keep=28,
    keep_checkpoint_every_n_hours=29.0, max_images=31, num_readers=32,
    num_clones=41, num_preprocessing_threads=33, common_queue_capacity=34, common_queue_min=35,
    batch_queue_capacity=36, max_number_of_steps=38, device="cpu",
    input="queues", gradient_rules=False, intra_op_threads=39, inter_op_threads=40,
    allow_changed_settings=True, eval_every_n_steps=42, stop_when_not_improved=43,
    skip_bad_records=3, xla=True, tf32=False,
)  # fmt: skip

SHOW = """
import json, sys
sys.path.insert(0, %r)
from alexnet_flowers.commands import arguments, train
def show(run, planned, give_up, report, evaluation):
    dataset_dir, settings, options, members, _ = planned
    values = dict(settings._asdict(), **options._asdict())
    for name in ("logging", "queues", "compute"):
        values.update(values.pop(name)._asdict())
    values["members"] = members and members._asdict()
    print(json.dumps([list(run), dataset_dir, values]))
def show_server(members, compute, report):
    print(json.dumps([None, None, {"members": members._asdict()}]))
from alexnet_flowers.training import train as training
train.plan.check = lambda settings, *rest: settings
train.plan.make = lambda *args: args
train.announcement.lines = lambda *args: []
train.next_step.say = lambda *args: None
train._evaluation = lambda *args: None
training.train = show
training.serve = show_server
arguments.parse(sys.argv, takes_arguments=False)
train.main()
"""


def shown(*args):
    out = subprocess.check_output([sys.executable, "-c", SHOW % os.path.dirname(SCRIPTS), *args])
    return json.loads(out.decode())


def test_every_flag_reaches_the_training():
    args = ["--dataset_dir=a", "--run_name=b", "--checkpoints_dir=x", "--summaries_dir=y"]
    for name, value in FLAGS.items():
        if isinstance(value, bool):
            args.append("--%s%s" % ("" if value else "no", name))
        else:
            args.append("--%s=%s" % (name, value))
    run, dataset_dir, values = shown(*args)
    assert run == ["b", "x/b", "y/b"] and dataset_dir == "a"
    assert values == dict(FLAGS, num_epochs=700.0, members=None)


NOT_LOADED = """
import sys
sys.path.insert(0, %r)
from alexnet_flowers import tf1
from alexnet_flowers.commands import runner, train
def load():
    sys.exit("TensorFlow is loaded")
tf1._imported = load
runner.run(train)
"""


def without_tensorflow(folder, *args):
    code = NOT_LOADED % os.path.dirname(SCRIPTS)
    flags = ["--dataset_dir=data", "--run_name=light", "--device=cpu", *args]
    return run([sys.executable, "-c", code, *flags], folder)


def test_what_will_happen_is_said_before_tensorflow_is_loaded(folder):
    ended = without_tensorflow(folder, "--recipe=paper", "--num_epochs=2", "--batch_size=5")
    lines = ended.stdout.split("\n")
    assert ended.stderr == "TensorFlow is loaded\n" and len(lines) == 6
    assert lines[2] == "10 steps of 5 images, 2 epochs, on the CPU, with momentum"


def test_the_first_line_names_the_card(folder, tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho Tesla T4\n")
    (tmp_path / "nvidia-smi").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    lines = without_tensorflow(folder, "--device=gpu").stdout.split("\n")
    assert lines[:2] == ["GPU: Tesla T4", "run light: new"] and " on the GPU, " in lines[3]


@pytest.mark.parametrize(
    "args, message",
    [
        (["--num_epochs=2", "--max_number_of_steps", "9"], "two lengths of one run; name one"),
        (["--batch_size=0"], "--batch_size=0: must be at least 1"),
        (["--checkpoint_path="], "--checkpoint_path: is empty; give it a value, or leave it out"),
        (["--nofast_mode=1"], "--nofast_mode=1 does not take an argument"),
        (["--ignore_missing_vars"], "--ignore_missing_vars: needs --checkpoint_path, where the"),
        (
            ["--checkpoint_exclude_scopes=alexnet_v2/fc8"],
            "--checkpoint_exclude_scopes: needs --checkpoint_path",
        ),
        (["--learning_rate_picture=a.svg"], "--learning_rate_picture: needs --find_learning_rate"),
    ],
)
def test_flags_are_refused_before_tensorflow_is_loaded(folder, args, message):
    assert message in one_error(without_tensorflow(folder, *args), 2)


def test_a_length_on_the_command_line_counts_and_not_that_of_a_recipe(folder):
    ended = without_tensorflow(folder, "--recipe=demo", "--dataset_dir=data", "--num_epochs=2")
    assert ended.stdout.split("\n")[2].startswith("7 steps of 8 images, 2.24 epochs,")


def test_a_length_in_a_file_counts_and_not_that_of_the_recipe_it_begins_with(folder, tmp_path):
    (tmp_path / "a.flags").write_text("--recipe=demo\n--dataset_dir=data\n--num_epochs=2\n")
    file = "--flagfile=%s" % (tmp_path / "a.flags")
    assert "\n7 steps of 8 images, 2.24 epochs," in without_tensorflow(folder, file).stdout
    shorter = without_tensorflow(folder, file, "--max_number_of_steps=3")
    assert "\n3 steps of 8 images, " in shorter.stdout
    with open(str(tmp_path / "a.flags"), "a") as lines:
        lines.write("--max_number_of_steps=9\n")
    message = one_error(without_tensorflow(folder, file), 2)
    assert "two lengths of one run; name one" in message


def test_every_flag_of_a_cluster_reaches_the_training():
    flags = ["--ps_hosts=a:1,b:2", "--worker_hosts=c:3", "--job_name=ps", "--task_index=1"]
    _, _, values = shown(*flags, "--sync_replicas")
    assert values["members"] == {
        "ps_hosts": ["a:1", "b:2"], "worker_hosts": ["c:3"], "job_name": "ps", "task_index": 1,
        "sync_replicas": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "recipe, expected",
    [
        (
            "study_group",
            dict(optimizer="sgd", learning_rate=0.01, batch_size=56, arg_scope=False,
                 weight_decay=None, num_epochs=700),
        ),
        (
            "paper",
            dict(optimizer="momentum", learning_rate=0.01, momentum=0.9, weight_decay=0.0005,
                 batch_size=128, arg_scope=True, num_epochs=90),
        ),
        ("adam_default", dict(optimizer="adam", learning_rate=None, opt_epsilon=None)),
        (
            "demo",
            dict(optimizer="adam", learning_rate=0.00007, arg_scope=False, min_crop_area=0.9,
                 image_size=195, dropout_keep_prob=0.9, batch_size=8, max_number_of_steps=340,
                 seed=1, num_readers=1, num_preprocessing_threads=1),
        ),
        (
            "best",
            dict(optimizer="muon", learning_rate=0.02, muon_weight_decay=0.5,
                 momentum_learning_rate=0.08,
                 warmup_steps=100, end_learning_rate=0.0, learning_rate_decay_type="cosine",
                 label_smoothing=0.1, weight_decay=0.0005, batch_size=112, image_size=195,
                 num_epochs=90, mixed_precision=False),
        ),
        (
            "fast",
            dict(optimizer="muon", learning_rate=0.02, learning_rate_decay_type="cosine",
                 muon_weight_decay=0.0, min_crop_area=0.05, batch_size=112, image_size=195,
                 num_epochs=20,
                 mixed_precision=False),
        ),
    ],
)  # fmt: skip
def test_recipes_say_what_their_names_say(recipe, expected):
    run, _, values = shown("--flagfile=" + os.path.join(SCRIPTS, "recipes", recipe + ".flags"))
    assert run[0] == recipe
    assert {name: values[name] for name in expected} == expected


def test_the_run_is_named_after_the_optimizer():
    assert shown("--optimizer=rmsprop")[0] == [
        "rmsprop", "runs/checkpoints/rmsprop", "runs/summaries/rmsprop",
    ]  # fmt: skip
