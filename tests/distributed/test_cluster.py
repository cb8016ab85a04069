"""Several processes on one run: each test starts real ones, which speak over 127.0.0.1."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import gpus
import numpy as np
import processes
import pytest
from conftest import ROOT
from http_servers import serving
from processes import Script, last_step, read_all_tensors

from alexnet_flowers import devices
from alexnet_flowers.data import dataset
from alexnet_flowers.distributed import cluster, liveness, local_cluster
from alexnet_flowers.distributed.cluster import Cluster
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, plan, runs, train
from alexnet_flowers.training.settings import Settings

HOSTS = {"ps_hosts": ["a:1"], "worker_hosts": ["b:1", "b:2"]}
SMALL = [
    "--image_size=195", "--common_queue_min=4", "--log_every_n_steps=1", "--batch_size=2",
    "--run_name=run", "--device=cpu",
]  # fmt: skip


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ps_hosts": []}, "--ps_hosts: a cluster needs at least one"),
        ({"worker_hosts": ["b"]}, "--worker_hosts: 'b' is not <host>:<port>"),
        ({"worker_hosts": ["b:0"]}, "--worker_hosts: 'b:0' is not <host>:<port>"),
        ({"worker_hosts": ["a:1"]}, "a:1 is there twice"),
        ({"task_index": 2}, "--task_index 2: --worker_hosts has 2, from 0"),
        ({"job_name": "chief"}, "--job_name: 'chief' is none of ps, worker"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(changes, message):
    members = Cluster(job_name="worker", task_index=1, sync_replicas=False, **HOSTS)
    cluster.check(members)
    with pytest.raises(UsageError, match=re.escape(message)):
        cluster.check(members._replace(**changes))


def test_each_worker_reads_other_shards(tiny_dataset):
    split = dataset.get_split("train", tiny_dataset)
    parts = [dataset.part(split, index, 2) for index in (0, 1)]
    sources = [source for part in parts for source in part.data_sources]
    assert sorted(sources) == sorted(split.data_sources)
    assert sum(part.num_samples for part in parts) == split.num_samples
    with pytest.raises(UsageError, match="9 workers, but only 2 shards"):
        dataset.part(split, 0, 9)


def test_servers_hold_about_as_many_bytes_each_and_nothing_else():
    (port,) = local_cluster.free_ports(1)
    hosts = {"ps_hosts": ["a:1", "a:2"], "worker_hosts": ["127.0.0.1:%d" % port]}
    members = Cluster(job_name="worker", task_index=0, sync_replicas=False, **hosts)
    place = cluster.Worker(members, tf.ConfigProto(), give_up=None)
    with tf.Graph().as_default() as graph:
        with tf.device(place.variables_device()):
            alexnet_v2.alexnet_v2(tf.zeros([2, 195, 195, 3]), 5, is_training=True)
        variables = {variable.op.name for variable in tf.global_variables()}
        num_bytes = {0: 0, 1: 0}
        for variable in tf.global_variables():
            task = tf.DeviceSpec.from_string(variable.device).task
            num_bytes[task] += variable.shape.num_elements() * 4
        # fc6 alone is 57 % of all.
        assert max(num_bytes.values()) < 0.61 * sum(num_bytes.values())
        for op in graph.get_operations():
            if not any(op.name.startswith(name) for name in variables):
                assert "/job:ps" not in op.device, op.name


def test_clones_make_the_same_step_as_one_large_batch(tiny_dataset, monkeypatch):
    from alexnet_flowers.input import pipeline
    from alexnet_flowers.training import schedules, training_graph

    images = np.random.RandomState(0).uniform(-1, 1, [4, 195, 195, 3]).astype(np.float32)

    def fixed(split, batch_size, image_size, **_):
        assert batch_size == 4
        nothing = tf.constant([b""] * 4)
        return pipeline.Batch(tf.constant(images), tf.range(4, dtype=tf.int64), nothing, nothing)

    monkeypatch.setattr(pipeline, "training_batches", fixed)
    logging = plan.Logging(max_images=0, save_histograms_secs=0)
    after, names = [], []
    for num_clones in (1, 2):
        settings = Settings(
            batch_size=4 // num_clones, image_size=195, dropout_keep_prob=1.0,
            learning_rate=0.1, opt_epsilon=None, weight_decay=0.0005,
        )  # fmt: skip
        with tf.Graph().as_default() as graph, gpus.cpu_session() as session:
            planned = plan.compute(
                tiny_dataset, settings, plan.Options(
                    logging=logging, compute=devices.Compute(device="cpu", num_clones=num_clones),
                ),
            )  # fmt: skip
            ops = training_graph.build(planned, cluster.Alone())
            names.append({v.op.name for v in tf.global_variables()})
            values = np.random.RandomState(1)
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            for variable in tf.trainable_variables():
                shape = variable.shape.as_list()
                variable.load(values.normal(0, 0.01, shape).astype(np.float32), session)
            session.run(ops.train_op)
            after.append(session.run(tf.trainable_variables()))
            scopes = {op.name.split("/")[0] for op in graph.get_operations()}
        assert ("clone_1" in scopes) == (num_clones == 2) and "alexnet_v2" in scopes
    assert names[0] == names[1]
    for one, two in zip(*after):
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-5 * np.abs(one).max())
    assert schedules.decay_steps(
        Settings(learning_rate_decay_type="exponential", batch_size=2), 100, 9, num_replicas=5
    ) == 20  # fmt: skip


class Members:
    """The processes of a cluster, each of which can be killed and started again."""

    def __init__(self, folder, *args, num_workers=2):
        self._folder, self._args = folder, list(args)
        ports = local_cluster.free_ports(1 + num_workers)
        hosts = ["127.0.0.1:%d" % port for port in ports]
        self._hosts = ["--ps_hosts=" + hosts[0], "--worker_hosts=" + ",".join(hosts[1:])]
        self.server = self.start("ps", 0)
        self.workers = [self.start("worker", index) for index in range(num_workers)]

    def start(self, job, index, *more):
        member = ["--job_name=%s" % job, "--task_index=%d" % index, *more]
        return Script("train", self._folder, *self._args, *self._hosts, *member)

    def finish(self):
        """Waits for all; returns the step at which each worker ended."""
        ends = []
        for script in self.workers + [self.server]:
            ends.append(script.finish())
            assert ended_well(ends[-1]), ends[-1]
        return ends

    def kill(self):
        for script in self.workers + [self.server]:
            with contextlib.suppress(Exception):
                script.kill()


@pytest.fixture
def members(tmp_path, tiny_dataset):
    started = []

    def start(*args, **options):
        args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, *args]
        started.append(Members(tmp_path, *args, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def errors_of(ended):
    """The lines on the standard error but for notes of current TensorFlow."""
    return [line for line in ended.error.splitlines() if line[:6] not in ("I0000 ", "W0000 ")]


def ended_well(ended):
    return ended.status == 0 and not errors_of(ended)


def newest_step(folder):
    return read_all_tensors(checkpoints.newest(str(folder / "runs" / "checkpoints" / "run")))


# Each takes most of a minute. Synchronous ones have more to lose: others wait for who is killed.
KILLED = pytest.mark.parametrize(
    "how", [pytest.param("asynchronous", marks=pytest.mark.soak(only=True)), "synchronous"]
)


@pytest.mark.parametrize("how", ["asynchronous", "synchronous"])
def test_a_cluster_ends_at_the_last_step_by_itself(tmp_path, members, how):
    flags = ["--sync_replicas"] if how == "synchronous" else []
    chief, other, server = members("--max_number_of_steps=7", *flags).finish()
    assert newest_step(tmp_path) == 7
    assert any("run: finished at step 7 of 7; checkpoint " in line for line in chief.lines)
    assert re.match(r"run: worker 1 finished at step \d of 7", other.lines[-1])
    assert server.lines[-1] == "server 0: all workers have left"
    # The chief alone writes.
    assert sorted(os.listdir(str(tmp_path / "runs"))) == ["checkpoints", "summaries"]
    events, table = sorted(os.listdir(str(tmp_path / "runs" / "summaries" / "run")))
    assert events.startswith("events.") and table == "training.csv"
    steps = [last_step([line]) for line in chief.lines + other.lines if line[:5] == "step "]
    if how == "synchronous":
        assert sorted(steps) == sorted(2 * list(range(1, 8)))
    else:
        assert set(steps) <= set(range(1, 8)) and 7 in steps


def test_two_synchronous_workers_make_the_update_of_one_with_both_batches(
    tmp_path, members, random_run, tiny_dataset, monkeypatch
):
    monkeypatch.setattr("processes.SCRIPTS", os.path.dirname(processes.__file__))
    fixed = [
        "--dropout_keep_prob=1", "--max_number_of_steps=2", "--save_summaries_secs=0",
        "--checkpoint_path=" + random_run.checkpoints_dir, "--learning_rate=0.001",
    ]  # fmt: skip
    monkeypatch.setattr(Members, "start", _start_fixed)
    members("--sync_replicas", *fixed).finish()
    alone = ["--batch_size=4" if arg == "--batch_size=2" else arg for arg in SMALL]
    alone[alone.index("--run_name=run")] = "--run_name=alone"
    ended = Script(
        "fixed_images", tmp_path, "--dataset_dir=%s" % tiny_dataset, *alone, *fixed
    ).finish()
    assert ended_well(ended), ended
    both = [
        tf.train.NewCheckpointReader(
            checkpoints.newest(str(tmp_path / "runs" / "checkpoints" / name))
        )
        for name in ("run", "alone")
    ]
    before = tf.train.NewCheckpointReader(checkpoints.newest(random_run.checkpoints_dir))
    for name in both[1].get_variable_to_shape_map():
        old, two, one = (np.float64(r.get_tensor(name)) for r in [before] + both)
        if name == "global_step":
            assert one == two == 2
            continue
        update = np.linalg.norm(one - old)
        assert update > 0 and np.linalg.norm(two - one) <= 1e-5 * np.linalg.norm(one), name
        assert np.linalg.norm(two - one) <= 1e-2 * update, name


def _start_fixed(self, job, index):
    member = ["--job_name=%s" % job, "--task_index=%d" % index]
    return Script("fixed_images", self._folder, *self._args, *self._hosts, *member)


@KILLED
def test_a_worker_that_was_killed_joins_again(tmp_path, members, how):
    # A synchronous chief waits; the other one must not be at its end before the worker is back.
    flags, steps = (["--sync_replicas"], 20) if how == "synchronous" else ([], 60)
    started = members("--max_number_of_steps=%d" % steps, "--save_summaries_secs=0", *flags)
    chief, other = started.workers
    assert other.wait_until(lambda: last_step(other.lines) >= 2)
    other.kill()
    if how == "asynchronous":
        here = last_step(chief.lines)
        assert chief.wait_until(lambda: last_step(chief.lines) > here)  # It goes on.
    again = started.workers[1] = started.start("worker", 1)
    ends = started.finish()
    assert newest_step(tmp_path) == steps and last_step(again.lines) > 0
    assert any("finished at step %d of %d" % (steps, steps) in line for line in ends[0].lines)


@KILLED
def test_a_chief_that_was_killed_goes_on_from_its_checkpoint(tmp_path, members, how):
    flags = ["--sync_replicas"] if how == "synchronous" else []
    started = members(
        "--max_number_of_steps=16", "--save_interval_steps=4", "--save_summaries_secs=0", *flags
    )
    chief = started.workers[0]
    run_dir = str(tmp_path / "runs" / "checkpoints" / "run")
    assert chief.wait_until(lambda: os.path.isdir(run_dir) and checkpoints.newest(run_dir))
    chief.kill()
    saved = checkpoints.global_step_of(checkpoints.newest(run_dir))
    started.workers[0] = started.start("worker", 0)
    ends = started.finish()
    assert ends[0].lines[0] == "run run: continued from step %d" % saved
    assert newest_step(tmp_path) == 16


def test_a_server_that_is_not_there_is_an_error(tmp_path, tiny_dataset, monkeypatch):
    monkeypatch.setattr(liveness, "CONNECT_SECS", 1)
    ports = local_cluster.free_ports(3)
    hosts = ["127.0.0.1:%d" % port for port in ports]
    run = runs.locate_run("run", str(tmp_path / "c"), str(tmp_path / "s"))
    members = Cluster(hosts[:1], hosts[1:2], "worker", 0, False)
    with pytest.raises(DataError, match="--ps_hosts: %s cannot be reached" % hosts[0]):
        settings = Settings(batch_size=2, image_size=195)
        train.train(run, plan.compute(tiny_dataset, settings, members=members))
    assert not os.path.exists(run.checkpoints_dir)


def test_something_else_that_listens_is_an_error(tmp_path, tiny_dataset):
    with serving({}) as server:
        ended = Script(
            "train", tmp_path, "--dataset_dir=%s" % tiny_dataset, *SMALL,
            "--ps_hosts=" + server.url[len("http://"):],
            "--worker_hosts=127.0.0.1:%d" % local_cluster.free_ports(1)[0],
        ).finish(secs=60)  # fmt: skip
    (line,) = errors_of(ended)
    assert ended.status == 1 and "does not answer as servers of this cluster do" in line
    assert not os.path.exists(str(tmp_path / "runs" / "summaries"))


def test_a_server_that_goes_away_is_an_error(members):
    started = members("--max_number_of_steps=9999", "--save_summaries_secs=0", num_workers=1)
    (chief,) = started.workers
    assert chief.wait_until(lambda: last_step(chief.lines) >= 2)
    started.server.kill()
    since = time.time()
    ended = chief.finish()
    assert ended.status == 1 and time.time() - since < 60
    # TensorFlow's own log may tell of the lost connection before.
    line = ended.error.splitlines()[-1]
    assert line.startswith("train.py: error: ") and "server" in line and " is gone" in line
    assert "Traceback" not in ended.error


def test_one_command_starts_and_ends_a_local_cluster(tmp_path, tiny_dataset):
    args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, "--max_number_of_steps=5"]
    ended = Script("launch_local", tmp_path, "--workers=2", "--servers=2", "--", *args).finish()
    assert ended_well(ended), ended
    names = {line.split("]")[0] for line in ended.lines}
    assert names == {"[ps 0", "[ps 1", "[worker 0", "[worker 1"}
    assert newest_step(tmp_path) == 5
    again = Script("launch_local", tmp_path, "--workers=2", "--servers=2", "--", *args).finish()
    assert ended_well(again), again
    assert any("run: finished already, at step 5 of 5" in line for line in again.lines)
    assert any("worker 1: nothing to do, the chief has left" in line for line in again.lines)


@pytest.mark.parametrize(
    "number, status, num_workers, flags",
    [("SIGINT", 130, 2, ["--sync_replicas"]), ("SIGTERM", 143, 1, []), ("SIGKILL", -9, 1, [])],
)
def test_a_stopped_local_cluster_leaves_no_process(
    tmp_path, tiny_dataset, number, status, num_workers, flags
):
    args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, "--max_number_of_steps=9999", *flags]
    script = Script(
        "launch_local", tmp_path, "--workers=%d" % num_workers, "--servers=1", "--", *args
    )
    stepped = lambda: any(line.startswith("[worker 0] step") for line in script.lines)  # noqa: E731
    assert script.wait_until(stepped)
    children = children_of(script.pid)
    assert len(children) == 1 + num_workers
    script.send(getattr(signal, number))
    ended = script.finish()
    assert ended.status == status, ended
    until = time.time() + 20
    while any(os.path.exists("/proc/%d" % child) for child in children):
        assert time.time() < until
        time.sleep(0.1)
    if number != "SIGKILL":
        assert newest_step(tmp_path) > 0


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(child) for child in file.read().split()]


def test_whoever_is_refused_harms_nobody(tmp_path, members, tiny_dataset):
    started = members("--max_number_of_steps=40", "--save_summaries_secs=0")
    chief, other = started.workers
    other.kill()  # Before it has joined: it still imports TensorFlow.
    assert chief.wait_until(lambda: last_step(chief.lines) >= 2)
    one, two = ("--worker_hosts=127.0.0.1:%d" % port for port in local_cluster.free_ports(2))
    intruders = [
        (started.start("worker", 0, one), 1, "is being trained by another process"),
        (started.start("worker", 0, two, "--run_name=new"), 2, "run_name is run there and"),
        (started.start("worker", 1, "--optimizer=adam"), 2, "optimizer is sgd there and adam here"),
    ]
    for intruder, status, message in intruders:
        ended = intruder.finish()
        (line,) = errors_of(ended)
        assert ended.status == status and message in line
        assert not last_step(ended.lines)
    assert not os.path.exists(str(tmp_path / "runs" / "checkpoints" / "new"))
    started.workers[1] = started.start("worker", 1)
    ends = started.finish()
    assert newest_step(tmp_path) == 40 and any("step 40 of 40" in line for line in ends[0].lines)


def test_a_process_that_gives_up_ends_though_nobody_reads_its_error():
    program = (
        "import os, threading, time\n"
        "from alexnet_flowers.commands import runner\n"
        "from alexnet_flowers.errors import DataError\n"
        "read, write = os.pipe(); os.dup2(write, 2); os.close(read)\n"
        "threading.Thread(target=runner.end_at_once, args=[DataError('')]).start()\n"
        "time.sleep(30); os._exit(77)\n"
    )
    assert subprocess.call([sys.executable, "-c", program], cwd=ROOT) == 1


def test_flags_of_a_cluster_need_its_hosts(run_script, tiny_dataset):
    done = run_script("train", "--dataset_dir", tiny_dataset, "--sync_replicas")
    assert done.returncode == 2
    assert "need --ps_hosts and --worker_hosts" in done.stderr
