"""Trains AlexNet v2 on the converted photos.

    python scripts/train.py --recipe fast
    python scripts/train.py --optimizer sgd --batch_size 56     # 700 epochs

The same command again continues the run from its last checkpoint.
"""

import functools
import signal

from absl import flags

from alexnet_flowers import devices
from alexnet_flowers.commands import (
    INTERRUPTED,
    arguments,
    command_line,
    find_learning_rate,
    next_step,
    runner,
)
from alexnet_flowers.commands.help_text import alias, group
from alexnet_flowers.data import dataset
from alexnet_flowers.distributed import cluster
from alexnet_flowers.errors import UsageError
from alexnet_flowers.evaluation import evaluator, within_training
from alexnet_flowers.input import pipeline, training_input
from alexnet_flowers.tf1 import without_notes
from alexnet_flowers.training import (
    announcement,
    checkpoints,
    optimizers,
    plan,
    run_dataset,
    runs,
    schedules,
    train,
)
from alexnet_flowers.training.settings import Settings

FLAGS = flags.FLAGS


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


with group("Photos"):
    arguments.define_fields(
        Settings,
        batch_size="Train each step on a batch of so many images.",
        image_size="Scale photos to images so many px high and wide, from 195 to 226.",
    )
    alias("image_size", "train_image_size")
command_line.define_dataset_dir(
    otherwise="those of the run that is continued; of a new run, %s" % run_dataset.DEFAULT_DIR
)
command_line.define_skip_bad_records()
command_line.define_distortions()
with group("Photos"):
    arguments.define_fields(
        Settings,
        randaug_num_layers="Change each distorted photo by so many operations of RandAugment's "
        "fourteen, drawn anew each time. 0: none.",
        randaug_magnitude="How strongly RandAugment's operations change it, from 0 to 10.",
        mixup_alpha="Add to each photo another one of its batch, and to its label that one's; the "
        "shares are drawn from a beta distribution of this parameter, such as 0.2. 0: none.",
        cutmix_alpha="Put a box of another photo of the batch into each; its area is drawn from a "
        "beta distribution of this parameter, such as 1. With both flags each photo gets one of "
        "the two. 0: none.",
        random_erasing="Put noise into a box of this share of the photos, from 0 to 1.",
    )
    flags.DEFINE_enum(
        "input",
        devices.Compute().input,
        training_input.INPUTS,
        "Take the images from there. queues: read, decoded and distorted by the CPU for every "
        "step, as slim does. resident: decoded once, kept in the memory of the GPU, or of the CPU "
        "where that trains, and distorted there. auto: resident on a GPU into half of whose memory "
        "the photos fit, queues otherwise.",
    )
    arguments.define_fields(
        pipeline.Queues,
        num_readers="With queues: read so many shards at once. Default: one a core, at least 4, "
        "and no more than there are shards.",
        num_preprocessing_threads="With queues: decode and distort photos in so many threads. "
        "Default: one a core, at least 4.",
        common_queue_capacity="With queues: hold at most so many records in the shuffling one. "
        "Default: 20 batches.",
        common_queue_min="With queues: draw each record from among at least so many. Default: half "
        "of what the queue holds.",
        batch_queue_capacity="With queues: hold so many images ready for batches. Default: 1 "
        "batch.",
    )

with group("Run"):
    flags.DEFINE_string(
        "recipe",
        None,
        "Take the flags of this recipe: %s. Flags behind it override its own."
        % ", ".join(arguments.recipes()),
    )
    flags.DEFINE_string(
        "run_name",
        None,
        "Give the run and its folders this name; a run that is there is continued. Default: "
        "the optimizer's name.",
    )
command_line.define_run_parents()
with group("Run"):
    arguments.define_fields(
        plan.Options,
        num_epochs="Train until each photo has been seen so many times.",
        max_number_of_steps="Train so many steps, instead of --num_epochs.",
        stop_when_not_improved="End the run once so many evaluations of --eval_every_n_steps, one "
        "after the other, were no more accurate than the best one; 0: never.",
        allow_changed_settings="Continue a run although its settings differ.",
    )
    arguments.define_fields(
        Settings,
        checkpoint_path="Start a new run from the weights of this checkpoint, or of the newest of "
        "this folder.",
        checkpoint_exclude_scopes="Leave out these scopes of --checkpoint_path, comma-separated, "
        "such as alexnet_v2/fc8; a scope is the beginning of names, so that alexnet_v2/fc means "
        "fc6 to fc8.",
        ignore_missing_vars="Leave out variables that --checkpoint_path lacks or has in another "
        "shape; each is reported.",
        seed="Draw the initial weights and all distortions from this seed. Default: another one "
        "each time.",
    )

