"""Who takes part in a run, as the servers keep it: a server and its workers within this process."""

import json
import time

import pytest

from alexnet_flowers.distributed import cluster, liveness, local_cluster, places, server
from alexnet_flowers.distributed.register import HERE, LEFT, NOT_YET, Register
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.tf1 import tf

RUN = {"run_name": "run", "batch_size": 56, "learning_rate": 0.1, "classes": ["daisy", "tulips"]}


class Members:
    """A server, a chief, and a worker."""

    def __init__(self):
        hosts = ["127.0.0.1:%d" % port for port in local_cluster.free_ports(4)]
        self.ps_hosts, self.worker_hosts, self.elsewhere = hosts[:1], hosts[1:3], hosts[3:]
        self.server = self._cluster("ps", 0, self.worker_hosts).server(tf.ConfigProto())
        self.chief = self.worker(0, self.worker_hosts)
        self.other = self.worker(1, self.worker_hosts)
        self._tell_cluster()

    def _tell_cluster(self):
        """As the server does when it begins."""
        told = json.dumps(self._cluster("ps", 0, self.worker_hosts).shared)
        with tf.Graph().as_default(), tf.Session(self.server.target) as session:
            session.run(Register(0, 2).tell_cluster(told))

    def _cluster(self, job, index, worker_hosts):
        return cluster.Cluster(self.ps_hosts, worker_hosts, job, index, False)

    def worker(self, index, worker_hosts):
        members = self._cluster("worker", index, worker_hosts)
        return places.Worker(members, tf.ConfigProto(), give_up=None)

    def states(self):
        with tf.Graph().as_default(), tf.Session(self.server.target) as session:
            return list(session.run(Register(0, 2).states))


@pytest.fixture(scope="module")
def members():
    return Members()


def test_a_worker_says_that_it_waits_for_the_chief():
    members = Members()  # To which no chief has come yet.

    def report(line):
        assert line == "worker 1: waiting for the chief at " + members.worker_hosts[0]
        raise KeyError

    members.other._report = report
    with pytest.raises(KeyError), members.other.joined(RUN):
        raise AssertionError
    with members.chief.joined(RUN), tf.Graph().as_default():
        with tf.device(members.other.variables_device()):
            tf.get_variable("not_yet", [1])
        with pytest.raises(KeyError):
            members.other.wait_for_chief()


def test_the_servers_keep_who_is_there(members, monkeypatch):
    assert members.states() == [b"", b""]
    with members.chief.joined(RUN):
        assert members.states() == [HERE, b""]
        with monkeypatch.context() as patched:  # Nobody waits for a worker that has never come.
            patched.setattr(places.time, "sleep", pytest.fail)
            members.chief.wait_for_others(lambda: False)
        with members.other.joined(RUN):
            assert members.states() == [HERE, HERE]
        with pytest.raises(KeyError), members.other.joined(RUN):
            raise KeyError
        assert members.states() == [HERE, LEFT]
    assert members.states() == [LEFT, LEFT]


def test_a_chief_that_takes_the_place_of_another_knows_how_many_wait(members):
    def count():
        with tf.Graph().as_default(), members.chief.session() as session:
            return members.chief.count_orphans(session)

    assert not places.Worker.takes_over  # Of a new run nobody waits.
    with members.chief.joined(RUN), members.chief.joined(RUN):  # As if the first were killed.
        assert count() == 0
        with members.other.joined(RUN):  # It has taken its time to start.
            assert count() == 1


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"learning_rate": 0.2}, "learning_rate is 0.1 there and 0.2 here"),
        ({"batch_size": 28}, "batch_size is 56 there and 28 here"),
        ({"classes": ["roses"]}, "classes is .'daisy', 'tulips'. there and .'roses'. here"),
        ({"momentum": 0.9}, "momentum is None there and 0.9 here"),
    ],
)
def test_a_worker_of_another_run_has_not_joined(members, changes, message):
    with members.chief.joined(RUN):
        before = members.states()
        with pytest.raises(UsageError, match=message), members.other.joined(dict(RUN, **changes)):
            raise AssertionError
        assert members.states() == before


def test_a_second_chief_has_not_joined(members):
    second = dict(RUN, run_name="second")
    with members.chief.joined(RUN):
        with pytest.raises(UsageError, match="run_name is run there"), members.chief.joined(second):
            raise AssertionError
        assert members.states()[0] == HERE
        with members.other.joined(RUN):  # The run is still the first one's.
            pass
        joined = members.other.joined(RUN)
        joined.__enter__()
    with pytest.raises(UsageError, match="run_name is run there"), members.chief.joined(second):
        raise AssertionError  # The first run's worker is there still.
    joined.__exit__(None, None, None)
    with members.chief.joined(second):
        pass


def test_a_server_of_another_cluster_is_named(members):
    second = members.worker(0, members.elsewhere)
    before, message = members.states(), "server at %s .*worker_hosts is " % members.ps_hosts[0]
    with pytest.raises(UsageError, match=message), second.joined(RUN):
        raise AssertionError
    assert members.states() == before


