"""The learning-rate range test: the loss over a few hundred steps while the rate grows.

After L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3; the
exponential growth and the tenth are S. Gugger's, How Do You Find A Good Learning Rate, 2018.
"""

import typing

import numpy as np

from alexnet_flowers.data import record_check
from alexnet_flowers.distributed import places
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.events import tensorboard_views
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization, saving, training_graph

NUM_STEPS = 300
_MAX_STEPS = 10**6  # Their rates are made at once.
RATES = 1e-6, 10.0  # Those of the first and the last step.
SMOOTHING = 0.9
_SMOOTHED_STEPS = 400  # What lies before counts for less than a float64 can hold.
# So many times what guessing costs, and what comes later says nothing.
_DIVERGED = 2
# The rate of the lowest loss is about to be too high.
_SHARE_OF_LOWEST = 0.1
# A loss that has fallen by a smaller share has not fallen.
_LEAST_FALL = 0.05


class Measured(typing.NamedTuple):
    """What a test has measured.

    Attributes:
      rates: float64 [n], ascending.
      losses: float64 [n], the cross entropy of each step's batch, before the step changes anything.
      smoothed: float64 [n], the same as TensorBoard smooths it.
      suggestion: float, a learning rate to begin with; None where the loss did not fall.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: typing.Optional[float]


def measure(plan, report=print):
    """Trains a network that is thrown away, the rate growing exponentially; returns a ``Measured``.

    It begins as a new run of the same settings would, and ends early where the loss grows beyond
    all bounds. Nothing is written.

    Args:
      plan: a ``plan.Plan``; its schedule makes no difference, and of its steps only those that its
        options name: without them there are ``NUM_STEPS``.
      report: called with each line of the console.

    Raises:
      DataError: a record, or the checkpoint that the settings name, is not as it has to be; a batch
        is too large for the memory there is; or the loss is not finite before the first step.
      UsageError: the plan is that of a cluster, or of more than a million steps; or see
        ``training_graph.build`` and ``saving.warm_start``.
    """
    if plan.members is not None:
        raise UsageError("--find_learning_rate: not in a cluster")
    num_steps = plan.options.max_number_of_steps or NUM_STEPS
    if num_steps > _MAX_STEPS:
        raise UsageError(
            "--max_number_of_steps=%d: --find_learning_rate makes at most %d"
            % (num_steps, _MAX_STEPS)
        )
    with tf.Graph().as_default():
        ops = training_graph.build(plan, places.Alone(), report)
        init_fn = saving.warm_start(plan.settings, plan.split.labels_to_names, report)
        rates = np.geomspace(*RATES, num=num_steps)
        try:
            losses = _losses(plan, ops, init_fn, rates, report)
        except tf.errors.OpError as error:
            raise DataError(record_check.why_stopped(error, plan.split))
    if not losses:
        raise DataError("--find_learning_rate: the loss is NaN or infinite before the first step")
    return result_of(rates[: len(losses)], np.array(losses))


def result_of(rates, losses):
    """Returns the ``Measured`` of rates and losses, float64 [n]."""
    smoothed = tensorboard_views.smoothed(losses, SMOOTHING)
    lowest = int(smoothed.argmin())
    has_fallen = smoothed[lowest] < (1 - _LEAST_FALL) * smoothed[: max(1, lowest)].max()
    suggestion = float("%.1g" % (rates[lowest] * _SHARE_OF_LOWEST)) if has_fallen else None
    return Measured(rates, losses, smoothed, suggestion)


def _losses(plan, ops, init_fn, rates, report):
    losses = []

    def step(session, train_op, global_step, kwargs):
        if not losses:
            session.run(ops.put)
        rate = rates[len(losses)]
        fetches = [ops.cross_entropy, train_op, ops.put]
        try:
            loss = float(session.run(fetches, {ops.learning_rate: rate})[0])
        except tf.errors.InvalidArgumentError as error:
            if not optimization.is_of_the_loss(error):
                raise
            return np.nan, True
        losses.append(loss)
        every = plan.options.logging.log_every_n_steps
        if every and len(losses) % every == 0:
            report(
                "step %*d/%d  learning rate %.1e  cross entropy %.4f"
                % (len(str(len(rates))), len(losses), len(rates), rate, loss)
            )
        smoothed = tensorboard_views.smoothed(losses[-_SMOOTHED_STEPS:], SMOOTHING)[-1]
        has_diverged = smoothed > _DIVERGED * np.log(plan.split.num_classes)
        return loss, has_diverged or len(losses) == len(rates)

    slim.learning.train(
        ops.train_op,
        None,
        train_step_fn=step,
        train_step_kwargs={},
        init_fn=init_fn,
        session_config=plan.session_config,
        ignore_live_threads=True,
    )
    return losses
