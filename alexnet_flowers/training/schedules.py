"""The learning rate over time: one table of everything that is known of each schedule.

To add one, add an entry here. ``--learning_rate_decay_type`` offers it then; its hyperparameters
become flags, fields of ``settings.Settings`` and, in runs that use it, keys of ``settings.json``.
"""

import typing

from alexnet_flowers import devices
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training.hyperparameters import (
    ABOVE_0,
    AT_LEAST_0,
    LARGEST,
    Hyperparameter,
    Table,
)

END_LEARNING_RATE = Hyperparameter(
    "end_learning_rate", 0.0001, AT_LEAST_0, "End the decay at this learning rate"
)


class Schedule(typing.NamedTuple):
    """One schedule."""

    help: str
    # A function of complete ``Settings``, the steps since the warm-up (int64 []) and the steps of a
    # decay; returns the learning rate (float32 []). None: it stays.
    decay: typing.Optional[typing.Callable] = None
    hyperparameters: typing.Tuple[Hyperparameter, ...] = ()
    # The default of --num_epochs_per_decay; None: the run after its warm-up, so that both end
    # together.
    epochs_per_decay: typing.Optional[float] = None


SCHEDULES = Table(
    "learning_rate_decay_type",
    fixed=Schedule("the learning rate stays"),
    exponential=Schedule(
        "multiplied by --learning_rate_decay_factor after each decay period",
        lambda settings, step, num_decay_steps: tf.train.exponential_decay(
            settings.learning_rate,
            step,
            num_decay_steps,
            settings.learning_rate_decay_factor,
            staircase=True,
        ),
        (
            Hyperparameter(
                "learning_rate_decay_factor",
                0.94,
                ABOVE_0,
                "Multiply the learning rate by this after each decay period",
            ),
        ),
        epochs_per_decay=2.0,  # research/slim's.
    ),
    polynomial=Schedule(
        "falls linearly to --end_learning_rate",
        lambda settings, step, num_decay_steps: tf.train.polynomial_decay(
            settings.learning_rate, step, num_decay_steps, settings.end_learning_rate
        ),
        (END_LEARNING_RATE,),
    ),
    cosine=Schedule(
        "falls along half a cosine to --end_learning_rate",
        lambda settings, step, num_decay_steps: tf.train.cosine_decay(
            settings.learning_rate,
            step,
            num_decay_steps,
            alpha=settings.end_learning_rate / settings.learning_rate,
        ),
        (END_LEARNING_RATE,),
    ),
)


def remarks(settings, num_steps):
    """Yields a line about each thing of a schedule that hardly anybody means.

    Args:
      settings: a ``Settings``, complete.
      num_steps: the length of the run.
    """
    start, end = settings.learning_rate, settings.end_learning_rate
    if settings.learning_rate_decay_type == "polynomial" and start <= end:
        how = "stays as it is" if start == end else "rises"
        yield "the learning rate %s: --learning_rate=%g is not above --end_learning_rate=%g" % (
            how,
            start,
            end,
        )
    if settings.warmup_steps >= num_steps:
        yield (
            "the run is over in its warm-up: --warmup_steps=%d, and %d steps in all; lower "
            "--warmup_steps, or train longer" % (settings.warmup_steps, num_steps)
        )


def decay_steps(settings, num_samples, num_steps, num_replicas=1):
    """Returns over how many steps the learning rate decays once; None if it is fixed.

    Args:
      settings: a ``Settings``.
      num_samples: photos of an epoch.
      num_steps: the length of the run.
      num_replicas: how many batches make a step.
    """
    schedule = SCHEDULES[settings.learning_rate_decay_type]
    if schedule.decay is None:
        return None
    num_epochs = settings.num_epochs_per_decay
    if num_epochs is None:
        num_epochs = schedule.epochs_per_decay
    if num_epochs is None:
        return max(1, num_steps - settings.warmup_steps)
    num_decay_steps = num_samples * num_epochs / (settings.batch_size * num_replicas)
    return max(1, int(min(num_decay_steps, LARGEST)))


def rate_after(settings, num_decay_steps, steps_made):
    """Returns the learning rate of the step that follows on so many, a float."""
    config = devices.session_config("cpu")
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        made = tf.constant(steps_made, tf.int64)
        return float(session.run(learning_rate(settings, num_decay_steps, made)))


def learning_rate(settings, num_decay_steps, global_step):
    """Builds the learning rate of a step, float32 [].

    Args:
      settings: a ``Settings``, complete (no learning rate of None).
      num_decay_steps: see ``decay_steps``.
      global_step: int64 [], the number of steps made so far.

    Raises:
      UsageError: an unknown schedule.
    """
    schedule = SCHEDULES[settings.learning_rate_decay_type]
    if schedule.decay is None:
        rate = tf.constant(settings.learning_rate, tf.float32)
    else:
        since_warmup = tf.maximum(global_step - settings.warmup_steps, 0)
        rate = schedule.decay(settings, since_warmup, num_decay_steps)
    if settings.warmup_steps:
        # Linear: a small first step, the full rate at the last step of the warm-up.
        share = tf.cast(global_step + 1, tf.float32) / float(settings.warmup_steps)
        rate *= tf.minimum(share, 1.0)
    return rate
