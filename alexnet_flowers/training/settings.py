"""What a run is: the settings that decide what it means, kept beside its checkpoints.

Settings that only decide how fast, how long, or what is written down are not among them: they may
change whenever the run is continued.
"""

import json
import math
import os
import typing

from alexnet_flowers import json_file
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.input import preprocessing
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.training import optimization

FILENAME = "settings.json"


class Settings(typing.NamedTuple):
    """The settings of a run, under the names of their flags; None stands for a default.

    The defaults of the optimizers' own numbers are TensorFlow's. ``scripts/train.py --help``
    describes each.
    """

    # The images.
    batch_size: int = 56
    image_size: int = 224
    fast_mode: bool = True
    min_crop_area: float = preprocessing.MIN_CROP_AREA
    # The network.
    arg_scope: bool = True
    weight_decay: typing.Optional[float] = None
    dropout_keep_prob: float = 0.5
    label_smoothing: float = 0.0
    mixed_precision: bool = False
    # The optimizer.
    optimizer: str = "sgd"
    learning_rate: typing.Optional[float] = None
    momentum: float = 0.9
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adadelta_rho: float = 0.95
    adagrad_initial_accumulator_value: float = 0.1
    ftrl_learning_rate_power: float = -0.5
    ftrl_initial_accumulator_value: float = 0.1
    ftrl_l1: float = 0.0
    ftrl_l2: float = 0.0
    rmsprop_decay: float = 0.9
    rmsprop_momentum: float = 0.0
    opt_epsilon: typing.Optional[float] = None
    clip_gradient_norm: float = 0.0
    moving_average_decay: typing.Optional[float] = None
    # The learning rate over time.
    learning_rate_decay_type: str = "fixed"
    learning_rate_decay_factor: float = 0.94
    num_epochs_per_decay: typing.Optional[float] = None
    end_learning_rate: float = 0.0001
    warmup_steps: int = 0
    # The start.
    checkpoint_path: typing.Optional[str] = None
    checkpoint_exclude_scopes: typing.Optional[str] = None
    trainable_scopes: typing.Optional[str] = None
    seed: typing.Optional[int] = None


# Not among the settings of runs that were begun before these could be chosen.
_ADDED_LATER = ("min_crop_area", "mixed_precision")
# The settings that mean something for one optimizer, or one kind of decay, only.
_OF_OPTIMIZERS = {
    "momentum": ("momentum",),
    "adam": ("adam_beta1", "adam_beta2", "opt_epsilon"),
    "adadelta": ("adadelta_rho", "opt_epsilon"),
    "adagrad": ("adagrad_initial_accumulator_value",),
    "ftrl": (
        "ftrl_learning_rate_power",
        "ftrl_initial_accumulator_value",
        "ftrl_l1",
        "ftrl_l2",
    ),
    "rmsprop": ("rmsprop_decay", "rmsprop_momentum", "opt_epsilon"),
}
_OF_DECAYS = {
    "exponential": ("learning_rate_decay_factor",),
    "polynomial": ("end_learning_rate",),
    "cosine": ("end_learning_rate",),
}


def complete(settings):
    """Returns the settings with the numbers that None stood for, as far as they have one."""
    completed = {}
    if settings.learning_rate is None:
        completed["learning_rate"] = optimization.default_learning_rate(settings.optimizer)
    if settings.opt_epsilon is None:
        completed["opt_epsilon"] = optimization.default_epsilon(settings.optimizer)
    if settings.weight_decay is None and settings.arg_scope:
        completed["weight_decay"] = alexnet_v2.default_weight_decay()
    return settings._replace(**completed)


