"""The graph of a training step: from a split to everything that a step can run.

TensorBoard shows its uppermost names as one picture, from bottom to top: ``input``, ``alexnet_v2``,
``losses``, ``gradients``, and the optimizer. From fifteen names on it lays those with many
connections aside, the network first; so what belongs together has a name of its own. Variables are
made outside these, and keep slim's names.
"""

import functools
import typing

import numpy as np

from alexnet_flowers import devices
from alexnet_flowers.input import mixing, staging, training_input
from alexnet_flowers.nets import alexnet_v2, conv_gradients, matrix_products
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization, optimizers, schedules, summaries, sync_replicas

# Settings that are arguments of ``mixing.mixed``.
_MIXING = ("mixup_alpha", "cutmix_alpha", "random_erasing")


class StepOps(typing.NamedTuple):
    """What a step can run."""

    train_op: "tf.Tensor"  # float32 [], the loss, once the step is made.
    step_after: "tf.Tensor"  # int64 [], the number of steps made, this one included.
    global_step: "tf.Variable"
    learning_rate: "tf.Tensor"  # float32 [].
    cross_entropy: "tf.Tensor"  # float32 [], of this batch.
    batch_accuracy: "tf.Tensor"  # float32 [], of this batch.
    update: "tf.Operation"  # Counts the batch in the streaming metrics.
    largest: dict  # Each layer's largest value for this batch, float32 [].
    # bool [], whether all model variables, and the loss of noise, are finite; to be run between
    # steps and fed with ``noise``.
    is_finite: "tf.Tensor"
    # What takes the place of batches, mixed targets and dropout's draws, which stay the steps'.
    noise: dict
    summary: "tf.Tensor"  # string [], scalars.
    pictures: tuple  # Of ``summaries.Images`` and ``Predictions``: to draw after a step.
    histograms: "typing.Optional[tf.Tensor]"  # string [].
    # Fetches the next step's batches, where they are staged; to be run with each step, and once
    # before the first one.
    put: "tf.Operation"
    # For ``slim.learning.train``.
    sync_optimizer: "typing.Optional[tf.train.SyncReplicasOptimizer]"


def build(plan, place, report=print, first_step=0):
    """Builds ``StepOps`` in the default graph, and seeds it if the settings say so.

    Args:
      plan: a ``plan.Plan``.
      place: a ``places.Alone`` or ``places.Worker``.
      report: called with a line about the input.
      first_step: how many steps were made before; by a worker that is not the chief, 0.

    Raises:
      DataError: see ``training_input.choose``.
      UsageError: likewise; or see ``optimization.variables_to_train``.
    """
    photos = training_input.choose(
        plan.options.compute.input, plan.split, plan.input_request, plan.device, report
    )
    if plan.seed is not None:
        # With its step: a run that goes on would draw again what it drew at its start.
        tf.set_random_seed(plan.seed + first_step)
    with tf.device(devices.INPUT_DEVICE):
        global_step = tf.train.get_or_create_global_step()
    with tf.name_scope("input"):
        with tf.device(place.own_device()):
            batches, put = _batches(plan, photos, global_step)
        batches, targets = _mixed(batches, plan)
        batch, labels = batches[0], tf.concat([one.labels for one in batches], 0)
    logits, all_end_points = _clones([one.images for one in batches], plan)
    end_points = all_end_points[0]  # Whose names are slim's.
    with tf.name_scope("losses"):
        cross_entropy, total_loss = optimization.losses(
            logits, labels, plan.settings.label_smoothing, targets
        )
    with tf.name_scope("optimizer"):
        learning_rate = schedules.learning_rate(plan.settings, plan.num_decay_steps, global_step)
    with tf.name_scope("metrics"), tf.device(place.own_device()):
        metrics = summaries.streaming_metrics(logits, labels)
    optimizer = _optimizer(plan, place, learning_rate, global_step)
    train_op = optimization.train_op(
        plan.settings,
        total_loss,
        optimizer,
        global_step,
        gradients_beside_layers=len(plan.clone_devices) > 1,
    )
    conv_gradients.forget_rules()
    if plan.uses_gradient_rules:
        matrix_products.replace_convolutions()
    with tf.name_scope("train_op/"), tf.control_dependencies([train_op]):  # slim's, entered again.
        step_after = global_step.read_value()
    with tf.name_scope("summaries"):
        scalars = summaries.scalars(total_loss, cross_entropy, metrics, learning_rate, end_points)
        histograms = None
        if plan.options.logging.save_histograms_secs:
            histograms = summaries.histograms(end_points, after=train_op)
        pictures = _pictures(plan, batch, logits)
    with tf.name_scope("health"):
        largest = {
            layer: tf.reduce_max(
                [tf.reduce_max(one["%s/%s" % (alexnet_v2.SCOPE, layer)]) for one in all_end_points]
            )
            for layer in alexnet_v2.RELU_LAYERS
        }
        is_finite = _is_finite(total_loss)
    return StepOps(
        train_op=train_op,
        step_after=step_after,
        global_step=global_step,
        learning_rate=learning_rate,
        cross_entropy=cross_entropy,
        batch_accuracy=metrics.batch_accuracy,
        update=metrics.update,
        largest=largest,
        is_finite=is_finite,
        noise=_noise(batches, targets),
        summary=scalars,
        pictures=pictures,
        histograms=histograms,
        put=put,
        sync_optimizer=optimizer if place.sync_replicas else None,
    )


