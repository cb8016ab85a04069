"""What a training run will do, computed and checked before anything of it is built or written."""

import math
import typing

from alexnet_flowers import devices
from alexnet_flowers.data import dataset, identity
from alexnet_flowers.distributed import cluster
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline, preprocessing, randaugment, training_input
from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import hyperparameters, schedules, settings
from alexnet_flowers.training.hyperparameters import ABOVE_0, AT_LEAST_0, AT_LEAST_1, LARGEST


class Logging(typing.NamedTuple):
    """What is written down of a run, and when; 0 stands for never, or none."""

    log_every_n_steps: int = 10  # Lines on the console.
    save_summaries_secs: float = 60  # Scalars and images.
    save_histograms_secs: float = 300  # Of end points and weights, which take seconds.
    save_interval_secs: float = 600  # Checkpoints, by time.
    save_interval_steps: int = 0  # Checkpoints, by steps too.
    eval_every_n_steps: int = 0  # Evaluations of the validation photos, by steps.
    max_to_keep: int = 5  # How many of the newest checkpoints stay.
    keep_checkpoint_every_n_hours: float = 10000.0  # One of each so many hours stays for good.
    max_images: int = 4  # Images in a summary.


class Options(typing.NamedTuple):
    """What may change whenever a run is continued."""

    num_epochs: float = 700  # The length of the run, unless the next gives it.
    max_number_of_steps: typing.Optional[int] = None
    stop_when_not_improved: int = 0  # After so many evaluations without a better one; 0: never.
    allow_changed_settings: bool = False  # Continue a run although its settings differ.
    skip_bad_records: int = 0  # See ``dataset.get_split``.
    logging: Logging = Logging()
    queues: pipeline.Queues = pipeline.DEFAULT_QUEUES
    compute: devices.Compute = devices.Compute()


DEFAULT_OPTIONS = Options()


class Plan(typing.NamedTuple):
    """What a training process will do."""

    settings: settings.Settings  # Complete.
    options: Options
    members: typing.Optional[cluster.Cluster]  # None: the process trains alone.
    split: "slim.dataset.Dataset"  # The shards that this process reads.
    num_samples: int  # Photos of an epoch, those of other workers included.
    num_steps: int  # The number of the last step.
    num_decay_steps: typing.Optional[int]  # See ``schedules.decay_steps``.
    images_per_step: int  # Those of all clones, and of all workers that wait for each other.
    device: str  # "cpu" or "gpu".
    session_config: "tf.ConfigProto"
    kept: dict  # What ``settings.json`` is to hold.

    def epoch(self, step):
        """Returns how often each photo has been seen after a step, a float."""
        return step * self.images_per_step / self.num_samples

    @property
    def uses_gradient_rules(self):
        """Whether ``nets.conv_gradients`` and ``nets.matrix_products`` take part."""
        chosen = self.options.compute.gradient_rules
        return self.device == "cpu" if chosen is None else chosen

    @property
    def builds_bfloat16(self):
        """Whether the graph itself computes in bfloat16; see ``devices.session_config``."""
        return self.settings.mixed_precision and self.device == "gpu"

    @property
    def is_rewritten_in_bfloat16(self):
        """Whether TensorFlow makes it one that does."""
        return self.settings.mixed_precision and self.device == "cpu"

    @property
    def runs_one_by_one(self):
        """Whether a step's operations run one after the other, each on all cores.

        That takes a tenth less memory at its peak, and the same in every step. In bfloat16 most are
        so short that two at a time are quicker: a core that has none is given the next one. Batches
        that are staged are made beside the step.
        """
        return not (self.stages_batches or self.is_rewritten_in_bfloat16)

    @property
    def stages_batches(self):
        """Whether a step takes batches that came to its device during the step before."""
        return self.device == "gpu"

    @property
    def clone_devices(self):
        """Where each copy of the network runs, for ``tf.device``; mostly ``[""]``.

        A single one runs where TensorFlow puts it.
        """
        num_clones = self.options.compute.num_clones
        if num_clones == 1 or self.device == "cpu":
            return [""] * num_clones
        return ["/gpu:%d" % number for number in range(num_clones)]

    @property
    def seed(self):
        """What all draws of this process follow from, int or None: no worker draws as another."""
        seed = self.settings.seed
        if seed is None or self.members is None:
            return seed
        return seed + self.members.task_index

    @property
    def input_request(self):
        """What the training asks of its input, a ``training_input.Request``."""
        return training_input.Request(
            self.settings.batch_size,
            preprocessing.Distortion(
                self.settings.image_size,
                self.settings.fast_mode,
                self.settings.min_crop_area,
                randaugment.Policy(
                    self.settings.randaug_num_layers, self.settings.randaug_magnitude
                ),
            ),
            self.options.queues,
            self.seed,
            self.clone_devices,
        )


