"""Trains AlexNet v2 on the converted photos.

    python scripts/train.py --optimizer sgd --batch_size 56
    python scripts/train.py --flagfile scripts/recipes/study_group.flags

The same command again continues the run from its last checkpoint.
"""

import functools
import signal

from absl import flags

from alexnet_flowers import devices
from alexnet_flowers.commands import command_line
from alexnet_flowers.distributed import cluster
from alexnet_flowers.errors import UsageError
from alexnet_flowers.training import optimizers, plan, runs, schedules, train
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS
_DEFAULTS = Settings()
_OPTIONS = plan.Options()
_LOGGING = _OPTIONS.logging
_QUEUES = _OPTIONS.queues
_COMPUTE = _OPTIONS.compute


def _describe(table):
    """Returns a line of help for each entry of a table of optimizers or schedules."""
    return "".join("\n%s: %s." % (name, entry.help) for name, entry in table.items())


def _defaults(values):
    """Returns in words what is the default for which optimizers, from a dict of name to number."""
    return "; ".join(
        "%g for %s" % (value, ", ".join(name for name in values if values[name] == value))
        for value in dict.fromkeys(values.values())
        if value is not None
    )


def _define_hyperparameters(table):
    """Defines a flag for each number that only some entries of a table take."""
    for hyperparameter in {
        known.name: known for entry in table.values() for known in entry.hyperparameters
    }.values():
        users = [n for n, entry in table.items() if hyperparameter in entry.hyperparameters]
        text = "%s (%s)." % (hyperparameter.help, ", ".join(users))
        if hyperparameter is optimizers.EPSILON:
            text += " Default: %s." % _defaults(
                {name: entry.epsilon for name, entry in table.items()}
            )
        flags.DEFINE_float(hyperparameter.name, hyperparameter.default, text)


# Where things are.
flags.DEFINE_string("dataset_dir", "data/flowers", "Where the converted photos are.")
command_line.define_skip_bad_records()
flags.DEFINE_string("run_name", None, "The run's name. Default: the optimizer's.")
command_line.define_run_parents()

# How long, and where it runs.
flags.DEFINE_float("num_epochs", 700, "How often each photo is seen.")
flags.DEFINE_integer("max_number_of_steps", None, "Steps, instead of epochs.")
command_line.define_device()
flags.DEFINE_integer(
    "num_clones", _COMPUTE.num_clones, "GPUs, each of which takes a batch of every step."
)
flags.DEFINE_boolean(
    "gradient_rules",
    _COMPUTE.gradient_rules,
    "Compute the convolutions' gradients by this project's rules: the same values, several times "
    "faster on a CPU. Default: on a CPU.",
)
flags.DEFINE_integer("intra_op_threads", _COMPUTE.intra_op_threads, "TensorFlow's; 0: one a core.")
flags.DEFINE_integer("inter_op_threads", _COMPUTE.inter_op_threads, "TensorFlow's; 0: one a core.")
flags.DEFINE_boolean(
    "allow_changed_settings", False, "Continue a run although its settings differ."
)

# Several machines; docs/scaling.md says more.
flags.DEFINE_list("ps_hosts", [], "The servers that hold the variables: host:port,host:port,...")
flags.DEFINE_list("worker_hosts", [], "The workers, likewise; the first one is the chief.")
flags.DEFINE_enum("job_name", "worker", cluster.JOBS, "What this process is.")
flags.DEFINE_integer("task_index", 0, "Which one of them, from 0.")
flags.DEFINE_boolean("sync_replicas", False, "Make each step of one batch of every worker.")

# What is written down.
flags.DEFINE_integer("log_every_n_steps", _LOGGING.log_every_n_steps, "A line on the console.")
flags.DEFINE_float(
    "save_summaries_secs", _LOGGING.save_summaries_secs, "Seconds between summaries; 0: none."
)
flags.DEFINE_float(
    "save_histograms_secs",
    _LOGGING.save_histograms_secs,
    "Seconds between histograms of end points and weights, which take seconds each; 0: none.",
)
flags.DEFINE_integer("max_images", _LOGGING.max_images, "Images in each summary; 0: none.")
flags.DEFINE_float(
    "save_interval_secs", _LOGGING.save_interval_secs, "Seconds between checkpoints; 0: none."
)
flags.DEFINE_integer(
    "save_interval_steps", _LOGGING.save_interval_steps, "Steps between checkpoints; 0: none."
)
flags.DEFINE_integer("max_to_keep", _LOGGING.max_to_keep, "The newest checkpoints that stay.")
flags.DEFINE_float(
    "keep_checkpoint_every_n_hours",
    _LOGGING.keep_checkpoint_every_n_hours,
    "One checkpoint of so many hours stays for good.",
)

