"""The flags of a run's settings."""

from alexnet_flowers.training import settings, settings_flags


def test_they_name_the_settings_that_are_no_defaults():
    chosen = settings.Settings(optimizer="adam", arg_scope=False, learning_rate=0.002, seed=3)
    kept = {"settings": settings.meaning(settings.complete(chosen), None), "num_steps": 9}
    assert list(settings_flags.of(kept)) == [
        "--max_number_of_steps=9", "--noarg_scope", "--learning_rate=0.002", "--optimizer=adam",
        "--seed=3",
    ]  # fmt: skip
