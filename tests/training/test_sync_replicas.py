"""What a synchronous chief leaves behind when it is killed, and how the next one goes on."""

import threading
import time
import types

import numpy as np
import pytest
from graphs import needed

from alexnet_flowers.tf1 import slim, tf
from alexnet_flowers.training import optimization, sync_replicas
from alexnet_flowers.training.settings import Settings

_RATE = 0.5


def _replica(server, name, gradients):
    """A worker's or a chief's graph and session: two variables, and a step with these gradients."""
    with tf.Graph().as_default(), tf.name_scope(name):
        variables = [
            tf.get_variable("v%d" % number, initializer=0.0, use_resource=False)
            for number in range(2)
        ]
        global_step = tf.train.get_or_create_global_step()
        optimizer = sync_replicas.wrap(tf.train.GradientDescentOptimizer(_RATE), 2)
        step = optimizer.apply_gradients(
            [(tf.constant(g), v) for g, v in zip(gradients, variables)], global_step
        )
        return types.SimpleNamespace(
            optimizer=optimizer, step=step, global_step=global_step, variables=variables,
            restore=tf.global_variables_initializer(), session=tf.Session(server.target),
            server=server,
        )  # fmt: skip


def _initialize(replica):
    replica.session.run(replica.restore)
    assert not replica.session.run(replica.optimizer.ready_for_local_init_op).size
    replica.session.run(replica.optimizer.chief_init_op)


def _started(replica):
    thread = threading.Thread(target=replica.session.run, args=(replica.step,), daemon=True)
    thread.start()
    return thread


def _starts(chief):
    """Does what slim does with a synchronous chief's session."""
    with chief.session.graph.as_default():
        session = chief.session
        _initialize(chief)
        chief.optimizer.get_chief_queue_runner().create_threads(
            session, tf.train.Coordinator(), daemon=True, start=True
        )
        session.run(chief.optimizer.get_init_tokens_op())


def _counts(replica, first=0):
    """How many gradients of each variable, from the ``first`` on, the server holds: tensors."""
    with replica.session.graph.as_default():
        return [a.num_accumulated() for a, _ in replica.optimizer._accumulator_list[first:]]


def _wait_for_gradients(replica, first=0):
    counts = _counts(replica, first)
    until = time.monotonic() + 30
    while any(n != 1 for n in replica.session.run(counts)):
        assert time.monotonic() < until


def _taken_over(name, num_orphans):
    """A chief takes over what a replica, which waits for its token, has given.

    Returns the chief, and how many gradients are there while the others are counted and after.
    """
    server = tf.train.Server.create_local_server()
    waiting = _replica(server, name, [9.0, 9.0])
    chief = _replica(server, "chief", [3.0, 4.0])
    _initialize(waiting)
    _started(waiting)
    _wait_for_gradients(waiting)
    counts, seen = _counts(waiting), []

    def count_orphans(session):
        seen.append(list(waiting.session.run(counts)))
        return num_orphans

    with chief.session.graph.as_default():
        chief.optimizer.take_over(chief.session, count_orphans)
    return chief, seen, list(chief.session.run(_counts(chief)))


def test_the_killed_chiefs_own_gradient_counts_no_more():
    assert _taken_over("killed", 0)[2] == [0, 0]


def test_workers_are_counted_after_the_gradients_are_dropped():
    """One that comes late has joined before it gives the gradient that is dropped."""
    chief, seen, _ = _taken_over("worker", 1)
    assert seen == [[0, 0]] and chief.optimizer._num_tokens == 1


@pytest.mark.parametrize("taken", [0, 1, 2], ids=["none", "half", "all"])
def test_a_chief_goes_on_whatever_gradients_the_killed_one_had_taken(taken):
    server = tf.train.Server.create_local_server()
    worker = _replica(server, "worker", [1.0, 2.0])
    killed = _replica(server, "killed", [9.0, 9.0])
    chief = _replica(server, "chief", [3.0, 4.0])
    for replica in (killed, worker):
        _initialize(replica)
    waiting = _started(worker)
    accumulators = [a for a, _ in killed.optimizer._accumulator_list]
    with killed.session.graph.as_default():
        for accumulator in accumulators[:taken]:
            killed.session.run(accumulator.take_grad(1))
    _wait_for_gradients(killed, first=taken)
    with chief.session.graph.as_default():
        chief.optimizer.take_over(chief.session, lambda session: 1)
    _starts(chief)
    waiting.join(30)
    assert not waiting.is_alive()  # It has its token, and makes its next step.
    both = [_started(worker), _started(chief)]
    for thread in both:
        thread.join(30)
        assert not thread.is_alive()
    # One gradient of each, and none of before; nobody has a token to spare.
    assert chief.session.run(chief.global_step) == 1
    np.testing.assert_allclose(chief.session.run(chief.variables), [-_RATE * 2, -_RATE * 3])
    with chief.session.graph.as_default():
        assert chief.session.run(chief.optimizer._sync_token_queue.size()) == 0


@pytest.mark.parametrize("who", ["chief", "worker"])
def test_a_continued_run_sets_the_own_step_for_good(who):
    """slim initializes all local variables beside it, before or after."""
    server = tf.train.Server.create_local_server()
    replica = _replica(server, who, [1.0, 2.0])
    optimizer, session = replica.optimizer, replica.session
    with session.graph.as_default():
        continued = tf.assign(replica.global_step, 12)
        all_local = tf.local_variables_initializer()
    session.run([replica.restore])
    session.run(continued)
    session.run(optimizer.chief_init_op if who == "chief" else optimizer.local_step_init_op)
    session.run(all_local)
    assert session.run(optimizer._local_step) == 12


def test_nobody_is_too_late_between_two_chiefs():
    chief, _, counts = _taken_over("worker", 1)
    assert counts == [0, 0]
    late = _replica(chief.server, "late", [5.0, 5.0])
    late.session.run(late.optimizer.local_step_init_op)
    _started(late)
    _wait_for_gradients(late)


def test_the_tokens_stay_when_a_chief_leaves():
    server = tf.train.Server.create_local_server()
    chief = _replica(server, "chief", [3.0, 4.0])
    coordinator, others = tf.train.Coordinator(), set(threading.enumerate())
    with chief.session.graph.as_default():
        _initialize(chief)
        runner = chief.optimizer.get_chief_queue_runner()
        runner.create_threads(chief.session, coordinator, daemon=True, start=True)
        give = chief.optimizer._sync_token_queue.enqueue(tf.constant(1, tf.int64))
        count = chief.optimizer._sync_token_queue.size()
    threads = [one for one in set(threading.enumerate()) - others if "close_on_stop" in one.name]
    coordinator.request_stop()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    chief.session.run(give)
    assert threads and chief.session.run(count) == 1


def test_a_steps_averages_are_there_before_anybody_goes_on():
    with tf.Graph().as_default():
        variable = slim.model_variable("v", [], initializer=tf.zeros_initializer())
        global_step = tf.train.get_or_create_global_step()
        optimizer = tf.train.GradientDescentOptimizer(_RATE)
        settings = Settings(moving_average_decay=0.9)
        optimization.average_in_each_step(optimizer, settings, global_step)
        optimizer = sync_replicas.wrap(optimizer, 2)
        step = optimizer.apply_gradients([(tf.constant(1.0), variable)], global_step)
        (tokens,) = [op for op in step.graph.get_operations() if op.type == "QueueEnqueueManyV2"]
        names = [op.name for op in needed(tokens) if op.type.startswith("Assign")]
    assert any("ExponentialMovingAverage" in name for name in names), names
