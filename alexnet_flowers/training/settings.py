"""What a run is: the settings that decide what it means, kept beside its checkpoints.

Settings that only decide how fast, how long, or what is written down are not among them: they may
change whenever the run is continued.
"""

import math
import os
import typing

from alexnet_flowers import json_file, regular_file
from alexnet_flowers.data import identity
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.input import preprocessing, randaugment
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.training import hyperparameters, optimizers, schedules

FILENAME = "settings.json"


class _Common(typing.NamedTuple):
    """The settings that mean something for every optimizer and schedule."""

    # The images.
    batch_size: int = 56
    image_size: int = 224
    fast_mode: bool = True
    min_crop_area: float = preprocessing.MIN_CROP_AREA
    randaug_num_layers: int = randaugment.NOTHING.num_layers
    randaug_magnitude: float = randaugment.NOTHING.magnitude
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    random_erasing: float = 0.0
    # The network.
    arg_scope: bool = True
    weight_decay: typing.Optional[float] = None
    dropout_keep_prob: float = 0.5
    label_smoothing: float = 0.0
    mixed_precision: bool = False
    # The optimizer.
    optimizer: str = "sgd"
    learning_rate: typing.Optional[float] = None
    clip_gradient_norm: float = 0.0
    moving_average_decay: typing.Optional[float] = None
    # The learning rate over time.
    learning_rate_decay_type: str = "fixed"
    num_epochs_per_decay: typing.Optional[float] = None
    warmup_steps: int = 0
    # The start.
    checkpoint_path: typing.Optional[str] = None
    checkpoint_exclude_scopes: typing.Optional[str] = None
    ignore_missing_vars: bool = False
    trainable_scopes: typing.Optional[str] = None
    seed: typing.Optional[int] = None


# Those that mean something for some optimizers or schedules only, by name.
HYPERPARAMETERS = {
    hyperparameter.name: hyperparameter
    for table in (optimizers.OPTIMIZERS, schedules.SCHEDULES)
    for choice in table.values()
    for hyperparameter in choice.hyperparameters
}
_DEFAULTS = dict(
    _Common()._asdict(), **{name: known.default for name, known in HYPERPARAMETERS.items()}
)
_TYPES = dict(
    typing.get_type_hints(_Common), **dict.fromkeys(HYPERPARAMETERS, typing.Optional[float])
)


Settings = typing.NamedTuple("Settings", list(_TYPES.items()))
Settings.__doc__ = """The settings of a run, under the names of their flags; None is a default.

They are those of ``_Common`` and all ``HYPERPARAMETERS``. ``train --help`` describes each.
"""
Settings.__new__.__defaults__ = tuple(_DEFAULTS.values())  # In the order of the fields.

# Not among the settings of runs that were begun before these could be chosen.
_ADDED_LATER = (
    "min_crop_area",
    "mixed_precision",
    "ignore_missing_vars",
    "randaug_num_layers",
    "randaug_magnitude",
    "mixup_alpha",
    "cutmix_alpha",
    "random_erasing",
    "muon_weight_decay",
)
# What has no flag of its name: the flags that decide it, for a message.
_DECIDED_BY = {
    "decay_steps": "--num_epochs_per_decay, or the run's length",
    "num_replicas": "--num_clones, and the workers of --sync_replicas",
    "num_steps": "--max_number_of_steps, or --num_epochs",
}
_RANGES = dict(
    {name: known.range for name, known in HYPERPARAMETERS.items()},
    batch_size=hyperparameters.AT_LEAST_1,
    weight_decay=hyperparameters.AT_LEAST_0,
    dropout_keep_prob=hyperparameters.ABOVE_0_TO_1,
    min_crop_area=hyperparameters.ABOVE_0_TO_1,
    randaug_num_layers=hyperparameters.between(0, len(randaugment.OPERATIONS)),
    randaug_magnitude=hyperparameters.between(0, randaugment.MAX_MAGNITUDE),
    mixup_alpha=hyperparameters.AT_LEAST_0,
    cutmix_alpha=hyperparameters.AT_LEAST_0,
    random_erasing=hyperparameters.between(0, 1),
    label_smoothing=hyperparameters.BELOW_1,
    learning_rate=hyperparameters.FACTOR,
    clip_gradient_norm=hyperparameters.AT_LEAST_0,
    moving_average_decay=hyperparameters.BELOW_1,
    num_epochs_per_decay=hyperparameters.ABOVE_0,
    warmup_steps=hyperparameters.AT_LEAST_0,
)


def complete(settings):
    """Returns the settings with the numbers that None stood for, as far as they have one.

    Raises:
      UsageError: an unknown optimizer.
    """
    optimizer = optimizers.OPTIMIZERS[settings.optimizer]
    completed = {}
    if settings.learning_rate is None:
        completed["learning_rate"] = optimizer.learning_rate
    if settings.opt_epsilon is None:
        completed["opt_epsilon"] = optimizer.epsilon
    if settings.weight_decay is None and settings.arg_scope:
        completed["weight_decay"] = alexnet_v2.WEIGHT_DECAY
    return settings._replace(**completed)


