"""Numbers that no run can be made with are refused before anything is built."""

import pytest

from alexnet_flowers import devices
from alexnet_flowers.distributed import cluster
from alexnet_flowers.errors import UsageError
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import hyperparameters, plan, schedules
from alexnet_flowers.training.settings import Settings

NUMBERS = {part: getattr(plan.DEFAULT_OPTIONS, part) for part in ("logging", "queues", "compute")}


def check(**changes):
    options = plan.DEFAULT_OPTIONS
    for name, value in changes.items():
        for part, fields in NUMBERS.items():
            if name in fields._fields:
                options = options._replace(**{part: fields._replace(**{name: value})})
        if name in options._fields:
            options = options._replace(**{name: value})
    return plan.check(Settings(), options)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("intra_op_threads", -5, "must be from 0 to 4096"),
        ("inter_op_threads", 10**6, "must be from 0 to 4096"),
        ("num_readers", 10**6, "must be from 1 to 4096"),
        ("num_preprocessing_threads", 0, "must be from 1 to 4096"),
        ("common_queue_min", 2**31, "must be from 0 to 1000000000"),
        ("batch_queue_capacity", 10**20, "must be from 1 to"),
        ("max_images", 10**20, "must be from 0 to"),
        ("num_clones", 0, "must be at least 1"),
        ("num_epochs", 0.0, "must be above 0"),
        ("num_epochs", 1e308, "must be 9007199254740992 at most"),
        ("max_number_of_steps", 10**400, "must be 9007199254740992 at most"),
        ("save_interval_steps", -1, "must be at least 0"),
        ("save_summaries_secs", float("inf"), "must be at least 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(name, value, message):
    with pytest.raises(UsageError, match="^--%s=.*: %s" % (name, message)):
        check(**{name: value})


def test_a_batch_of_several_clones_that_is_too_large_names_both_flags(tiny_dataset):
    compute = devices.Compute(device="cpu", num_clones=2)
    with pytest.raises(UsageError) as caught:
        plan.make(tiny_dataset, Settings(batch_size=13), plan.Options(compute=compute))
    assert str(caught.value) == (
        "--batch_size 13 with --num_clones 2: the train split has only 25 photos; lower it"
    )


def test_a_run_may_be_as_long_as_anyone_likes(tiny_dataset):
    longest = hyperparameters.LARGEST
    options = plan.DEFAULT_OPTIONS._replace(num_epochs=1e15)
    changes = dict(batch_size=1, warmup_steps=longest, num_epochs_per_decay=1e15)
    wanted = Settings(learning_rate_decay_type="exponential", **changes)
    made = plan.make(tiny_dataset, wanted, options)
    assert made.num_steps == made.num_decay_steps == longest
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.constant(longest // 2 - 1, tf.int64)
        rate = session.run(schedules.learning_rate(made.settings, made.num_decay_steps, step))
    assert rate == pytest.approx(made.settings.learning_rate / 2)
    check(max_to_keep=10**11)


def test_a_cluster_is_told_which_command_evaluates_beside_it():
    members = cluster.Cluster(["a:1"], ["b:1"], "worker", 0, False)
    options = plan.Options(logging=plan.Logging(eval_every_n_steps=1))
    # ``scripts/`` is what becomes the command's name where the package is installed.
    with pytest.raises(UsageError, match="cluster; run scripts/evaluate.py --watch beside it$"):
        plan.check(Settings(), options, members)


def test_workers_of_a_seed_draw_differently_whatever_their_input(tiny_dataset):
    hosts = {"ps_hosts": ["a:1"], "worker_hosts": ["b:1", "c:1"]}

    def seed_of(index, seed=5):
        members = cluster.Cluster(job_name="worker", task_index=index, sync_replicas=True, **hosts)
        chosen = Settings(seed=seed, batch_size=2)
        made = plan.make(tiny_dataset, chosen, members=members, report=lambda line: None)
        return made.input_request.seed

    assert seed_of(0) == 5 and seed_of(1) != 5
    assert seed_of(1, None) is None


@pytest.mark.parametrize("threads", [(3, 0), (0, 2)])
def test_threads_are_sized_before_anybody_else_makes_devices(tiny_dataset, monkeypatch, threads):
    made = []

    class Session:
        def __init__(self, config):
            made.append((config.intra_op_parallelism_threads, config.inter_op_parallelism_threads))

        def close(self):
            pass

    monkeypatch.setattr(devices, "_list_gpus", lambda: ["GPU:0"])
    monkeypatch.setattr(devices, "cards", lambda: made.append("cards") or [])
    monkeypatch.setattr(tf, "Session", Session)
    compute = devices.Compute("gpu", intra_op_threads=threads[0], inter_op_threads=threads[1])
    options = plan.Options(compute=compute)
    plan.make(tiny_dataset, Settings(batch_size=4), options, report=lambda line: None)
    assert made == [threads, "cards"]