with group("Network"):
    arguments.define_fields(
        Settings,
        arg_scope="Build the network within slim's alexnet_v2_arg_scope. Without it there is no "
        "weight decay, and the biases of conv1 to conv5 start at 0.",
        weight_decay="Add the weights' L2 loss times this factor to the loss. Default: that of "
        "slim's arg scope, 0.0005.",
        dropout_keep_prob="Let dropout keep this share of the units of fc6 and fc7.",
        label_smoothing="Spread this share of each label, in [0, 1), over all classes.",
        trainable_scopes="Train only the variables of these scopes, comma-separated, which are "
        "beginnings of names. Default: all.",
    )

with group("Optimizer"):
    flags.DEFINE_enum(
        "optimizer",
        Settings().optimizer,
        list(optimizers.OPTIMIZERS),
        "Change the weights by this rule." + _describe(optimizers.OPTIMIZERS),
    )
    _define_hyperparameters(optimizers.OPTIMIZERS)
    arguments.define_fields(
        Settings,
        clip_gradient_norm="Scale a variable's gradient down to this norm where it is larger; 0: "
        "never.",
        moving_average_decay="Keep moving averages of the variables with this decay, which "
        "evaluation then uses. Default: none are kept.",
    )

with group("Learning rate"):
    arguments.define_fields(
        Settings,
        learning_rate="Begin with this learning rate. Default: %s."
        % _defaults({name: known.learning_rate for name, known in optimizers.OPTIMIZERS.items()}),
    )
    flags.DEFINE_enum(
        "learning_rate_decay_type",
        Settings().learning_rate_decay_type,
        list(schedules.SCHEDULES),
        "Change the learning rate over the run by this rule." + _describe(schedules.SCHEDULES),
    )
    _define_hyperparameters(schedules.SCHEDULES)
    arguments.define_fields(
        Settings,
        num_epochs_per_decay="Let a period of decay last so many epochs. Default: %s; else the "
        "whole run."
        % _defaults({name: known.epochs_per_decay for name, known in schedules.SCHEDULES.items()}),
        warmup_steps="Let the rate grow linearly over so many first steps.",
    )

with group("Logging"):
    arguments.define_fields(
        plan.Logging,
        log_every_n_steps="Print a line every so many steps; 0: none.",
        save_summaries_secs="Write scalars and images for TensorBoard every so many seconds; 0: "
        "none.",
        save_histograms_secs="Write histograms of end points and weights, which take seconds, "
        "every so many seconds; 0: none. Without --save_summaries_secs there are none either.",
        max_images="Write so many images of the batch each time; 0: none.",
        save_interval_secs="Save a checkpoint every so many seconds; 0: not by time.",
        save_interval_steps="Save a checkpoint every so many steps; 0: not by steps.",
        eval_every_n_steps="Evaluate all validation photos every so many steps and after the last "
        "one, and keep the most accurate checkpoint in the run's folder best/; 0: never.",
        max_to_keep="Keep so many of the newest checkpoints.",
        keep_checkpoint_every_n_hours="Keep one checkpoint of every so many hours for good; 0: "
        "none.",
    )

command_line.define_device()
with group("Hardware"):
    arguments.define_fields(
        devices.Compute, num_clones="Train on so many GPUs; each computes a batch of every step."
    )
    arguments.define_fields(
        Settings,
        mixed_precision="Compute the layers and their gradients in bfloat16; weights, their "
        "updates and the loss stay float32. Needs today's TensorFlow and a CPU with such "
        "arithmetic, or a GPU from Ampere on.",
    )
    arguments.define_fields(
        devices.Compute,
        xla="Let XLA compile what runs on a GPU, before the first step. Draws of dropout, and so a "
        "run with a seed, are then others.",
        gradient_rules="Compute the convolutions' gradients, and with oneDNN the fully connected "
        "layers, by this project's rules, which give the same values and are faster on a CPU. "
        "Default: on a CPU.",
        intra_op_threads="Let TensorFlow use so many threads within an operation; 0: one a core.",
        inter_op_threads="Let TensorFlow run so many operations at once; 0: one a core.",
    )