def make(dataset_dir, run_settings, options=DEFAULT_OPTIONS, members=None, report=print):
    """Makes the ``Plan`` of a training process.

    Args:
      dataset_dir: where the shards are.
      run_settings: a ``settings.Settings``.
      options: an ``Options``.
      members: a ``cluster.Cluster`` whose ``job_name`` is ``"worker"``, or None.
      report: called with a line that names the GPU, and one for each record that is left out.

    Raises:
      DataError: the dataset is not as it has to be.
      UsageError: a setting or an option has a value that it cannot have.
    """
    run_settings = check(run_settings, options, members)
    device, session_config = _device(run_settings, options.compute, members is not None)
    if device == "gpu":
        report(devices.describe_cards(options.compute.num_clones))
    split = dataset.get_split(
        "train", dataset_dir, skip_bad_records=options.skip_bad_records, report=report
    )
    part = _part(split, run_settings.batch_size, options.compute.num_clones, members)
    step_size = images_per_step(run_settings, options, members)
    last_step = num_steps(options, split.num_samples, step_size)
    num_replicas = step_size // run_settings.batch_size
    num_decay_steps = schedules.decay_steps(
        run_settings, split.num_samples, last_step, num_replicas
    )
    return Plan(
        settings=run_settings,
        options=options,
        members=members,
        split=part,
        num_samples=split.num_samples,
        num_steps=last_step,
        num_decay_steps=num_decay_steps,
        images_per_step=step_size,
        device=device,
        session_config=session_config,
        kept={
            "settings": settings.meaning(run_settings, num_decay_steps, num_replicas),
            "dataset": dict(
                identity.of(dataset_dir),
                num_photos=split.num_samples,
                classes=list(split.labels_to_names.values()),
            ),
            "dataset_dir": dataset_dir,
            "num_steps": last_step,
        },
    )


def images_per_step(run_settings, options, members=None):
    """Returns how many images make a step: those of all clones, and of workers that wait."""
    num_waiting = members.num_workers if members is not None and members.sync_replicas else 1
    return run_settings.batch_size * options.compute.num_clones * num_waiting


def num_steps(options, num_photos, images_per_step):
    """Returns the number of a run's last step, from those of an epoch's photos and a step's."""
    return options.max_number_of_steps or min(
        math.ceil(options.num_epochs * num_photos / images_per_step), LARGEST
    )


# More threads than a machine has cores; a machine that can start no more of them aborts.
_MOST_THREADS = 4096
# Twice as many are still a number of TensorFlow's queues.
_MOST_IMAGES = 10**9
_RANGES = dict(
    max_images=hyperparameters.between(0, _MOST_IMAGES),
    max_to_keep=AT_LEAST_1,
    num_readers=hyperparameters.between(1, _MOST_THREADS),
    num_preprocessing_threads=hyperparameters.between(1, _MOST_THREADS),
    common_queue_capacity=hyperparameters.between(0, _MOST_IMAGES),
    common_queue_min=hyperparameters.between(0, _MOST_IMAGES),
    batch_queue_capacity=hyperparameters.between(1, _MOST_IMAGES),
    num_clones=AT_LEAST_1,
    intra_op_threads=hyperparameters.between(0, _MOST_THREADS),
    inter_op_threads=hyperparameters.between(0, _MOST_THREADS),
)


def check(run_settings, options, members=None):
    """Returns the settings with defaults filled in; ``UsageError`` if anything is out of range."""
    run_settings = settings.complete(run_settings)
    settings.check(run_settings)
    queues = options.queues
    for part in (options.logging, queues, options.compute):
        for name, value in part._asdict().items():
            if name not in ("device", "gradient_rules", "input"):  # No numbers.
                hyperparameters.check(name, value, _RANGES.get(name, AT_LEAST_0))
    hyperparameters.check("num_epochs", options.num_epochs, ABOVE_0)
    hyperparameters.check("max_number_of_steps", options.max_number_of_steps, AT_LEAST_1)
    hyperparameters.check("stop_when_not_improved", options.stop_when_not_improved, AT_LEAST_0)
    if options.stop_when_not_improved and not options.logging.eval_every_n_steps:
        raise UsageError("--stop_when_not_improved: needs --eval_every_n_steps")
    pipeline.common_queue_sizes(
        run_settings.batch_size, queues.common_queue_capacity, queues.common_queue_min
    )
    if members is not None:
        cluster.check(members)
        if options.logging.eval_every_n_steps:
            raise UsageError(
                "--eval_every_n_steps: not in a cluster; run scripts/evaluate.py --watch beside it"
            )
    return run_settings


def _device(run_settings, compute_options, in_cluster):
    """Returns where the network runs, ``"cpu"`` or ``"gpu"``, and its ``tf.ConfigProto``."""
    devices.set_tf32(compute_options.tf32)
    device = devices.resolve(compute_options.device, compute_options.num_clones)
    threads = compute_options.intra_op_threads, compute_options.inter_op_threads
    if any(threads):
        # A process's first devices and session size its threads; whoever asks for the cards makes
        # some, and so does the check of records.
        tf.Session(config=devices.session_config(device, *threads)).close()
    for flag, is_wanted, obstacle_of in (
        ("mixed_precision", run_settings.mixed_precision, devices.mixed_precision_obstacle),
        ("xla", compute_options.xla, devices.xla_obstacle),
    ):
        obstacle = obstacle_of(device) if is_wanted else None
        if obstacle:
            raise UsageError("--%s: %s" % (flag, obstacle))
    return device, devices.session_config(
        device, *threads, run_settings.mixed_precision, compute_options.xla, in_cluster
    )


def _part(split, batch_size, num_clones, members):
    """Returns the part of a split that this process reads, which has a batch at least."""
    part = split
    if members is not None:
        part = dataset.part(split, members.task_index, members.num_workers)
    if batch_size * num_clones > part.num_samples:
        clones = " with --num_clones %d" % num_clones if num_clones > 1 else ""
        raise UsageError(
            "--batch_size %d%s: the train split has only %d photos%s; lower it"
            % (batch_size, clones, part.num_samples, "" if part is split else " for this worker")
        )
    return part