def test_a_server_of_another_tensorflow_is_named(members, monkeypatch):
    here = tf.__version__[0]
    monkeypatch.setattr(tf, "__version__", "3.0.1")
    message = "TensorFlow is %s there and 3 here" % here
    with pytest.raises(UsageError, match=message), members.chief.joined(RUN):
        raise AssertionError


def test_a_chief_that_was_killed_joins_its_run_again(members):
    joined = members.chief.joined(RUN)
    joined.__enter__()  # And never leaves.
    with pytest.raises(UsageError), members.chief.joined(dict(RUN, run_name="new")):
        raise AssertionError
    with members.chief.joined(RUN):
        assert members.states()[0] == HERE
    joined.__exit__(None, None, None)


def test_a_chief_that_an_error_ends_is_waited_for(members):
    with pytest.raises(DataError), members.chief.joined(RUN):
        raise DataError("the last step cannot be saved")
    assert members.states()[0] == NOT_YET
    with members.chief.joined(RUN):
        assert members.chief.takes_over
    with pytest.raises(KeyboardInterrupt), members.chief.joined(RUN):
        raise KeyboardInterrupt
    assert members.states()[0] == LEFT


def test_a_server_with_another_place_is_none_of_ours(members):
    liveness.wait_for(members.ps_hosts)
    with pytest.raises(DataError, match="does not answer as servers of this cluster do"):
        liveness.wait_for(members.worker_hosts)
    with pytest.raises(DataError, match=members.ps_hosts[0] + " does not answer"):
        liveness.wait_for(members.ps_hosts * 2)


def test_a_silent_server_is_told_of(monkeypatch):
    monkeypatch.setattr(liveness, "_WATCH_SECS", 0.01)
    monkeypatch.setattr(liveness, "_SILENT_SECS", 0.1)
    errors = []
    host = "127.0.0.1:%d" % local_cluster.free_ports(1)[0]
    with liveness.watched([host], errors.append):
        until = time.monotonic() + 20
        while not errors:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert "the server at %s is gone" % host in str(errors[0])


def test_a_server_ends_when_nobody_can_need_it(monkeypatch):
    monkeypatch.setattr(server, "_POLL_SECS", 0.001)
    monkeypatch.setattr(server, "_LATE_SECS", 0.05)

    def absent(*seen):
        seen = list(seen)
        return server._wait_for_the_end(lambda: seen.pop(0) if len(seen) > 1 else seen[0])

    assert absent([HERE, b""], [HERE, HERE], [LEFT, HERE], [LEFT, LEFT]) == ""
    assert absent([HERE, b"", b""], [LEFT, b"", LEFT]) == "1"
    # A chief that comes back, and a worker that comes late, are waited for.
    assert absent([LEFT, b""], [HERE, b""], *100 * [[LEFT, HERE]], [LEFT, LEFT]) == ""


def test_a_worker_that_was_killed_is_not_waited_for_at_the_end(members, monkeypatch):
    nobody = "127.0.0.1:%d" % local_cluster.free_ports(1)[0]
    there = members.worker_hosts + [nobody, nobody, nobody]
    states, silence = [HERE, HERE, HERE, LEFT, b""], liveness.Silence(0)
    assert liveness.without_the_killed(states, there, silence) == states  # It may only be late.
    assert liveness.without_the_killed(states, there, silence) == [HERE, HERE, b"", LEFT, b""]
    monkeypatch.setattr(liveness, "_SILENT_SECS", 0.1)
    hosts = [members.worker_hosts[0], nobody]
    monkeypatch.setattr(members.chief, "_cluster", members._cluster("worker", 0, hosts))
    members.other._set_state(HERE)
    since = time.monotonic()
    members.chief.wait_for_others(lambda: False)
    assert time.monotonic() - since < 10
    monkeypatch.setattr(liveness, "_SILENT_SECS", 600)
    members.chief.wait_for_others(lambda: True)
    assert time.monotonic() - since < 20
    members.other._set_state(LEFT)


def test_a_worker_that_stays_ends_with_the_chief_or_when_it_is_enough(members):
    asked = []

    def enough():
        asked.append(1)
        return len(asked) == 3

    with members.chief.joined(RUN):
        members.other.wait_for_chief_to_leave(enough)
        with tf.Graph().as_default(), members.chief.session() as session:
            assert members.chief.absent_workers(session) == [1]
    assert len(asked) == 3
    members.other.wait_for_chief_to_leave(enough)
    assert len(asked) == 3


def test_no_proxy_is_asked_for_the_way_to_a_member(monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # Where nobody listens.
    members = Members()
    with members.chief.joined(RUN), tf.Graph().as_default():
        with tf.device("/job:ps/task:0"):
            two = tf.constant(1) + 1
        with members.chief.session() as session:
            assert session.run(two) == 2
