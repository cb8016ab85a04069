"""What is due after a step, and when the loop ends."""

import os
import signal
import time
import types

import pytest

from alexnet_flowers.distributed.places import Alone
from alexnet_flowers.errors import WriteError
from alexnet_flowers.training import callback, callbacks, plan
from alexnet_flowers.training.loop import Loop, SessionLost
from alexnet_flowers.training.speed import Speed
from alexnet_flowers.training.training_graph import StepOps

OPS = StepOps(**dict.fromkeys(StepOps._fields))


class Session:
    """Each step makes one; other workers make ``others`` more meanwhile."""

    def __init__(self, step_number=0, others=0):
        self.step_number, self.others = step_number, others

    def run(self, fetches, options=None):
        if isinstance(fetches, dict):
            self.step_number += 1 + self.others
            return dict(loss=1.5, step_number=self.step_number, learning_rate=0.1)
        return self.step_number


class Recorder(callback.Callback):
    """Notes what it is called with."""

    def __init__(self, error=None):
        self.error, self.calls = error, []

    def after(self, step):
        self.calls.append((step.before, step.number, step.is_last))
        if self.error:
            raise self.error

    def after_failure(self, step):
        self.calls.append("failure at %d" % step.number)


def steps_of(loop, session):
    """Runs a loop to its end, as slim does."""
    while not loop.step(session, None, None, {})[1]:
        pass


def test_callbacks_see_each_step_once():
    recorder = Recorder()
    steps_of(Loop(OPS, [recorder], 3, Alone()), Session())
    assert recorder.calls == [(0, 1, False), (1, 2, False), (2, 3, True)]


def test_a_session_in_anothers_place_makes_no_step():
    recorder = Recorder()
    loop = Loop(OPS, [recorder], 9, Alone())
    loop.step(Session(3), None, None, {})
    with pytest.raises(SessionLost, match="was started again, or .* the same command continues"):
        loop.step(Session(3), None, None, {})  # As slim goes on after an AbortedError.
    assert recorder.calls == [(3, 4, False)]


class Summarizer(callback.Callback):
    """Fetches a summary in the second step."""

    def fetches(self, upcoming):
        return {"summary": None} if upcoming.before == 1 else {}


@pytest.mark.parametrize("one_by_one", [True, False])
def test_operations_run_one_by_one_where_asked_but_for_summaries(one_by_one):
    pools, session = [], Session()
    make_step = session.run

    def run(fetches, options=None):
        if isinstance(fetches, dict):
            pools.append(options.inter_op_thread_pool if options else 0)
        return make_step(fetches)

    session.run = run
    steps_of(Loop(OPS, [Summarizer()], 3, Alone(), one_by_one), session)
    assert pools == ([-1, 0, -1] if one_by_one else [0, 0, 0])


class Ender(callback.Callback):
    """Ends the training after a step."""

    def after(self, step):
        return step.number == 2


def test_a_callback_ends_the_loop_and_the_others_are_called():
    recorder = Recorder()
    loop = Loop(OPS, [Ender(), recorder], 9, Alone())
    steps_of(loop, Session())
    assert recorder.calls == [(0, 1, False), (1, 2, False)] and loop.ended_by_callback


def test_a_signal_ends_the_loop_after_the_step():
    recorder = Recorder()
    loop = Loop(OPS, [recorder], 9, Alone())
    loop.signal = 15
    steps_of(loop, Session(4))
    assert recorder.calls == [(4, 5, True)]


class Sender(callback.Callback):
    """Sends this process signals, as a user or a cluster would while a step is being saved."""

    def __init__(self, *numbers):
        self.numbers, self.is_done = numbers, False

    def after(self, step):
        for number in self.numbers:
            os.kill(os.getpid(), number)
        self.is_done = True


ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def no_signal_ignored():
    """A shell has SIGINT ignored in what it starts in the background."""
    usual = {number: signal.getsignal(number) for number in ALL}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ALL[1:]:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ALL)
