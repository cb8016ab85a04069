"""From the logits to the operation that trains: loss, learning rate, optimizer, train_op."""

from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import slim, tf

OPTIMIZERS = ("sgd", "momentum", "adam", "adadelta", "adagrad", "ftrl", "rmsprop")
DECAY_TYPES = ("fixed", "exponential", "polynomial", "cosine")

# TensorFlow's own default learning rates, for the two optimizers that have one; for the others
# slim's, which is the study group's too.
_OWN_LEARNING_RATES = {"adam": 0.001, "adadelta": 0.001}
_LEARNING_RATE = 0.01
# TensorFlow's own default epsilons.
_OWN_EPSILONS = {"adam": 1e-8, "adadelta": 1e-8, "rmsprop": 1e-10}
# research/slim's.
_EPOCHS_PER_EXPONENTIAL_DECAY = 2.0


def default_learning_rate(optimizer):
    """Returns an optimizer's default learning rate: TensorFlow's own, else 0.01."""
    return _OWN_LEARNING_RATES.get(optimizer, _LEARNING_RATE)


def default_epsilon(optimizer):
    """Returns TensorFlow's epsilon for an optimizer, None where it has none."""
    return _OWN_EPSILONS.get(optimizer)


def decay_steps(settings, num_samples, num_steps, num_replicas=1):
    """Returns over how many steps the learning rate decays once; None if it is fixed.

    Without ``num_epochs_per_decay`` that is 2 epochs for the exponential decay, which goes on and
    on, and for the polynomial and the cosine decay all of the run after the warm-up: they reach
    their end with its last step.

    Args:
      settings: a ``Settings``.
      num_samples: photos of an epoch.
      num_steps: the length of the run.
      num_replicas: how many batches make a step.
    """
    decay_type = settings.learning_rate_decay_type
    num_epochs_per_decay = settings.num_epochs_per_decay
    if decay_type == "fixed":
        return None
    if num_epochs_per_decay is None:
        if decay_type != "exponential":
            return max(1, num_steps - settings.warmup_steps)
        num_epochs_per_decay = _EPOCHS_PER_EXPONENTIAL_DECAY
    return max(1, int(num_samples * num_epochs_per_decay / (settings.batch_size * num_replicas)))


def learning_rate(settings, num_decay_steps, global_step):
    """Builds the learning rate of a step.

    Args:
      settings: a ``Settings``, complete (no learning rate of None).
      num_decay_steps: see ``decay_steps``.
      global_step: int64 [], the number of steps made so far.

    Returns:
      float32 [].

    Raises:
      UsageError: an unknown kind of decay.
    """
    base = settings.learning_rate
    kind = settings.learning_rate_decay_type
    after_warmup = tf.maximum(global_step - settings.warmup_steps, 0)
    if kind == "fixed":
        rate = tf.constant(base, tf.float32)
    elif kind == "exponential":
        rate = tf.train.exponential_decay(
            base, after_warmup, num_decay_steps, settings.learning_rate_decay_factor, staircase=True
        )
    elif kind == "polynomial":
        rate = tf.train.polynomial_decay(
            base, after_warmup, num_decay_steps, settings.end_learning_rate
        )
    elif kind == "cosine":
        rate = tf.train.cosine_decay(
            base, after_warmup, num_decay_steps, alpha=settings.end_learning_rate / base
        )
    else:
        raise UsageError(
            "--learning_rate_decay_type: %r is none of %s" % (kind, ", ".join(DECAY_TYPES))
        )
    if settings.warmup_steps:
        # Linear: a small first step, the full rate at the last step of the warm-up.
        share = tf.cast(global_step + 1, tf.float32) / float(settings.warmup_steps)
        rate *= tf.minimum(share, 1.0)
    return rate


def optimizer(settings, rate):
    """Builds one of slim's seven optimizers.

    Args:
      settings: a ``Settings``, complete (no epsilon of None where the optimizer has one).
      rate: float32 [], its learning rate.

    Returns:
      A ``tf.train.Optimizer``.

    Raises:
      UsageError: an unknown name.
    """
    name = settings.optimizer
    if name == "sgd":
        return tf.train.GradientDescentOptimizer(rate)
    if name == "momentum":
        return tf.train.MomentumOptimizer(rate, settings.momentum, name="Momentum")
    if name == "adam":
        return tf.train.AdamOptimizer(
            rate, settings.adam_beta1, settings.adam_beta2, settings.opt_epsilon
        )
    if name == "adadelta":
        return tf.train.AdadeltaOptimizer(rate, settings.adadelta_rho, settings.opt_epsilon)
    if name == "adagrad":
        return tf.train.AdagradOptimizer(rate, settings.adagrad_initial_accumulator_value)
    if name == "ftrl":
        return tf.train.FtrlOptimizer(
            rate,
            learning_rate_power=settings.ftrl_learning_rate_power,
            initial_accumulator_value=settings.ftrl_initial_accumulator_value,
            l1_regularization_strength=settings.ftrl_l1,
            l2_regularization_strength=settings.ftrl_l2,
        )
    if name == "rmsprop":
        return tf.train.RMSPropOptimizer(
            rate, settings.rmsprop_decay, settings.rmsprop_momentum, settings.opt_epsilon
        )
    raise UsageError("--optimizer: %r is none of %s" % (name, ", ".join(OPTIMIZERS)))