def check(settings):
    """Raises ``UsageError`` for what complete ``Settings`` cannot have, alone or together."""
    _check_each(settings)
    schedule = schedules.SCHEDULES[settings.learning_rate_decay_type]
    if settings.checkpoint_path == "":
        raise UsageError("--checkpoint_path: is empty; name a checkpoint, or leave it out")
    for name in ("checkpoint_exclude_scopes", "ignore_missing_vars"):
        if getattr(settings, name) and not settings.checkpoint_path:
            raise UsageError("--%s: needs --checkpoint_path, where the weights come from" % name)
    if settings.weight_decay and not settings.arg_scope:
        raise UsageError("--weight_decay needs --arg_scope: it is what applies it")
    if (
        schedules.END_LEARNING_RATE in schedule.hyperparameters
        and settings.learning_rate_decay_type != "polynomial"  # As in slim; see the remark.
        and settings.end_learning_rate >= settings.learning_rate
    ):
        raise UsageError(
            "--end_learning_rate=%g: must be below --learning_rate=%g for a %s decay"
            % (
                settings.end_learning_rate,
                settings.learning_rate,
                settings.learning_rate_decay_type,
            )
        )


def _check_each(settings):
    """Raises ``UsageError`` for a value that is wrong whatever the others are."""
    alexnet_v2.check_image_size(settings.image_size)
    _ = optimizers.OPTIMIZERS[settings.optimizer]
    _ = schedules.SCHEDULES[settings.learning_rate_decay_type]
    for name, range_ in _RANGES.items():
        hyperparameters.check(name, getattr(settings, name), range_)


def meaning(settings, num_decay_steps, num_replicas=1):
    """Returns what a run's settings mean as a dict that JSON can hold.

    Hyperparameters of other optimizers and schedules than the run's are left out, so that giving
    them makes no difference.

    Args:
      settings: a ``Settings``, complete.
      num_decay_steps: see ``schedules.decay_steps``.
      num_replicas: how many batches make a step: clones, and workers that wait for each other.
    """
    kept = dict(settings._asdict(), decay_steps=num_decay_steps)
    if num_replicas > 1:
        kept["num_replicas"] = num_replicas
    del kept["num_epochs_per_decay"]  # It has become the steps.
    if not settings.randaug_num_layers:  # Of no operations the magnitude makes no difference.
        kept["randaug_magnitude"] = _DEFAULTS["randaug_magnitude"]
    return {name: kept[name] for name in kept if _is_used(name, kept)}


def _is_used(name, kept):
    """Says whether a setting makes a difference with the optimizer and the schedule of a run."""
    choices = (
        optimizers.OPTIMIZERS[kept["optimizer"]],
        schedules.SCHEDULES[kept["learning_rate_decay_type"]],
    )
    return name not in HYPERPARAMETERS or any(
        HYPERPARAMETERS[name] in choice.hyperparameters for choice in choices
    )


def for_a_message(kept):
    """Returns what ``meaning`` returned with names that say which flags decide each number."""
    return {
        "%s (from %s)" % (name, _DECIDED_BY[name]) if name in _DECIDED_BY else name: value
        for name, value in dict({"num_replicas": 1}, **kept).items()
    }


def write(run_dir, content):
    """Writes ``settings.json`` into the folder of a run's checkpoints."""
    json_file.write(os.path.join(run_dir, FILENAME), content)


def write_ended(run_dir, content, step_number):
    """Notes in ``settings.json`` that a run ended before its last step, as it was told to.

    Whoever waits for its end knows by that; when the run is continued, the note goes.
    """
    write(run_dir, dict(content, ended_at_step=step_number))


def last_step(content):
    """Returns the number of the last step of a run, of what ``read`` returned."""
    return content.get("ended_at_step", content["num_steps"])


