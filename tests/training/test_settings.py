"""What a run was started with is kept, compared, and refused where it changed."""

import os

import pytest

from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.training import optimization, settings


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


def test_a_run_begun_before_something_could_be_chosen_has_the_default(tmp_path):
    before = content()
    del before["settings"]["min_crop_area"], before["settings"]["mixed_precision"]
    settings.write(str(tmp_path), before)
    assert settings.read(str(tmp_path)) == content()


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


def test_another_dataset_is_a_change():
    other = dict(content(), dataset={"num_photos": 12})
    with pytest.raises(UsageError, match="num_photos was 3320, is 12"):
        settings.check_unchanged("r", content(), other, False)


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
        ({"dropout_keep_prob": 0.0}, "--dropout_keep_prob=0.0: must be above 0 and at most 1"),
        ({"label_smoothing": 1.0}, r"--label_smoothing=1.0: must be in \[0, 1\)"),
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
    for optimizer in optimization.OPTIMIZERS:
        settings.check(complete(optimizer=optimizer))
    for decay in optimization.DECAY_TYPES:
        settings.check(complete(learning_rate_decay_type=decay))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"settings": {}}', "null", "7", "[" * 100000, "\udcff",
        '{"settings": {"image_size": 200}, "dataset": null, "num_steps": 3}',
        '{"settings": {"image_size": 200}, "dataset": [1, 2], "num_steps": 3}',
        '{"settings": {"image_size": 200, "x": {"y": 1}}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "x": [[1]]}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "learning_rate": NaN}, "dataset": {}, "num_steps": 3}',
        '{"settings": {"image_size": 200, "seed": 1e999}, "dataset": {}, "num_steps": 3}',
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
