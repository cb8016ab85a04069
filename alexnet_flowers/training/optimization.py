"""From the logits to the operation that trains: the losses and the ``train_op``."""

from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import slim, tf


def losses(logits, labels, label_smoothing, targets=None):
    """Builds the losses.

    Args:
      logits: float32 [N, classes].
      labels: int64 [N].
      label_smoothing: float in [0, 1): how much of each target is spread over all classes.
      targets: float32 [N, classes], of which each row's sum is 1; None: all of it is the label's.

    Returns:
      The cross entropy of the labels themselves, as an evaluation counts it; and the loss that is
      minimised, of the smoothed targets and with the weight decay added. Both are float32 [].
    """
    is_softened = targets is not None or label_smoothing > 0
    if targets is None:
        targets = tf.one_hot(labels, logits.shape[1].value)
    cross_entropy = tf.losses.softmax_cross_entropy(
        targets, logits, label_smoothing=label_smoothing
    )
    if is_softened:
        cross_entropy = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    return cross_entropy, tf.losses.get_total_loss()


def variables_to_train(trainable_scopes):
    """Returns the trainable variables within any comma-separated scope; all if there are no scopes.

    Raises:
      UsageError: a scope without a trainable variable, or a text without a scope.
    """
    if not trainable_scopes:
        return tf.trainable_variables()
    scopes = split_scopes(trainable_scopes)
    if not scopes:
        raise UsageError("--trainable_scopes %r: names no scope" % trainable_scopes)
    chosen = []
    for scope in scopes:
        within = [v for v in tf.trainable_variables() if v.op.name.startswith(scope)]
        if not within:
            layers = sorted({v.op.name.rsplit("/", 1)[0] for v in tf.trainable_variables()})
            raise UsageError(
                "--trainable_scopes: no variable in %r; the layers are %s"
                % (scope, ", ".join(layers))
            )
        chosen += [variable for variable in within if variable not in chosen]
    return chosen


def split_scopes(scopes):
    """Returns the scopes of a comma-separated text as a list."""
    return [scope.strip() for scope in (scopes or "").split(",") if scope.strip()]


def train_op(settings, total_loss, optimizer, global_step, gradients_beside_layers=False):
    """Builds slim's train_op: float32 [], the loss, once a step of the optimizer has been made.

    A loss that is NaN or infinite raises an ``InvalidArgumentError`` when the step is run.

    Args:
      settings: a ``Settings``, complete.
      total_loss: float32 [], see ``losses``.
      optimizer: a ``tf.train.Optimizer``.
      global_step: the step's variable.
      gradients_beside_layers: whether each layer's gradient is computed on the layer's device.

    Raises:
      UsageError: see ``variables_to_train``.
    """
    return slim.learning.create_train_op(
        total_loss,
        optimizer,
        global_step=global_step,
        variables_to_train=variables_to_train(settings.trainable_scopes),
        clip_gradient_norm=settings.clip_gradient_norm,
        colocate_gradients_with_ops=gradients_beside_layers,
    )


def is_of_the_loss(error):
    """Says whether an error of TensorFlow's is that of ``train_op``: the loss is not finite."""
    return "LossTensor is inf or nan" in error.message


def average_in_each_step(optimizer, settings, global_step):
    """Makes moving averages of all model variables, if asked for, a part of an optimizer's step.

    TensorFlow's synchronous optimizer has an argument for them, but updates them once it has handed
    out the tokens: the chief could save a step of which only half of the averages were there.

    Args:
      optimizer: a ``tf.train.Optimizer``, before ``sync_replicas.wrap``.
      settings: a ``Settings``.
      global_step: the step's variable.
    """
    if settings.moving_average_decay is None:
        return
    averages = tf.train.ExponentialMovingAverage(settings.moving_average_decay, global_step)
    apply_gradients = optimizer.apply_gradients

    def apply_and_average(*args, **kwargs):
        with tf.control_dependencies([apply_gradients(*args, **kwargs)]):
            with tf.name_scope("optimizer/"):
                return averages.apply(slim.get_model_variables())

    optimizer.apply_gradients = apply_and_average