def losses(logits, labels, label_smoothing):
    """Builds the losses.

    Args:
      logits: float32 [N, classes].
      labels: int64 [N].
      label_smoothing: float in [0, 1): how much of each target is spread over all classes.

    Returns:
      The cross entropy with the labels themselves, which can be compared with an evaluation's; and
      the total loss, of the smoothed labels and with the weight decay added. float32 [] both.
    """
    targets = tf.one_hot(labels, logits.shape[1].value)
    cross_entropy = tf.losses.softmax_cross_entropy(
        targets, logits, label_smoothing=label_smoothing
    )
    if label_smoothing:
        cross_entropy = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    return cross_entropy, tf.losses.get_total_loss()


def variables_to_train(trainable_scopes):
    """Returns the trainable variables within any of the scopes; all if there are no scopes.

    Args:
      trainable_scopes: comma-separated text, or None.

    Raises:
      UsageError: a scope without a trainable variable.
    """
    if not trainable_scopes:
        return tf.trainable_variables()
    chosen = []
    for scope in split_scopes(trainable_scopes):
        within = [v for v in tf.trainable_variables() if in_scope(v.op.name, scope)]
        if not within:
            raise UsageError(
                "--trainable_scopes: no variable in %r; the layers are %s"
                % (
                    scope,
                    ", ".join(
                        sorted({v.op.name.rsplit("/", 1)[0] for v in tf.trainable_variables()})
                    ),
                )
            )
        chosen += [variable for variable in within if variable not in chosen]
    return chosen


def split_scopes(scopes):
    """Returns the scopes of a comma-separated text as a list."""
    return [scope.strip() for scope in (scopes or "").split(",") if scope.strip()]


def in_scope(name, scope):
    """Says whether a variable's name lies in a scope."""
    return name == scope or name.startswith(scope.rstrip("/") + "/")


class _SyncReplicas(tf.train.SyncReplicasOptimizer):
    """Without tokens to begin with, so that nobody gives two gradients to the first step."""

    def get_init_tokens_op(self, num_tokens=0):
        return super().get_init_tokens_op(num_tokens)

    def get_chief_queue_runner(self):
        return _NotWaitedFor(super().get_chief_queue_runner())


class _NotWaitedFor:
    """A queue runner whose thread nobody waits for at the end.

    It waits for gradients that do not come any more, and nothing wakes it but the session's end;
    slim would wait for it for two minutes first.
    """

    def __init__(self, runner):
        self._runner = runner

    def create_threads(self, session, coord=None, **kwargs):
        return self._runner.create_threads(session, coord=_Unregistered(coord), **kwargs)


class _Unregistered:
    """A coordinator to which a thread listens that it does not know."""

    def __init__(self, coord):
        self._coord = coord
        self.should_stop = coord.should_stop
        self.wait_for_stop = coord.wait_for_stop

    def register_thread(self, thread):
        pass

    def request_stop(self, error=None):
        if not self._coord.should_stop():
            self._coord.request_stop(error)


def synchronous(settings, optimizer, num_workers, global_step):
    """Returns an optimizer whose steps average one gradient of each worker.

    Args:
      settings: a ``Settings``; the moving averages are then updated once a step, by the chief.
      optimizer: a ``tf.train.Optimizer``.
      num_workers: int.
      global_step: the step's variable.

    Returns:
      A ``tf.train.SyncReplicasOptimizer``.
    """
    averages = _averages(settings, global_step)
    return _SyncReplicas(
        optimizer,
        replicas_to_aggregate=num_workers,
        total_num_replicas=num_workers,
        variable_averages=averages,
        variables_to_average=averages and slim.get_model_variables(),
    )


def train_op(settings, total_loss, optimizer, global_step, gradients_beside_layers=False):
    """Builds slim's train_op: one step of the optimizer, returning the total loss.

    With ``moving_average_decay`` the averages of all model variables are updated after each step.
    A loss that is NaN or infinite is an ``InvalidArgumentError``.

    Args:
      settings: a ``Settings``, complete.
      total_loss: float32 [].
      optimizer: a ``tf.train.Optimizer``.
      global_step: the step's variable.
      gradients_beside_layers: compute each layer's gradient on the device that the layer is on.

    Returns:
      float32 [], the total loss, once the step has been made.
    """
    op = slim.learning.create_train_op(
        total_loss,
        optimizer,
        global_step=global_step,
        variables_to_train=variables_to_train(settings.trainable_scopes),
        clip_gradient_norm=settings.clip_gradient_norm,
        colocate_gradients_with_ops=gradients_beside_layers,
    )
    averages = _averages(settings, global_step)
    if averages is None or isinstance(optimizer, tf.train.SyncReplicasOptimizer):
        return op
    with tf.control_dependencies([op]):
        update = averages.apply(slim.get_model_variables())
    with tf.control_dependencies([update]):
        return tf.identity(op, name="train_op_with_averages")


def _averages(settings, global_step):
    if settings.moving_average_decay is None:
        return None
    return tf.train.ExponentialMovingAverage(settings.moving_average_decay, global_step)
