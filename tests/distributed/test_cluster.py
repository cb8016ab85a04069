"""Several processes on one run, most of them real ones, which speak over 127.0.0.1."""

import os
import re
import signal
import time

import clusters
import numpy as np
import processes
import pytest
from clusters import SMALL, ended_well, errors_of, newest_step
from http_servers import serving
from processes import Script, last_step

from alexnet_flowers import devices
from alexnet_flowers.distributed import cluster, liveness, local_cluster, places
from alexnet_flowers.distributed.cluster import Cluster
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, plan, runs, train
from alexnet_flowers.training.settings import Settings

HOSTS = {"ps_hosts": ["a:1"], "worker_hosts": ["b:1", "b:2"]}


@pytest.fixture
def members(tmp_path, tiny_dataset):
    with clusters.starting(tmp_path, tiny_dataset) as start:
        yield start


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ps_hosts": []}, "--ps_hosts: a cluster needs at least one"),
        ({"worker_hosts": ["b"]}, "--worker_hosts: 'b' is not <host>:<port>"),
        ({"worker_hosts": ["b:0"]}, "--worker_hosts: 'b:0' is not <host>:<port>"),
        ({"worker_hosts": ["b:\u0661"]}, "--worker_hosts: 'b:\u0661' is not <host>:<port>"),
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


def test_servers_hold_about_as_many_bytes_each_and_nothing_else():
    (port,) = local_cluster.free_ports(1)
    hosts = {"ps_hosts": ["a:1", "a:2"], "worker_hosts": ["127.0.0.1:%d" % port]}
    members = Cluster(job_name="worker", task_index=0, sync_replicas=False, **hosts)
    place = places.Worker(members, tf.ConfigProto(), give_up=None)
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


def steps_to_the_end(chief, other, server, num_steps):
    """Checks the last words of a cluster's members; returns all steps that the workers printed."""
    end = "run: finished at step %d of %d; checkpoint " % (num_steps, num_steps)
    assert any(end in line for line in chief.lines)
    assert re.match(r"run: worker 1 finished at step \d of %d" % num_steps, other.lines[-1])
    assert server.lines[-1] == "server 0: all workers have left"
    return [last_step([line]) for line in chief.lines + other.lines if line[:5] == "step "]


def test_a_cluster_ends_at_the_last_step_by_itself(tmp_path, members):
    steps = steps_to_the_end(*members("--max_number_of_steps=7").finish(), num_steps=7)
    assert newest_step(tmp_path) == 7
    assert set(steps) <= set(range(1, 8)) and 7 in steps
    # The chief alone writes.
    assert sorted(os.listdir(str(tmp_path / "runs"))) == ["checkpoints", "summaries"]
    events, table = sorted(os.listdir(str(tmp_path / "runs" / "summaries" / "run")))
    assert events.startswith("events.") and table == "training.csv"


@pytest.mark.skipif(
    devices.mixed_precision_obstacle("cpu") is not None, reason="TensorFlow or CPU without bfloat16"
)
def test_a_cluster_computes_in_bfloat16(tmp_path, members):
    flags = ["--mixed_precision", "--max_number_of_steps=1", "--save_summaries_secs=0"]
    members(*flags, num_workers=1).finish()
    assert newest_step(tmp_path) == 1