def read(run_dir):
    """Returns what ``settings.json`` of a run holds, or None; ``DataError`` if it is damaged."""
    path = os.path.join(run_dir, FILENAME)
    if not os.path.lexists(path):
        return None
    regular_file.check(path, "remove it to continue without it")
    try:
        content = json_file.read(path)
        _check_content(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        said = str(error) if isinstance(error, UsageError) else repr(error)
        raise DataError("%s: damaged (%.80s); remove it to continue without it" % (path, said))
    kept = content["settings"]
    for name in _ADDED_LATER:
        if _is_used(name, dict(_DEFAULTS, **kept)):
            kept.setdefault(name, _DEFAULTS[name])
    return content


def _check_content(content):
    """Raises an error, ``ValueError`` among others, unless a file holds what ``write`` writes."""
    for part in ("settings", "dataset"):
        for name, value in content[part].items():
            for one in value if isinstance(value, list) else [value]:
                is_known = one is None or isinstance(one, (str, int, float))
                if not is_known or (isinstance(one, float) and not math.isfinite(one)):
                    raise ValueError("%s: no text and no number" % name)
    kept = content["settings"]
    counts = [content["num_steps"], last_step(content), kept.get("num_replicas", 1)]
    if kept.get("decay_steps") is not None:
        counts.append(kept["decay_steps"])
    for number in counts:
        if not _is_a(int, number) or number < 1:
            raise ValueError("%r: no number of steps or batches" % (number,))
    folder = content.get("dataset_dir", "")
    if not isinstance(folder, str) or "\0" in folder:
        raise ValueError("dataset_dir: no name of a folder")
    known = {name: kept[name] for name in _TYPES if name in kept}
    for name, value in known.items():
        if not _is_a(_TYPES[name], value):
            raise ValueError("%s: cannot be %r" % (name, value))
    # Without its image size nothing can be said of a run.
    _check_each(Settings(**dict(known, image_size=kept["image_size"])))


def _is_a(kind, value):
    """Says whether a value of JSON is of a setting's type, a class or the ``Optional`` of one."""
    kinds = getattr(kind, "__args__", (kind,))
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def check_unchanged(run_dir, there, wanted, allow_changes):
    """Returns how the settings of now differ from those a run was started with, one text each.

    Args:
      run_dir: the folder of the run's checkpoints, for the message.
      there: what ``read`` returned.
      wanted: the same of now; ``num_steps`` may differ.
      allow_changes: whether to go on in spite of differences.

    Raises:
      UsageError: there are some, and they are not allowed.
    """
    differences = []
    before, now = for_a_message(there["settings"]), for_a_message(wanted["settings"])
    if identity.is_other(there["dataset"], wanted["dataset"]):
        differences.append(
            "the photos were %s, are %s" % (_described(there), _described(wanted))
            if there.get("dataset_dir") != wanted["dataset_dir"]
            else "%s holds other photos now" % wanted["dataset_dir"]
        )
    else:  # Some may have been skipped.
        for name in ("num_photos", "classes"):
            before[name], now[name] = there["dataset"].get(name), wanted["dataset"].get(name)
    for name in sorted(set(before) | set(now)):
        old, new = before.get(name), now.get(name)
        if old != new:
            differences.append("%s was %s, is %s" % (name, old, new))
    if differences and not allow_changes:
        raise UsageError(
            "%s: the run was started with other settings (%s); choose another --run_name, or "
            "--allow_changed_settings to continue it all the same"
            % (run_dir, "; ".join(differences))
        )
    return differences


def _described(kept):
    """Returns the photos of a run for a line of text."""
    folder = kept.get("dataset_dir", "another folder")
    return "the %s of %s" % (kept["dataset"].get("num_photos"), folder)


def flags_of(kept):
    """Yields the flags of ``train`` that would give what ``read`` returned of a run.

    Those are of settings that are not their defaults, and of the number of steps.
    """
    values = dict(_DEFAULTS, **kept["settings"])
    values["num_epochs_per_decay"] = _epochs_per_decay(kept, values)
    chosen = {name: values[name] for name in ("optimizer", "arg_scope")}
    defaults = complete(Settings(**chosen))._replace(**{name: _DEFAULTS[name] for name in chosen})
    yield "--max_number_of_steps=%d" % kept["num_steps"]
    num_replicas = kept["settings"].get("num_replicas", 1)
    if num_replicas > 1:  # As many workers of --sync_replicas would make the same steps.
        yield "--num_clones=%d" % num_replicas
    for name, default in sorted(defaults._asdict().items()):
        if isinstance(values[name], bool):
            if values[name] != default:
                yield "--%s%s" % ("" if values[name] else "no", name)
        elif values[name] not in (None, default):
            yield "--%s=%s" % (name, values[name])


def _epochs_per_decay(kept, values):
    """Returns a number of epochs that gives a run its ``decay_steps``; None where none need be."""
    wanted = values.get("decay_steps")
    num_photos, num_replicas = kept["dataset"].get("num_photos"), values.get("num_replicas", 1)
    if not (wanted and _is_a(int, num_photos) and num_photos > 0):
        return None
    settings = Settings(**{name: values[name] for name in Settings._fields})

    def gives(num_epochs):
        of = settings._replace(num_epochs_per_decay=num_epochs)
        return wanted == schedules.decay_steps(of, num_photos, kept["num_steps"], num_replicas)

    if gives(None):
        return None
    # They were cut to whole steps: the roundest number that gives as many.
    exact = (wanted + 0.5) * settings.batch_size * num_replicas / num_photos
    rounded = (float("%.*g" % (digits, exact)) for digits in range(1, 18))
    return next(filter(gives, rounded), exact)


def image_size_of(run_dir):
    """Returns the image size that a run was trained with; the default where it kept none."""
    kept = read(run_dir)
    return kept["settings"]["image_size"] if kept else Settings().image_size