def test_a_second_signal_during_a_save_loses_nothing(number, no_signal_ignored):
    sender, recorder, lines = Sender(number, number, signal.SIGINT), Recorder(), []
    loop = Loop(OPS, [sender, recorder], 9, Alone())
    with loop.ended_by(*ALL, acknowledge=lambda: lines.append("stopping")):
        steps_of(loop, Session(4))
        assert recorder.calls[-1][-1] and sender.is_done
        os.kill(os.getpid(), signal.SIGINT)  # While slim closes its session.
    assert loop.signal == number and lines == ["stopping"]


def test_what_a_line_under_way_keeps_from_being_said_is_said_before_the_next_step(
    no_signal_ignored,
):
    lines = []

    def acknowledge():
        lines.append("stopping")
        if len(lines) == 1:
            raise RuntimeError("reentrant call inside a buffered writer")

    loop = Loop(OPS, [Sender(signal.SIGTERM)], 9, Alone())
    with loop.ended_by(*ALL, acknowledge=acknowledge):
        steps_of(loop, Session(4))
    assert lines == ["stopping", "stopping"] and loop.signal == signal.SIGTERM


def test_further_signals_take_no_step_from_the_save(no_signal_ignored):
    """As of a person who has read that it is being saved, and presses Ctrl-C once more."""
    session, recorder = Session(3), Recorder()
    make_step = session.run

    def run(fetches, options=None):
        if session.step_number == 4:  # The step after the one in whose callbacks it was told so.
            for number in ALL:
                os.kill(os.getpid(), number)
        return make_step(fetches)

    session.run = run
    loop = Loop(OPS, [Sender(signal.SIGINT), recorder], 9, Alone())
    before = [signal.getsignal(number) for number in ALL]
    with loop.ended_by(*ALL, acknowledge=lambda: None):
        steps_of(loop, session)
    assert recorder.calls == [(3, 4, False), (4, 5, True)] and loop.signal == signal.SIGINT
    assert [signal.getsignal(number) for number in ALL] == before


def test_an_interrupt_ends_what_another_signal_lets_make_its_first_step(no_signal_ignored):
    loop = Loop(OPS, [], 9, Alone())
    with pytest.raises(KeyboardInterrupt):
        with loop.ended_by(*ALL, acknowledge=lambda: None):
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)  # As timeout does, and the end of a session.
            assert loop.signal == signal.SIGTERM
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_an_interrupt_before_the_first_step_has_nothing_to_wait_for(no_signal_ignored):
    loop, lines = Loop(OPS, [], 9, Alone()), []
    with pytest.raises(KeyboardInterrupt):
        with loop.ended_by(*ALL, acknowledge=lambda: lines.append("stopping")):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert not lines


def test_a_hangup_that_nohup_ignores_stays_ignored():
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        loop = Loop(OPS, [], 9, Alone())
        with loop.ended_by(*ALL, acknowledge=lambda: None):
            os.kill(os.getpid(), signal.SIGHUP)
        assert loop.signal is None and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


def test_what_cannot_be_written_leaves_the_later_callbacks_a_chance_to_save():
    before, failing, after = Recorder(), Recorder(WriteError("full")), Recorder()
    loop = Loop(OPS, [before, failing, after], 9, Alone())
    with pytest.raises(WriteError, match="full"):
        loop.step(Session(), None, None, {})
    assert before.calls == failing.calls == [(0, 1, False)]
    assert after.calls == ["failure at 1"]


def test_a_step_whose_events_cannot_be_written_has_its_line():
    lines = []
    table = callbacks._Table(
        types.SimpleNamespace(add=lines.append),
        types.SimpleNamespace(steps_per_sec=lambda: 1.0),
        types.SimpleNamespace(epoch=lambda number: 0.5, images_per_step=4),
    )
    fetched = dict(loss=1.5, cross_entropy=1.25, accuracy=0.5, learning_rate=0.1)
    table.after_failure(types.SimpleNamespace(before=6, number=7, fetched=fetched))
    assert lines == [[7, 0.5, 1.5, 1.25, 0.5, 0.1, 4.0]]