def test_checkpoints_are_read_and_written_where_the_chief_runs(tmp_path, tiny_dataset):
    """As on several machines, the server is in a folder without any."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, "--save_summaries_secs=0"]
    for num_steps in (1, 2):  # The second time from a checkpoint.
        ports = local_cluster.free_ports(2)
        hosts = ["--%s_hosts=127.0.0.1:%d" % pair for pair in zip(("ps", "worker"), ports)]
        server = Script("train", elsewhere, *args, *hosts, "--job_name=ps")
        chief = Script("train", tmp_path, *args, *hosts, "--max_number_of_steps=%d" % num_steps)
        for ended in (chief.finish(), server.finish()):
            assert ended_well(ended), ended
        assert newest_step(tmp_path) == num_steps
    assert os.listdir(str(elsewhere)) == []


def test_two_synchronous_workers_make_the_update_of_one_with_both_batches(
    tmp_path, members, random_run, tiny_dataset, monkeypatch
):
    monkeypatch.setattr("processes.SCRIPTS", os.path.dirname(processes.__file__))
    # Our gradient rules round sums by the size of a batch; on some CPUs oneDNN does, too.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    fixed = [
        "--dropout_keep_prob=1", "--max_number_of_steps=2", "--save_summaries_secs=0",
        "--checkpoint_path=" + random_run.checkpoints_dir, "--learning_rate=0.001",
        "--nogradient_rules",
    ]  # fmt: skip
    monkeypatch.setattr(clusters.Members, "start", _start_fixed)
    steps = steps_to_the_end(*members("--sync_replicas", *fixed).finish(), num_steps=2)
    assert sorted(steps) == [1, 1, 2, 2]
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


@pytest.mark.parametrize("name", ["127.0.0.1", "no..name"])
def test_a_server_that_is_not_there_is_an_error(tmp_path, tiny_dataset, monkeypatch, name):
    monkeypatch.setattr(liveness, "CONNECT_SECS", 1)
    server, worker = local_cluster.free_ports(2)
    hosts = ["%s:%d" % (name, server)], ["127.0.0.1:%d" % worker]
    run = runs.locate_run("run", str(tmp_path / "c"), str(tmp_path / "s"))
    members = Cluster(*hosts, "worker", 0, False)
    with pytest.raises(DataError, match="--ps_hosts: %s:%d cannot be reached" % (name, server)):
        settings = Settings(batch_size=2, image_size=195)
        train.train(run, plan.make(tiny_dataset, settings, members=members))
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


def test_one_command_starts_and_ends_a_local_cluster(tmp_path, tiny_dataset):
    args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, "--max_number_of_steps=5"]
    args.append("--save_histograms_secs=0")
    ended = Script("launch_local", tmp_path, "--workers=2", "--servers=2", "--", *args).finish()
    assert ended_well(ended), ended
    names = {line.split("]")[0] for line in ended.lines}
    assert names == {"[ps 0", "[ps 1", "[worker 0", "[worker 1"}
    assert newest_step(tmp_path) == 5
    again = Script("launch_local", tmp_path, "--workers=2", "--servers=1", "--", *args).finish()
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


@pytest.mark.soak(only=True)
def test_a_worker_that_is_told_to_end_ends_a_synchronous_local_cluster(tmp_path, tiny_dataset):
    args = ["--dataset_dir=%s" % tiny_dataset, *SMALL, "--max_number_of_steps=9999"]
    args += ["--sync_replicas", "--save_histograms_secs=0"]
    script = Script("launch_local", tmp_path, "--workers=2", "--servers=1", "--", *args)
    stepped = lambda: any(line.startswith("[worker 1] step") for line in script.lines)  # noqa: E731
    assert script.wait_until(stepped)
    _, _, worker = children_of(script.pid)  # In the order in which they were started.
    os.kill(worker, signal.SIGTERM)
    ended = script.finish(secs=120)
    said = "[worker 1] ended with status 143; ending the others, within 30 seconds"
    assert ended.status == 143 and said in ended.lines


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(child) for child in file.read().split()]


def test_more_processes_than_there_are_ports_are_refused(run_script):
    done = run_script("launch_local", "--workers=100000")
    assert done.returncode == 2 and "--workers=100000" in done.stderr


def test_flags_of_a_cluster_need_its_hosts(run_script, tiny_dataset):
    done = run_script("train", "--dataset_dir", tiny_dataset, "--sync_replicas")
    assert done.returncode == 2
    assert "need --ps_hosts and --worker_hosts" in done.stderr
