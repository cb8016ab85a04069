"""What a run was started with is kept, compared, and refused where it changed."""

import copy
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.training import optimizers, schedules, settings


def content(**changes):
    return {
        "settings": dict(settings.Settings()._asdict(), **changes),
        "dataset": {"num_photos": 3320},
        "num_steps": 100,
    }


def test_what_is_written_is_read(tmp_path):
    run_dir = str(tmp_path / "new" / "run")
    assert settings.read(run_dir) is None
    os.makedirs(run_dir)
    settings.write(run_dir, content(learning_rate=0.1))
    assert settings.read(run_dir) == content(learning_rate=0.1)
    assert settings.image_size_of(run_dir) == 224
    settings.write(run_dir, content(image_size=200))
    assert settings.image_size_of(run_dir) == 200


@pytest.mark.parametrize("optimizer, own", [("momentum", ()), ("muon", ("muon_weight_decay",))])
def test_a_run_begun_before_something_could_be_chosen_has_the_default(optimizer, own, tmp_path):
    meant = settings.meaning(settings.complete(settings.Settings(optimizer=optimizer)), None)
    before = dict(content(), settings=dict(meant))
    later = ("min_crop_area", "mixed_precision", "ignore_missing_vars")
    for name in (*later, "mixup_alpha", "cutmix_alpha", "random_erasing", *own):
        del before["settings"][name]
    settings.write(str(tmp_path), before)
    assert settings.read(str(tmp_path)) == dict(content(), settings=meant)


def test_more_steps_are_no_change():
    assert settings.check_unchanged("r", content(), dict(content(), num_steps=9), False) == []


def test_changed_settings_are_named_and_refused_unless_allowed():
    now = content(batch_size=8, momentum=0.5)
    with pytest.raises(UsageError) as caught:
        settings.check_unchanged("runs/sgd", content(), now, False)
    assert str(caught.value) == (
        "runs/sgd: the run was started with other settings (batch_size was 56, is 8; "
        "momentum was 0.9, is 0.5); choose another --run_name, or --allow_changed_settings to "
        "continue it all the same"
    )
    assert settings.check_unchanged("r", content(), now, True) == [
        "batch_size was 56, is 8",
        "momentum was 0.9, is 0.5",
    ]


def test_what_has_no_flag_of_its_name_is_said_with_those_that_decide_it():
    now = content(decay_steps=9)
    now["settings"]["num_replicas"] = 2
    differences = settings.check_unchanged("r", now, content(decay_steps=8), True)
    assert differences == [
        "decay_steps (from --num_epochs_per_decay, or the run's length) was 9, is 8",
        "num_replicas (from --num_clones, and the workers of --sync_replicas) was 2, is 1",
    ]


def test_another_dataset_is_a_change():
    other = dict(content(), dataset={"num_photos": 12})
    with pytest.raises(UsageError, match="num_photos was 3320, is 12"):
        settings.check_unchanged("r", content(), other, False)


def test_other_photos_are_named_and_counted_once():
    def of(folder, digest, num_photos):
        dataset = {"digest": digest, "num_photos": num_photos, "classes": [digest]}
        return dict(content(), dataset=dataset, dataset_dir=folder)

    def difference(*others):
        (line,) = settings.check_unchanged("r", of("a", "1" * 64, 3320), of(*others), True)
        return line

    assert difference("b", "2" * 64, 300) == "the photos were the 3320 of a, are the 300 of b"
    assert difference("a", "2" * 64, 3320) == "a holds other photos now"
    moved = of("b", "1" * 64, 3320)
    assert settings.check_unchanged("r", of("a", "1" * 64, 3320), moved, False) == []


def complete(**changes):
    return settings.complete(settings.Settings(**changes))


def meaning(**changes):
    return settings.meaning(complete(**changes), num_decay_steps=None)


def test_defaults_and_the_same_values_spelled_out_mean_the_same():
    assert meaning() == meaning(learning_rate=0.01, weight_decay=0.0005)
    assert meaning(optimizer="adam") == meaning(
        optimizer="adam", learning_rate=0.001, opt_epsilon=1e-8
    )
    assert complete(arg_scope=False).weight_decay is None


