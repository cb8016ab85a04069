"""What a run is: the settings that decide what it means, kept beside its checkpoints.

Settings that only decide how fast, how long, or what is written down are not among them: they may
change whenever the run is continued.
"""

import json
import os
import typing

from alexnet_flowers.errors import DataError, UsageError

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
    # The network.
    arg_scope: bool = True
    weight_decay: typing.Optional[float] = None
    dropout_keep_prob: float = 0.5
    label_smoothing: float = 0.0
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


def write(run_dir, content):
    """Writes ``settings.json``, complete or not at all.

    Args:
      run_dir: the folder of the run's checkpoints; made if need be.
      content: a flat or nested dict that JSON can hold.
    """
    os.makedirs(run_dir, exist_ok=True)
    path = os.path.join(run_dir, FILENAME)
    with open(path + ".partial", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(path + ".partial", path)


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
        content["settings"], content["dataset"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("%s: damaged (%r); remove it to continue without it" % (path, error))
    return content


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