# The images.
flags.DEFINE_integer("batch_size", _DEFAULTS.batch_size, "Images a step.")
flags.DEFINE_integer("image_size", _DEFAULTS.image_size, "Their height and width: 195 to 226 px.")
command_line.define_distortions()
flags.DEFINE_integer("num_readers", _QUEUES.num_readers, "Shards read at once.")
flags.DEFINE_integer(
    "num_preprocessing_threads",
    _QUEUES.num_preprocessing_threads,
    "Threads that decode and distort.",
)
flags.DEFINE_integer(
    "common_queue_capacity", None, "Records held for shuffling. Default: 20 batches."
)
flags.DEFINE_integer(
    "common_queue_min", None, "Records from among which each is drawn. Default: half of them."
)
flags.DEFINE_integer("batch_queue_capacity", None, "Images held ready. Default: 1 batch.")

# The network.
flags.DEFINE_boolean(
    "arg_scope",
    _DEFAULTS.arg_scope,
    "Build the network within slim's alexnet_v2_arg_scope. Without it there is no weight decay, "
    "and the biases of conv1 to conv5 start at 0.",
)
flags.DEFINE_float(
    "weight_decay", None, "The factor of the weights' L2 loss. Default: the arg scope's, 0.0005."
)
flags.DEFINE_float("dropout_keep_prob", _DEFAULTS.dropout_keep_prob, "Units that dropout keeps.")
flags.DEFINE_float("label_smoothing", _DEFAULTS.label_smoothing, "In [0, 1).")
flags.DEFINE_boolean(
    "mixed_precision",
    _DEFAULTS.mixed_precision,
    "Compute the layers and their gradients in bfloat16, nearly twice as fast; weights, their "
    "updates and the loss stay float32. Today's TensorFlow, CPUs with such arithmetic.",
)

# The optimizer.
flags.DEFINE_enum(
    "optimizer",
    _DEFAULTS.optimizer,
    list(optimizers.OPTIMIZERS),
    "How the gradients change the weights." + _describe(optimizers.OPTIMIZERS),
)
flags.DEFINE_float(
    "learning_rate",
    None,
    "Factor of each update. Default: %s."
    % _defaults({name: known.learning_rate for name, known in optimizers.OPTIMIZERS.items()}),
)
_define_hyperparameters(optimizers.OPTIMIZERS)
flags.DEFINE_float(
    "clip_gradient_norm", _DEFAULTS.clip_gradient_norm, "Of each variable's gradient; 0: none."
)
flags.DEFINE_float(
    "moving_average_decay", None, "Keep averages of the variables, which evaluation then uses."
)

# The learning rate over time.
flags.DEFINE_enum(
    "learning_rate_decay_type",
    _DEFAULTS.learning_rate_decay_type,
    list(schedules.SCHEDULES),
    "How the learning rate changes over the run." + _describe(schedules.SCHEDULES),
)
_define_hyperparameters(schedules.SCHEDULES)
flags.DEFINE_float(
    "num_epochs_per_decay",
    None,
    "Epochs of a decay period. Default: %s; else the whole run."
    % _defaults({name: known.epochs_per_decay for name, known in schedules.SCHEDULES.items()}),
)
flags.DEFINE_integer(
    "warmup_steps", _DEFAULTS.warmup_steps, "First steps, in which it grows linearly."
)

# The start.
flags.DEFINE_string(
    "checkpoint_path", None, "Start from this checkpoint's weights (or a folder's newest)."
)
flags.DEFINE_string(
    "checkpoint_exclude_scopes", None, "Scopes not to take from it, e.g. alexnet_v2/fc8."
)
flags.DEFINE_string("trainable_scopes", None, "The only scopes to train. Default: all.")
flags.DEFINE_integer("seed", None, "Of the initial weights and the random draws.")


def main():
    report = functools.partial(print, flush=True)
    settings, options, members = command_line.from_flags(Settings), _options(), _members()
    if members is not None and members.job_name == "ps":
        plan.check(settings, options, members)
        return train.serve(members, options.compute, report)
    ended_by = train.train(
        runs.locate_run(
            FLAGS.run_name or FLAGS.optimizer, FLAGS.checkpoints_dir, FLAGS.summaries_dir
        ),
        plan.compute(FLAGS.dataset_dir, settings, options, members, report),
        command_line.end_at_once,
        report,
    )
    return command_line.INTERRUPTED if ended_by == signal.SIGINT else 0


def _options():
    return plan.Options(
        num_epochs=FLAGS.num_epochs,
        max_number_of_steps=FLAGS.max_number_of_steps,
        allow_changed_settings=FLAGS.allow_changed_settings,
        skip_bad_records=FLAGS.skip_bad_records,
        logging=command_line.from_flags(plan.Logging),
        queues=command_line.from_flags(plan.Queues),
        compute=command_line.from_flags(devices.Compute),
    )


def _members():
    """Returns the ``cluster.Cluster`` that the flags describe, or None."""
    if FLAGS.ps_hosts or FLAGS.worker_hosts:
        return command_line.from_flags(cluster.Cluster)
    if FLAGS.sync_replicas or FLAGS["job_name"].present or FLAGS["task_index"].present:
        raise UsageError(
            "--job_name, --task_index, --sync_replicas: need --ps_hosts and --worker_hosts"
        )
    return None