def test_numbers_that_a_run_does_not_use_mean_nothing():
    assert meaning(adam_beta1=0.5, ftrl_l1=0.5, momentum=0.5, end_learning_rate=0.5) == meaning()
    for changes in (
        {"optimizer": "adam", "adam_beta1": 0.5},
        {"optimizer": "momentum", "momentum": 0.5},
        {"learning_rate_decay_type": "cosine", "end_learning_rate": 0.005},
    ):
        before = dict(list(changes.items())[:1])
        assert meaning(**changes) != meaning(**before)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 0}, "--batch_size=0: must be at least 1"),
        ({"learning_rate": float("nan")}, "--learning_rate=nan: must be above 0"),
        ({"weight_decay": float("inf")}, "--weight_decay=inf: must be at least 0"),
        ({"warmup_steps": 10**20}, "--warmup_steps=10{20}: must be 9007199254740992 at most"),
        ({"num_epochs_per_decay": 1e308}, r"--num_epochs_per_decay=1e\+308: must be 9007"),
        ({"dropout_keep_prob": 0.0}, "--dropout_keep_prob=0.0: must be above 0 and at most 1"),
        ({"label_smoothing": 1.0}, r"--label_smoothing=1.0: must be in \[0, 1\)"),
        ({"mixup_alpha": -1.0}, "--mixup_alpha=-1.0: must be at least 0"),
        ({"random_erasing": 1.5}, "--random_erasing=1.5: must be from 0 to 1"),
        ({"adagrad_initial_accumulator_value": 0.0}, "must be above 0"),
        ({"ftrl_learning_rate_power": 1.0}, "must be at most 0"),
        ({"ftrl_l1": -1.0}, "--ftrl_l1=-1.0: must be at least 0"),
        ({"adam_beta2": 1.0}, "--adam_beta2=1.0: must be in"),
        ({"num_epochs_per_decay": float("inf")}, "--num_epochs_per_decay=inf"),
        ({"arg_scope": False, "weight_decay": 0.1}, "--weight_decay needs --arg_scope"),
        (
            {"learning_rate_decay_type": "cosine", "learning_rate": 0.0001},
            "--end_learning_rate=0.0001: must be below --learning_rate=0.0001 for a cosine decay",
        ),
        ({"optimizer": "sdg"}, "--optimizer: 'sdg' is none of sgd, momentum"),
        ({"image_size": 227}, "--image_size 227"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        settings.check(complete(**changes))


def test_the_defaults_of_every_optimizer_and_decay_are_fine():
    for optimizer in optimizers.OPTIMIZERS:
        settings.check(complete(optimizer=optimizer))
    for decay in schedules.SCHEDULES:
        settings.check(complete(learning_rate_decay_type=decay))


def test_a_name_stands_for_one_number():
    for table in (optimizers.OPTIMIZERS, schedules.SCHEDULES):
        for entry in table.values():
            for hyperparameter in entry.hyperparameters:
                assert settings.HYPERPARAMETERS[hyperparameter.name] is hyperparameter
    assert not set(settings.HYPERPARAMETERS) & set(settings._Common._fields)


def test_settings_are_copied_with_and_without_names():
    changed = settings.Settings(batch_size=7, ftrl_l1=0.5)
    assert settings.Settings(*changed) == changed == copy.deepcopy(changed)
    assert settings.Settings(7) == settings.Settings(batch_size=7)
    with pytest.raises(TypeError):
        settings.Settings(no_such_setting=1)


NEW_OPTIMIZER = """
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training.hyperparameters import ABOVE_0, Hyperparameter
from alexnet_flowers.training.optimizers import OPTIMIZERS, Optimizer
OPTIMIZERS["proximal"] = Optimizer(
    "gradient descent, then a pull to 0",
    lambda rate, s: tf.train.ProximalGradientDescentOptimizer(rate, s.proximal_l1),
    own=(Hyperparameter("proximal_l1", 0.5, ABOVE_0, "Strength of the pull"),),
    learning_rate=0.25,
)
from alexnet_flowers.commands import arguments, train
from alexnet_flowers.training import optimizers, settings
train.FLAGS(["train", "--optimizer=proximal", "--proximal_l1=0.75"])
given = settings.complete(arguments.from_flags(settings.Settings))
built = optimizers.OPTIMIZERS[given.optimizer].build(given.learning_rate, given)
kept = settings.meaning(given, None)
of_sgd = settings.meaning(given._replace(optimizer="sgd"), None)
print(type(built).__name__, built._l1_regularization_strength, kept["proximal_l1"], end=" ")
print(kept["learning_rate"], "proximal_l1" in of_sgd)
try:
    settings.check(given._replace(proximal_l1=0))
except Exception as error:
    print(error)
print(train.FLAGS["proximal_l1"].help)
print("proximal: gradient descent, then a pull to 0." in train.FLAGS["optimizer"].help)
"""


def test_an_entry_of_the_table_is_all_that_an_optimizer_needs():
    out = subprocess.check_output(
        [sys.executable, "-c", NEW_OPTIMIZER], cwd=ROOT, encoding="utf-8"
    ).split("\n")
    assert out == [
        "ProximalGradientDescentOptimizer 0.75 0.75 0.25 False",
        "--proximal_l1=0: must be above 0",
        "Strength of the pull (proximal).",
        "True",
        "",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"settings": {}}', "null", "7", "[" * 100000, "\udcff",
        '{"settings": {"image_size": 200}, "dataset": null, "num_steps": 3}',
        '{"settings": {"image_size": 200}, "dataset": [1, 2], "num_steps": 3}',
        '{"settings": {"image_size": 200, "x": {"y": 1}}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "x": [[1]]}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "learning_rate": NaN}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200}, "dataset": {}, "dataset_dir": 7, "num_steps": 3}',
        '{"settings": {"image_size": 200, "seed": 1e999}, "dataset": {}, "num_steps": 3}',
        r'{"settings": {"image_size": 200}, "dataset": {}, "dataset_dir": "\u0000", "num_steps":3}',
        '{"settings": {"image_size": 200, "optimizer": "x"}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "optimizer": [1]}, "dataset": {}, "num_steps": 3}',
    ]
    + [
        '{"settings": {"image_size": 200, "%s": %s}, "dataset": {}, "num_steps": 3}' % setting
        for setting in [
            ("batch_size", '"56"'), ("batch_size", "0"), ("batch_size", "null"),
            ("fast_mode", "1"), ("seed", "true"), ("seed", "0.5"), ("learning_rate", '"0.1"'),
            ("dropout_keep_prob", "2"), ("adam_beta1", "[]"), ("trainable_scopes", "3"),
            ("learning_rate_decay_type", '"x"'), ("decay_steps", '"9"'), ("num_replicas", "0"),
        ]
    ]
    + [
        '{"settings": {"image_size": %s}, "dataset": {}, "num_steps": %s}' % numbers
        for numbers in [
            ('"big"', 3), (10**12, 3), ("null", 3), (-5, 3), (200.5, 3), ([], 3), ("true", 3),
            (200, '"many"'), (200, "null"), (200, -1), (200, 1e300), (200, {}),
        ]
    ],
    ids=lambda text: text[:60],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "settings.json").write_text(text, errors="surrogateescape")
    with pytest.raises(DataError, match="settings.json: damaged .*; remove it to continue") as it:
        settings.read(str(tmp_path))
    assert "\n" not in str(it.value)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "settings.json"))
    with pytest.raises(DataError, match="settings.json: is no file; remove it"):
        settings.read(str(tmp_path))


