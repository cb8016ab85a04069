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
from alexnet_flowers.input import pipeline, training_input
from alexnet_flowers.training import checkpoints, optimization, train
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS
_DEFAULTS = Settings()
_LOGGING = train.DEFAULT_LOGGING
_QUEUES = pipeline.DEFAULT_QUEUES
_COMPUTE = train.DEFAULT_COMPUTE

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
flags.DEFINE_enum(
    "input",
    _COMPUTE.input,
    training_input.INPUTS,
    "Where the images come from. queues: read, decoded and distorted by the CPU for every step, as "
    "slim does. resident: decoded once, kept in the GPU's memory and distorted there. auto: "
    "resident on a GPU into half of whose memory the photos fit, queues otherwise.",
)
flags.DEFINE_integer(
    "num_readers",
    _QUEUES.num_readers,
    "Shards read at once. Default: one a core, at least 4, and no more than there are shards.",
)
flags.DEFINE_integer(
    "num_preprocessing_threads",
    _QUEUES.num_preprocessing_threads,
    "Threads that decode and distort. Default: one a core, at least 4.",
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
flags.DEFINE_enum("optimizer", _DEFAULTS.optimizer, optimization.OPTIMIZERS, "Which one.")
flags.DEFINE_float("learning_rate", None, "Default: 0.01; adam and adadelta 0.001.")
flags.DEFINE_float("momentum", _DEFAULTS.momentum, "Of the momentum optimizer.")
flags.DEFINE_float("adam_beta1", _DEFAULTS.adam_beta1, "Of adam.")
flags.DEFINE_float("adam_beta2", _DEFAULTS.adam_beta2, "Of adam.")
flags.DEFINE_float("adadelta_rho", _DEFAULTS.adadelta_rho, "Of adadelta.")
flags.DEFINE_float(
    "adagrad_initial_accumulator_value", _DEFAULTS.adagrad_initial_accumulator_value, "Of adagrad."
)
flags.DEFINE_float("ftrl_learning_rate_power", _DEFAULTS.ftrl_learning_rate_power, "Of ftrl.")
flags.DEFINE_float(
    "ftrl_initial_accumulator_value", _DEFAULTS.ftrl_initial_accumulator_value, "Of ftrl."
)
flags.DEFINE_float("ftrl_l1", _DEFAULTS.ftrl_l1, "Of ftrl.")
flags.DEFINE_float("ftrl_l2", _DEFAULTS.ftrl_l2, "Of ftrl.")
flags.DEFINE_float("rmsprop_decay", _DEFAULTS.rmsprop_decay, "Of rmsprop.")
flags.DEFINE_float("rmsprop_momentum", _DEFAULTS.rmsprop_momentum, "Of rmsprop.")
flags.DEFINE_float(
    "opt_epsilon", None, "Default: TensorFlow's; adam and adadelta 1e-8, rmsprop 1e-10."
)
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
    optimization.DECAY_TYPES,
    "How it changes.",
)
flags.DEFINE_float(
    "learning_rate_decay_factor", _DEFAULTS.learning_rate_decay_factor, "Of the exponential decay."
)
flags.DEFINE_float(
    "num_epochs_per_decay",
    None,
    "Default: 2 for the exponential decay, the whole run for polynomial and cosine.",
)
flags.DEFINE_float(
    "end_learning_rate", _DEFAULTS.end_learning_rate, "Of the polynomial and the cosine decay."
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
    members = None
    if FLAGS.ps_hosts or FLAGS.worker_hosts:
        members = command_line.from_flags(cluster.Cluster)
    elif FLAGS.sync_replicas or FLAGS["job_name"].present or FLAGS["task_index"].present:
        raise UsageError(
            "--job_name, --task_index, --sync_replicas: need --ps_hosts and --worker_hosts"
        )
    ended_by = train.train(
        checkpoints.locate_run(
            FLAGS.run_name or FLAGS.optimizer, FLAGS.checkpoints_dir, FLAGS.summaries_dir
        ),
        FLAGS.dataset_dir,
        command_line.from_flags(Settings),
        num_epochs=FLAGS.num_epochs,
        max_number_of_steps=FLAGS.max_number_of_steps,
        logging=command_line.from_flags(train.Logging),
        queues=command_line.from_flags(pipeline.Queues),
        compute=command_line.from_flags(devices.Compute),
        members=members,
        give_up=command_line.end_at_once,
        allow_changed_settings=FLAGS.allow_changed_settings,
        skip_bad_records=FLAGS.skip_bad_records,
        report=functools.partial(print, flush=True),
    )
    return command_line.INTERRUPTED if ended_by == signal.SIGINT else 0
