"""What a run was started with is kept, compared, and refused where it changed."""

import pytest

from alexnet_flowers import settings
from alexnet_flowers.errors import DataError, UsageError


def content(**changes):
    return {
        "settings": dict(settings.Settings()._asdict(), **changes),
        "dataset": {"num_photos": 3320},
        "num_steps": 100,
    }


def test_what_is_written_is_read(tmp_path):
    run_dir = str(tmp_path / "new" / "run")
    assert settings.read(run_dir) is None
    settings.write(run_dir, content(learning_rate=0.1))
    assert settings.read(run_dir) == content(learning_rate=0.1)
    assert settings.image_size_of(run_dir) == 224
    settings.write(run_dir, content(image_size=200))
    assert settings.image_size_of(run_dir) == 200


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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"settings": {}}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(DataError, match="settings.json: damaged"):
        settings.read(str(tmp_path))