def _batches(plan, photos, global_step):
    """Returns the ``pipeline.Batch`` of each clone, and what ``StepOps.put`` is."""
    # Photos on the device go on where the run does; the queues begin anew.
    first_batch = 0 if photos is None else global_step.initialized_value()
    request, areas, ahead = plan.input_request, staging.Areas(), staging.not_ahead
    if plan.stages_batches:
        request = request._replace(clone_devices=[one or "/gpu:0" for one in request.clone_devices])
        ahead = areas.ahead
    batches = training_input.batches(plan.split, request, photos, first_batch, ahead)
    return batches, areas.put()


def _mixed(batches, plan):
    """Returns the batches as the network is to see them, and the targets of all; see ``mixing``."""
    chosen = {name: getattr(plan.settings, name) for name in _MIXING}
    all_batches, all_targets = [], []
    with tf.name_scope("mixing"):
        for batch, device in zip(batches, plan.clone_devices):
            with tf.device(device):
                images, targets = mixing.mixed(
                    batch.images, batch.labels, plan.split.num_classes, **chosen
                )
            all_batches.append(batch._replace(images=images))
            all_targets.append(targets)
    return all_batches, None if all_targets[0] is None else tf.concat(all_targets, 0)


def _optimizer(plan, place, learning_rate, global_step):
    optimizer = optimizers.OPTIMIZERS[plan.settings.optimizer].build(learning_rate, plan.settings)
    # Its updates stand where its rate does (the slash enters that scope again). Its variables are
    # named after its class, as in every checkpoint.
    optimizer.apply_gradients = functools.partial(optimizer.apply_gradients, name="optimizer/")
    optimization.average_in_each_step(optimizer, plan.settings, global_step)
    return sync_replicas.wrap(optimizer, place.num_workers) if place.sync_replicas else optimizer


def _pictures(plan, batch, logits):
    shown = min(plan.options.logging.max_images, plan.settings.batch_size)
    if not shown:
        return ()
    class_names = list(plan.split.labels_to_names.values())
    return (
        summaries.Images(batch, shown),
        summaries.Predictions(batch, logits, class_names, shown),
    )


def _is_finite(total_loss):
    # The loss too: numbers that are merely huge show there first.
    return tf.reduce_all(
        [tf.is_finite(total_loss)]
        + [
            tf.reduce_all(tf.is_finite(variable.read_value()))
            for variable in slim.get_model_variables()
        ]
    )


def _noise(batches, targets):
    """Returns what to feed to the network instead of a batch, so that nothing of a run is used up.

    A run in which much is saved is then the same as one in which nothing is.
    """
    shape = batches[0].images.shape.as_list()
    image = np.random.RandomState(0).uniform(-1, 1, shape[1:]).astype(np.float32)
    fed = {}
    for batch in batches:
        fed[batch.images] = np.broadcast_to(image, shape)
        fed[batch.labels] = np.zeros(shape[0], np.int64)
    if targets is not None:  # What mixes them draws, too.
        count, num_classes = targets.shape.as_list()
        fed[targets] = np.full([count, num_classes], 1 / num_classes, np.float32)
    for op in tf.get_default_graph().get_operations():
        if op.type == "RandomUniform" and "/dropout" in op.name:
            # Ones: everything is kept.
            fed[op.outputs[0]] = np.broadcast_to(np.float32(1), op.outputs[0].shape.as_list())
    return fed


def _clones(images_of_clones, plan):
    """Builds the network once for each device, with the same variables, on its images.

    Returns:
      The logits of all images, and the end points of each clone.
    """
    if len(images_of_clones) == 1:
        logits, end_points = _network(images_of_clones[0], plan, plan.clone_devices[0])
        return logits, [end_points]
    all_logits, all_end_points = [], []
    for number, (device, images) in enumerate(zip(plan.clone_devices, images_of_clones)):
        with tf.name_scope("clone_%d" % number if number else None):
            logits, end_points = _network(images, plan, device, reuse=number > 0 or None)
        all_logits.append(logits)
        all_end_points.append(end_points)
    return tf.concat(all_logits, 0), all_end_points


def _network(images, plan, device, reuse=None):
    with tf.device(device), tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
        return alexnet_v2.alexnet_v2(
            images,
            plan.split.num_classes,
            is_training=True,
            dropout_keep_prob=plan.settings.dropout_keep_prob,
            use_arg_scope=plan.settings.arg_scope,
            weight_decay=plan.settings.weight_decay,
            use_gradient_rules=plan.uses_gradient_rules,
            in_bfloat16=plan.builds_bfloat16,
            rules_for_bfloat16=plan.is_rewritten_in_bfloat16,
        )
