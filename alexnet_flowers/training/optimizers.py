"""The optimizers: one table of everything that is known of each.

To add one, add an entry here. ``--optimizer`` offers it then; its hyperparameters become flags,
fields of ``settings.Settings`` and, in runs that use it, keys of ``settings.json``.
"""

import typing

from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import muon
from alexnet_flowers.training.hyperparameters import (
    ABOVE_0,
    AT_LEAST_0,
    AT_MOST_0,
    BELOW_1,
    FACTOR,
    Hyperparameter,
    Table,
)

EPSILON = Hyperparameter(
    "opt_epsilon", None, ABOVE_0, "Add this to a denominator, so that it is never 0"
)
MOMENTUM = Hyperparameter(
    "momentum", 0.9, AT_LEAST_0, "Keep this share of the sum of past gradients at each step"
)


class Optimizer(typing.NamedTuple):
    """One optimizer."""

    help: str
    # A function of the learning rate (float32 []) and complete ``Settings`` (no epsilon of None
    # where it takes one); returns a ``tf.train.Optimizer``.
    build: typing.Callable
    own: typing.Tuple[Hyperparameter, ...] = ()
    # The default of --opt_epsilon, which is TensorFlow's; None: it takes no epsilon.
    epsilon: typing.Optional[float] = None
    # The default of --learning_rate: TensorFlow's, else slim's, which the study group used too.
    learning_rate: float = 0.01

    @property
    def hyperparameters(self):
        """All ``Hyperparameter``s that it takes."""
        return self.own + (() if self.epsilon is None else (EPSILON,))


OPTIMIZERS = Table(
    "optimizer",
    sgd=Optimizer(
        "plain gradient descent", lambda rate, settings: tf.train.GradientDescentOptimizer(rate)
    ),
    momentum=Optimizer(
        "gradient descent along a decaying sum of past gradients",
        lambda rate, settings: tf.train.MomentumOptimizer(rate, settings.momentum),
        own=(MOMENTUM,),
    ),
    muon=Optimizer(
        "orthogonal steps for the kernels of convolutions, momentum for all else",
        lambda rate, settings: muon.optimizer(
            rate,
            settings.muon_momentum,
            settings.muon_weight_decay,
            rate * (settings.momentum_learning_rate / settings.learning_rate),
            settings.momentum,
        ),
        own=(
            Hyperparameter(
                "muon_momentum",
                0.95,
                BELOW_1,
                "Keep this share of the mean gradient, of which orthogonal steps are made",
            ),
            Hyperparameter(
                "muon_weight_decay",
                0.0,
                AT_LEAST_0,
                "Take the learning rate times this share of a kernel from it at each orthogonal "
                "step",
            ),
            Hyperparameter(
                "momentum_learning_rate",
                0.01,
                FACTOR,
                "Let all else learn at this rate, which --learning_rate's decay changes too",
            ),
            MOMENTUM,
        ),
        learning_rate=0.02,  # Of the article that ``muon`` names.
    ),
    adam=Optimizer(
        "steps scaled by running means of the gradient and of its square",
        lambda rate, settings: tf.train.AdamOptimizer(
            rate, settings.adam_beta1, settings.adam_beta2, settings.opt_epsilon
        ),
        own=(
            Hyperparameter(
                "adam_beta1", 0.9, BELOW_1, "Let the gradient's mean decay by this factor a step"
            ),
            Hyperparameter(
                "adam_beta2",
                0.999,
                BELOW_1,
                "Let the squared gradient's mean decay by this factor a step",
            ),
        ),
        epsilon=1e-8,
        learning_rate=0.001,
    ),
    adadelta=Optimizer(
        "steps scaled by running means of the squared gradient and the squared update",
        lambda rate, settings: tf.train.AdadeltaOptimizer(
            rate, settings.adadelta_rho, settings.opt_epsilon
        ),
        own=(
            Hyperparameter(
                "adadelta_rho", 0.95, BELOW_1, "Let both means decay by this factor a step"
            ),
        ),
        epsilon=1e-8,
        learning_rate=0.001,
    ),
    adagrad=Optimizer(
        "steps scaled by the sum of all squared gradients",
        lambda rate, settings: tf.train.AdagradOptimizer(
            rate, settings.adagrad_initial_accumulator_value
        ),
        own=(
            Hyperparameter(
                "adagrad_initial_accumulator_value",
                0.1,
                ABOVE_0,
                "Start the sum of squared gradients at this",
            ),
        ),
    ),
    ftrl=Optimizer(
        "follow the regularized leader, with L1 and L2 penalties of its own",
        lambda rate, settings: tf.train.FtrlOptimizer(
            rate,
            learning_rate_power=settings.ftrl_learning_rate_power,
            initial_accumulator_value=settings.ftrl_initial_accumulator_value,
            l1_regularization_strength=settings.ftrl_l1,
            l2_regularization_strength=settings.ftrl_l2,
        ),
        own=(
            Hyperparameter(
                "ftrl_learning_rate_power",
                -0.5,
                AT_MOST_0,
                "Scale the learning rate by this power of the summed squares; 0: not at all",
            ),
            Hyperparameter(
                "ftrl_initial_accumulator_value",
                0.1,
                AT_LEAST_0,
                "Start the sum of squared gradients at this",
            ),
            Hyperparameter("ftrl_l1", 0.0, AT_LEAST_0, "Give the L1 penalty this strength"),
            Hyperparameter("ftrl_l2", 0.0, AT_LEAST_0, "Give the L2 penalty this strength"),
        ),
    ),
    rmsprop=Optimizer(
        "steps scaled by a running mean of the squared gradient",
        lambda rate, settings: tf.train.RMSPropOptimizer(
            rate, settings.rmsprop_decay, settings.rmsprop_momentum, settings.opt_epsilon
        ),
        own=(
            Hyperparameter(
                "rmsprop_decay", 0.9, BELOW_1, "Let the mean decay by this factor a step"
            ),
            Hyperparameter(
                "rmsprop_momentum",
                0.0,
                AT_LEAST_0,
                "Keep this share of the step before at each step",
            ),
        ),
        epsilon=1e-10,
    ),
)
