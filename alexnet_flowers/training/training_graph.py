"""The graph of a training step: from a split to everything that a step can run."""

from alexnet_flowers import devices
from alexnet_flowers.input import training_input
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization, summaries
from alexnet_flowers.training.loop import StepOps


def build(
    split,
    run_settings,
    num_decay_steps,
    logging,
    batches_request,
    photos,
    use_gradient_rules,
    place,
):
    """Builds the training graph in the default graph.

    Args:
      split: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      run_settings: a ``settings.Settings``, complete.
      num_decay_steps: see ``optimization.decay_steps``.
      logging: a ``training.Logging``.
      batches_request: a ``training_input.Request``.
      photos: what ``training_input.choose`` returned for it.
      use_gradient_rules: see ``network.alexnet_v2``.
      place: a ``cluster.Alone`` or ``cluster.Worker``.

    Returns:
      ``loop.StepOps``.
    """
    with tf.device(devices.INPUT_DEVICE):
        global_step = tf.train.get_or_create_global_step()
    with tf.device(place.own_device()):
        batches = training_input.batches(
            split, batches_request, photos, first_batch=global_step.initialized_value()
        )
    clone_devices = batches_request.clone_devices
    batch, labels = batches[0], tf.concat([one.labels for one in batches], 0)
    logits, end_points = _clones(
        [one.images for one in batches],
        split.num_classes,
        run_settings,
        use_gradient_rules,
        clone_devices,
    )
    cross_entropy, total_loss = optimization.losses(logits, labels, run_settings.label_smoothing)
    rate = optimization.learning_rate(run_settings, num_decay_steps, global_step)
    with tf.device(place.own_device()):
        metrics = summaries.streaming_metrics(logits, labels)
    optimizer = optimization.optimizer(run_settings, rate)
    if place.sync_replicas:
        optimizer = optimization.synchronous(
            run_settings, optimizer, place.num_workers, global_step
        )
    train_op = optimization.train_op(
        run_settings,
        total_loss,
        optimizer,
        global_step,
        gradients_beside_layers=len(clone_devices) > 1,
    )
    with tf.control_dependencies([train_op]):
        step_after = global_step.read_value()
    summary = [summaries.scalars(total_loss, cross_entropy, metrics, rate, end_points)]
    predictions = None
    if logging.max_images:
        shown = min(logging.max_images, run_settings.batch_size)
        summary.append(summaries.images(batch, run_settings.image_size, shown))
        class_names = list(split.labels_to_names.values())
        predictions = summaries.Predictions(batch, logits, class_names, shown)
    histograms = None
    if logging.save_histograms_secs:
        histograms = summaries.histograms(end_points, after=train_op)
    # The loss too: numbers that are merely huge show there first. It takes a batch of its own.
    is_finite = [tf.is_finite(total_loss)] + [
        tf.reduce_all(tf.is_finite(variable.read_value()))
        for variable in slim.get_model_variables()
    ]
    return StepOps(
        train_op=train_op,
        step_after=step_after,
        global_step=global_step,
        rate=rate,
        cross_entropy=cross_entropy,
        batch_accuracy=metrics.batch_accuracy,
        update=metrics.update,
        largest={
            layer: tf.reduce_max(end_points["%s/%s" % (alexnet_v2.SCOPE, layer)])
            for layer in alexnet_v2.RELU_LAYERS
        },
        is_finite=tf.reduce_all(is_finite),
        summary=tf.summary.merge(summary),
        predictions=predictions,
        histograms=histograms,
        sync_optimizer=optimizer if place.sync_replicas else None,
    )


def _clones(batches, num_classes, run_settings, use_gradient_rules, clone_devices):
    """Builds the network once for each device, with the same variables, on its batch of images.

    Returns:
      The logits of all images, and the end points of the first clone, whose names are slim's.
    """
    all_logits, first_end_points = [], None
    for number, (device, images) in enumerate(zip(clone_devices, batches)):
        with tf.name_scope("clone_%d" % number if number else None), tf.device(
            device
        ), tf.variable_scope(tf.get_variable_scope(), reuse=number > 0 or None):
            logits, end_points = alexnet_v2.alexnet_v2(
                images,
                num_classes,
                is_training=True,
                dropout_keep_prob=run_settings.dropout_keep_prob,
                use_arg_scope=run_settings.arg_scope,
                weight_decay=run_settings.weight_decay,
                use_gradient_rules=use_gradient_rules,
            )
        all_logits.append(logits)
        first_end_points = first_end_points or end_points
    if len(all_logits) == 1:
        return logits, first_end_points
    return tf.concat(all_logits, 0), first_end_points