def test_flags_name_the_settings_that_are_no_defaults():
    chosen = settings.Settings(optimizer="adam", arg_scope=False, learning_rate=0.002, seed=3)
    meant = settings.meaning(settings.complete(chosen), None)
    kept = {"settings": meant, "dataset": {"num_photos": 3320}, "num_steps": 9}
    assert list(settings.flags_of(kept)) == [
        "--max_number_of_steps=9", "--noarg_scope", "--learning_rate=0.002", "--optimizer=adam",
        "--seed=3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "num_epochs, flag",
    [
        (None, []),
        (2, []),  # research/slim's, and so the default.
        (30, ["--num_epochs_per_decay=30.0"]),
        (12.345678, ["--num_epochs_per_decay=12.34"]),  # 731 steps, as 12.345678 gives.
    ],
)
def test_flags_give_a_run_the_same_decay(num_epochs, flag):
    chosen = settings.complete(
        settings.Settings(learning_rate_decay_type="exponential", num_epochs_per_decay=num_epochs)
    )
    num_decay_steps = schedules.decay_steps(chosen, 3320, 900)
    meant = settings.meaning(chosen, num_decay_steps)
    kept = {"settings": meant, "dataset": {"num_photos": 3320}, "num_steps": 900}
    given = [one for one in settings.flags_of(kept) if "epochs" in one]
    assert given == flag
    for one in given:
        again = chosen._replace(num_epochs_per_decay=float(one.partition("=")[2]))
        assert schedules.decay_steps(again, 3320, 900) == num_decay_steps


def test_flags_name_the_clones_of_a_step():
    meant = settings.meaning(settings.complete(settings.Settings(batch_size=28)), None, 2)
    kept = {"settings": meant, "dataset": {"num_photos": 3320}, "num_steps": 9}
    assert list(settings.flags_of(kept)) == [
        "--max_number_of_steps=9", "--num_clones=2", "--batch_size=28",
    ]  # fmt: skip