# docs/scaling.md says more.
with group("Cluster"):
    flags.DEFINE_list(
        "ps_hosts", [], "Keep the variables on these servers, host:port,host:port,..."
    )
    flags.DEFINE_list(
        "worker_hosts",
        [],
        "Train with these workers, host:port,host:port,...; the first one is the chief.",
    )
    flags.DEFINE_enum("job_name", "worker", cluster.JOBS, "Say what this process is.")
    flags.DEFINE_integer("task_index", 0, "Say which of its kind this process is, from 0.")
    alias("task_index", "task")
    flags.DEFINE_boolean(
        "sync_replicas", False, "Make each step of one batch of every worker, averaged."
    )


def main():
    if FLAGS.mixed_precision or FLAGS.xla:  # TensorFlow notes each graph that it rewrites.
        with without_notes():
            return _train()
    return _train()


def _train():
    report = functools.partial(print, flush=True)
    options, members = _options(), _members()
    settings = plan.check(arguments.from_flags(Settings), options, members)
    if FLAGS.learning_rate_picture and not FLAGS.find_learning_rate:
        raise UsageError("--learning_rate_picture: needs --find_learning_rate, which draws it")
    if members is not None and members.job_name == "ps":
        return train.serve(members, options.compute, report)
    run = runs.locate_run(
        FLAGS.run_name or FLAGS.optimizer, FLAGS.checkpoints_dir, FLAGS.summaries_dir
    )
    dataset_dir = _dataset_dir(run)
    if not FLAGS.find_learning_rate:
        for line in announcement.lines(run, dataset_dir, settings, options, members):
            report(line)
    planned = plan.make(dataset_dir, settings, options, members, report)
    if FLAGS.find_learning_rate:
        return find_learning_rate.run(run.name, planned, report)
    evaluation = None
    if options.logging.eval_every_n_steps:
        evaluation = _evaluation(run, dataset_dir, options, report)
    ended_by = train.train(run, planned, runner.end_at_once, report, evaluation)
    if ended_by is None and (members is None or members.task_index == 0):
        # A run that made no step keeps the folder of before.
        is_known = run_dataset.folder_of(run) == dataset_dir
        photos = [] if is_known else ["--dataset_dir", dataset_dir]
        next_step.say(
            next_step.of_run("evaluate", run.name, *photos),
            next_step.of_run("predict", run.name, *photos, "--split", "validation"),
            next_step.tensorboard(),
        )
    if ended_by == signal.SIGINT:
        return INTERRUPTED
    # Whoever has started a cluster has to know that one of it left before the run's end.
    return 0 if ended_by is None or members is None else 128 + ended_by


def _evaluation(run, dataset_dir, options, report):
    """Returns the ``within_training.Evaluation`` that the flags describe."""
    dataset.get_split(
        "validation", dataset_dir, skip_bad_records=FLAGS.skip_bad_records, report=report
    )
    make_evaluator = functools.partial(
        evaluator.Evaluator,
        run,
        dataset_dir,
        "validation",
        FLAGS.device,
        skip_bad_records=FLAGS.skip_bad_records,
        report=lambda _: None,  # It has been said.
        shows_progress=False,
    )
    return within_training.Evaluation(
        run,
        make_evaluator,
        options.logging.eval_every_n_steps,
        options.stop_when_not_improved,
        report,
    )


def _dataset_dir(run):
    if FLAGS.dataset_dir is None and checkpoints.newest(run.checkpoints_dir):
        return run_dataset.folder_of(run)
    return FLAGS.dataset_dir or run_dataset.DEFAULT_DIR


def _options():
    given = arguments.outermost("num_epochs", "max_number_of_steps")
    if len(given) > 1:
        raise UsageError("--num_epochs, --max_number_of_steps: two lengths of one run; name one")
    options = arguments.from_flags(plan.Options)
    # The other one may be a recipe's.
    return options._replace(max_number_of_steps=None) if "num_epochs" in given else options


def _members():
    """Returns the ``cluster.Cluster`` that the flags describe, or None."""
    if FLAGS.ps_hosts or FLAGS.worker_hosts:
        return arguments.from_flags(cluster.Cluster)
    if FLAGS.sync_replicas or FLAGS["job_name"].present or FLAGS["task_index"].present:
        raise UsageError(
            "--job_name, --task_index, --sync_replicas: need --ps_hosts and --worker_hosts"
        )
    return None