@pytest.mark.parametrize(
    "number, is_last, expected",
    [
        (4, False, [("model.ckpt-4", False)]),
        (5, False, []),
        (4, True, []),  # A signal came; whoever sent it does not wait.
        (9, True, [("model.ckpt-9", True)]),
    ],
)
def test_what_is_evaluated(number, is_last, expected):
    logging = plan.Logging(eval_every_n_steps=2)
    planned = types.SimpleNamespace(options=types.SimpleNamespace(logging=logging), num_steps=9)
    asked = []
    evaluate = lambda *args: asked.append(args)  # noqa: E731
    due = callbacks._Evaluate(evaluate, "model.ckpt", planned, Speed())
    assert not due.after(callback.Step(None, number - 1, number, is_last, {}))
    assert asked == expected


class Several(Alone):
    """A place among three workers without synchronous steps."""

    num_under_way = 3

    def __init__(self, is_chief, session):
        self.is_chief, self.session, self.num_waits = is_chief, session, 0

    def wait_for_others(self, is_enough):
        self.num_waits += 1
        self.session.step_number += 1  # One had a step under way.
        self.session.others = 0


def test_the_chief_waits_once_for_the_others_and_makes_the_last_steps():
    session, recorder = Session(others=2), Recorder()
    place = Several(True, session)
    steps_of(Loop(OPS, [recorder], 11, place), session)
    assert place.num_waits == 1
    assert recorder.calls == [(0, 3, False), (3, 6, False), (6, 10, False), (10, 11, True)]


def test_a_signal_ends_the_waiting_for_the_others(no_signal_ignored):
    session, recorder = Session(others=2), Recorder()
    place = Several(True, session)

    def wait_for_others(is_enough):
        assert not is_enough()
        os.kill(os.getpid(), signal.SIGTERM)
        assert is_enough()

    place.wait_for_others = wait_for_others
    loop = Loop(OPS, [recorder], 8, place)
    with loop.ended_by(*ALL, acknowledge=lambda: None):
        steps_of(loop, session)
    assert recorder.calls == [(0, 3, False), (3, 6, True)]


def test_another_worker_stops_before_it_could_make_a_step_too_many():
    session, recorder = Session(others=2), Recorder()
    steps_of(Loop(OPS, [recorder], 11, Several(False, session)), session)
    assert recorder.calls == [(0, 3, False), (3, 6, False), (6, 9, True)]
    loop = Loop(OPS, [recorder], 11, Several(False, session))  # Started again.
    assert loop.step(session, None, None, {}) == (0.0, True) and loop.step_number == 9
    assert len(recorder.calls) == 3


def test_a_table_that_cannot_be_made_lasting_costs_no_checkpoint(tmp_path):
    def full():
        raise WriteError("training.csv: cannot be written")

    saved = []
    saver = types.SimpleNamespace(save=lambda *_, global_step: saved.append(global_step))
    (tmp_path / "settings.json").write_text("{}")
    table, speed = types.SimpleNamespace(make_lasting=full), Speed()
    path = str(tmp_path / "model.ckpt")
    due = callbacks._Save(saver, path, OPS, plan.Logging(), speed, table)
    session = types.SimpleNamespace(run=lambda *_: True)
    with pytest.raises(WriteError, match="training.csv"):
        due.after(callback.Step(session, 8, 9, True, {}))
    assert saved == [9]


class Synchronous(Alone):
    """A worker's place; the chief is killed once at its end, and the next one goes back a step."""

    is_chief, sync_replicas = False, True

    def __init__(self, session):
        self.session, self.num_waits = session, 0

    def wait_for_chief_to_leave(self, is_enough):
        self.num_waits += 1
        assert not is_enough()
        if self.num_waits == 1:
            self.session.step_number -= 1
            assert is_enough()


def test_a_synchronous_worker_stays_until_the_chief_has_saved_the_last_step():
    session, recorder = Session(), Recorder()
    loop = Loop(OPS, [recorder], 2, Synchronous(session))
    steps_of(loop, session)
    assert recorder.calls == [(0, 1, False), (1, 2, True), (1, 2, True)]
    assert loop.step_number == 2