def check(settings):
    """Checks each setting, and those that depend on each other.

    Args:
      settings: a ``Settings``, complete.

    Raises:
      UsageError: one cannot be meant.
    """
    alexnet_v2.check_image_size(settings.image_size)
    for name, choices in (
        ("optimizer", optimization.OPTIMIZERS),
        ("learning_rate_decay_type", optimization.DECAY_TYPES),
    ):
        if getattr(settings, name) not in choices:
            raise UsageError(
                "--%s: %r is none of %s" % (name, getattr(settings, name), ", ".join(choices))
            )
    for rule, is_right, names in (
        ("at least 1", lambda x: x >= 1, "batch_size"),
        (
            "above 0",
            lambda x: x > 0,
            "learning_rate learning_rate_decay_factor num_epochs_per_decay opt_epsilon "
            "adagrad_initial_accumulator_value",
        ),
        (
            "at least 0",
            lambda x: x >= 0,
            "weight_decay clip_gradient_norm end_learning_rate warmup_steps momentum ftrl_l1 "
            "ftrl_l2 ftrl_initial_accumulator_value rmsprop_momentum",
        ),
        ("at most 0", lambda x: x <= 0, "ftrl_learning_rate_power"),
        (
            "in [0, 1)",
            lambda x: 0 <= x < 1,
            "label_smoothing moving_average_decay adam_beta1 adam_beta2 adadelta_rho rmsprop_decay",
        ),
        ("above 0 and at most 1", lambda x: 0 < x <= 1, "dropout_keep_prob min_crop_area"),
    ):
        for name in names.split():
            check_number(name, getattr(settings, name), is_right, rule)
    if settings.weight_decay and not settings.arg_scope:
        raise UsageError("--weight_decay needs --arg_scope: it is what applies it")
    if (
        settings.learning_rate_decay_type in ("polynomial", "cosine")
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


def check_number(name, value, is_right, rule):
    """Raises ``UsageError`` for a flag's number that is infinite, NaN or breaks a rule."""
    if value is not None and not (math.isfinite(value) and is_right(value)):
        raise UsageError("--%s=%s: must be %s" % (name, value, rule))


def meaning(settings, num_decay_steps, num_replicas=1):
    """Returns what a run's settings mean as a dict that JSON can hold.

    Numbers of optimizers and decays that the run does not use are left out, so that giving them
    makes no difference.

    Args:
      settings: a ``Settings``, complete.
      num_decay_steps: see ``optimization.decay_steps``.
      num_replicas: how many batches make a step: clones, and workers that wait for each other.
    """
    kept = dict(settings._asdict(), decay_steps=num_decay_steps)
    if num_replicas > 1:
        kept["num_replicas"] = num_replicas
    del kept["num_epochs_per_decay"]  # It has become the steps.
    for groups, chosen in (
        (_OF_OPTIMIZERS, settings.optimizer),
        (_OF_DECAYS, settings.learning_rate_decay_type),
    ):
        used = groups.get(chosen, ())
        for name in {name for group in groups.values() for name in group}:
            if name not in used:
                del kept[name]
    return kept


def write(run_dir, content):
    """Writes ``settings.json`` into the folder of a run's checkpoints."""
    json_file.write(os.path.join(run_dir, FILENAME), content)


def read(run_dir):
    """Returns the contents of a run's ``settings.json``, None where there is none.

    Raises:
      DataError: the file is damaged.
    """
    path = os.path.join(run_dir, FILENAME)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        _check_content(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        said = str(error) if isinstance(error, UsageError) else repr(error)
        raise DataError("%s: damaged (%.80s); remove it to continue without it" % (path, said))
    for name in _ADDED_LATER:
        content["settings"].setdefault(name, getattr(Settings(), name))
    return content


def _check_content(content):
    """Raises an error, ``ValueError`` among others, unless a file holds what ``write`` writes."""
    for part in ("settings", "dataset"):
        for name, value in content[part].items():
            for one in value if isinstance(value, list) else [value]:
                is_known = one is None or isinstance(one, (str, int, float))
                if not is_known or (isinstance(one, float) and not math.isfinite(one)):
                    raise ValueError("%s: no text and no number" % name)
    for number in (content["settings"]["image_size"], content["num_steps"]):
        if not isinstance(number, int) or number < 1:
            raise ValueError("%r: no size or no number of steps" % (number,))
    alexnet_v2.check_image_size(content["settings"]["image_size"])


def check_unchanged(run_dir, there, wanted, allow_changes):
    """Compares the settings a run was started with to those of now.

    Args:
      run_dir: the folder of the run's checkpoints, for the message.
      there: what ``read`` returned.
      wanted: the same of now; ``num_steps`` may differ.
      allow_changes: whether to go on in spite of differences.

    Returns:
      The differences, one text each.

    Raises:
      UsageError: there are some, and they are not allowed.
    """
    differences = []
    for part in ("settings", "dataset"):
        for name in sorted(set(there[part]) | set(wanted[part])):
            old, new = there[part].get(name), wanted[part].get(name)
            if old != new:
                if name == "decay_steps":
                    name += " (from --num_epochs_per_decay, or the run's length)"
                differences.append("%s was %s, is %s" % (name, old, new))
    if differences and not allow_changes:
        raise UsageError(
            "%s: the run was started with other settings (%s); choose another --run_name, or "
            "--allow_changed_settings to continue it all the same"
            % (run_dir, "; ".join(differences))
        )
    return differences


def image_size_of(run_dir):
    """Returns the image size that a run was trained with; the default where it kept none."""
    kept = read(run_dir)
    return kept["settings"]["image_size"] if kept else Settings().image_size
