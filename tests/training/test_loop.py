"""What is due after a step, and when the loop ends."""

import os
import shutil
import signal
import time
import types

import pytest

from alexnet_flowers.distributed.places import Alone
from alexnet_flowers.errors import DataError, WriteError
from alexnet_flowers.training import callbacks, plan
from alexnet_flowers.training.loop import Loop, SessionLost
from alexnet_flowers.training.training_graph import StepOps

OPS = StepOps(**dict.fromkeys(StepOps._fields))._replace(global_step="global step")


class Session:
    """Each step makes one; other workers make ``others`` more meanwhile."""

    def __init__(self, step_number=0, others=0):
        self.step_number, self.others = step_number, others

    def run(self, fetches, options=None):
        if fetches == "global step":
            return self.step_number
        self.step_number += 1 + self.others
        return dict(loss=1.5, step_number=self.step_number, learning_rate=0.1)


class Recorder(callbacks.Callback):
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


class Summarizer(callbacks.Callback):
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


class Ender(callbacks.Callback):
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


class Sender(callbacks.Callback):
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


def test_only_a_second_interrupt_ends_a_step_that_takes_too_long(no_signal_ignored):
    loop = Loop(OPS, [], 9, Alone())
    loop.step_number = 3
    before = [signal.getsignal(number) for number in ALL]
    with pytest.raises(KeyboardInterrupt):
        with loop.ended_by(*ALL, acknowledge=lambda: None):
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)  # As timeout does, and the end of a session.
            assert loop.signal == signal.SIGTERM
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert [signal.getsignal(number) for number in ALL] == before


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


class Several(Alone):
    """A place among three workers without synchronous steps."""

    num_under_way = 3

    def __init__(self, is_chief, session):
        self.is_chief, self.session, self.num_waits = is_chief, session, 0

    def wait_for_others(self):
        self.num_waits += 1
        self.session.step_number += 1  # One had a step under way.
        self.session.others = 0


def test_the_chief_waits_once_for_the_others_and_makes_the_last_steps():
    session, recorder = Session(others=2), Recorder()
    place = Several(True, session)
    steps_of(Loop(OPS, [recorder], 11, place), session)
    assert place.num_waits == 1
    assert recorder.calls == [(0, 3, False), (3, 6, False), (6, 10, False), (10, 11, True)]


def test_another_worker_stops_before_it_could_make_a_step_too_many():
    session, recorder = Session(others=2), Recorder()
    steps_of(Loop(OPS, [recorder], 11, Several(False, session)), session)
    assert recorder.calls == [(0, 3, False), (3, 6, False), (6, 9, True)]
    loop = Loop(OPS, [recorder], 11, Several(False, session))  # Started again.
    assert loop.step(session, None, None, {}) == (0.0, True) and loop.step_number == 9
    assert len(recorder.calls) == 3


def test_intervals_do_not_depend_on_the_wall_clock(monkeypatch):
    now = types.SimpleNamespace(monotonic=100.0, wall=5000.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.monotonic)
    monkeypatch.setattr(time, "time", lambda: now.wall)
    interval, at_once = callbacks.Interval(60), callbacks.Interval(60, at_once=True)
    assert at_once.is_due() and not interval.is_due()
    at_once.restart()
    now.wall -= 86400
    now.monotonic += 59
    assert not interval.is_due() and not at_once.is_due()
    now.monotonic += 1
    assert interval.is_due() and at_once.is_due()
    never = callbacks.Interval(0, at_once=True)
    now.monotonic += 1e9
    assert not never.is_due()


class Clock:
    """A clock, and steps that take what they are said to take."""

    def __init__(self, monkeypatch):
        self.now, self.number = 50.0, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def step(self, speed, secs, pause=0, steps=1, **fetched):
        """Makes a step, and pauses after it."""
        speed.fetches(None)
        self.now += secs
        before, self.number = self.number, self.number + steps
        speed.after(callbacks.Step(None, before, self.number, False, fetched))
        self.now += pause


def test_the_speed_is_that_of_training_alone_and_the_time_left_is_not(monkeypatch):
    clock, speed = Clock(monkeypatch), callbacks._Speed()
    clock.step(speed, 10)  # The first one starts everything.
    assert speed.steps_per_sec() == pytest.approx(0.1)  # There is no better measure yet.
    for _ in range(4):
        clock.step(speed, 0.5)
    assert speed.steps_per_sec() == pytest.approx(2)
    clock.step(speed, 3, pause=2, summary="")  # The pause writes it.
    clock.step(speed, 0.5)
    assert speed.steps_per_sec() == pytest.approx(2)
    speed.disturb()  # A checkpoint is saved.
    clock.now += 5
    clock.step(speed, 0.5)
    clock.step(speed, 0.5)
    assert speed.steps_per_sec() == pytest.approx(2)
    assert speed.steps_per_sec_of_all() == pytest.approx(8 / 13.5)


def test_the_speed_follows_within_half_a_minute(monkeypatch):
    clock, speed = Clock(monkeypatch), callbacks._Speed()
    for secs in [1] * 100 + [0.5] * 60:
        clock.step(speed, secs)
    assert speed.steps_per_sec() == pytest.approx(2)
    for _ in range(15):
        clock.step(speed, 1)
    assert speed.steps_per_sec() == pytest.approx(45 / 30.0)
    clock.step(speed, 100)  # Longer than what is averaged.
    assert speed.steps_per_sec() == pytest.approx(0.01)


def test_the_time_left_does_not_jump_with_what_comes_every_few_minutes(monkeypatch):
    clock, speed = Clock(monkeypatch), callbacks._Speed()
    left = []
    for number in range(1, 1200):
        if number % 150 == 0:
            clock.step(speed, 1, pause=15, histograms="")
        clock.step(speed, 1)
        left.append(1 / speed.steps_per_sec_of_all())
    assert max(left[600:]) / min(left[600:]) < 1.05


def forecast_of(num_steps, speed, lines):
    logging = types.SimpleNamespace(log_every_n_steps=10)
    options = types.SimpleNamespace(logging=logging)
    plan = types.SimpleNamespace(num_steps=num_steps, options=options)
    return callbacks._Forecast(plan, speed, lines.append)


@pytest.mark.parametrize("step_secs, hint", [(1, ""), (60, "; --max_number_of_steps makes fewer")])
def test_the_time_left_is_told_once_after_the_first_steps(monkeypatch, step_secs, hint):
    clock, speed, lines = Clock(monkeypatch), callbacks._Speed(), []
    forecast = forecast_of(725, speed, lines)
    for fetched in ({"summary": ""}, {"histograms": ""}, {}, {}, {}, {}):
        clock.step(speed, step_secs, **fetched)
        forecast.after(callbacks.Step(None, clock.number - 1, clock.number, False, fetched))
    (line,) = lines
    assert line.startswith(
        {1: "12m", 60: "12h 01m"}[step_secs] + " for the 721 steps that are left"
    )
    assert (hint in line) and line.endswith("left") == (not hint)


def test_nothing_is_told_of_no_steps_that_are_left(monkeypatch):
    clock, speed, lines = Clock(monkeypatch), callbacks._Speed(), []
    forecast = forecast_of(2, speed, lines)
    for _ in range(2):
        clock.step(speed, 1)
        forecast.after(callbacks.Step(None, clock.number - 1, clock.number, False, {}))
    assert speed.is_known() and not lines


@pytest.mark.parametrize(
    "secs, words",
    [(0, "0s"), (45, "45s"), (59.4, "59s"), (59.6, "1m"), (89, "1m"), (3570, "1h 00m")],
)
def test_a_duration_is_told_in_the_unit_that_fits(secs, words):
    assert callbacks._duration(secs, 1) == words


def test_steps_of_other_workers_count(monkeypatch):
    clock, speed = Clock(monkeypatch), callbacks._Speed()
    for _ in range(3):
        clock.step(speed, 2, steps=3)
    assert speed.steps_per_sec() == pytest.approx(1.5)


def test_a_table_that_cannot_be_made_lasting_costs_no_checkpoint(tmp_path):
    def full():
        raise WriteError("training.csv: cannot be written")

    saved = []
    saver = types.SimpleNamespace(save=lambda *_, global_step: saved.append(global_step))
    (tmp_path / "settings.json").write_text("{}")
    table, speed = types.SimpleNamespace(make_lasting=full), callbacks._Speed()
    path = str(tmp_path / "model.ckpt")
    due = callbacks._Save(saver, path, OPS, plan.Logging(), speed, table)
    session = types.SimpleNamespace(run=lambda *_: True)
    with pytest.raises(WriteError, match="training.csv"):
        due.after(callbacks.Step(session, 8, 9, True, {}))
    assert saved == [9]


def test_a_save_is_no_training(monkeypatch, tmp_path):
    clock, speed = Clock(monkeypatch), callbacks._Speed()

    def save(*args, **kwargs):
        clock.now += 60

    saver = types.SimpleNamespace(save=save)
    logging = plan.Logging(save_interval_steps=3, save_interval_secs=0)
    (tmp_path / "settings.json").write_text("{}")
    table = types.SimpleNamespace(make_lasting=print)
    due = callbacks._Save(saver, str(tmp_path / "model.ckpt"), OPS, logging, speed, table)
    session = types.SimpleNamespace(run=lambda *_: True)
    for number in range(6):
        clock.step(speed, 1)
        due.after(callbacks.Step(session, number, number + 1, False, {}))
    assert clock.now == 50 + 6 + 2 * 60
    assert speed.steps_per_sec() == pytest.approx(1)
    shutil.rmtree(str(tmp_path))  # TensorFlow would make it anew.
    with pytest.raises(DataError, match="settings.json: is gone; step 9 is not saved"):
        due.after(callbacks.Step(session, 8, 9, True, {}))


def test_a_step_that_the_servers_have_not_counted_yet_ends_nothing(monkeypatch):
    clock, speed, lines, table = Clock(monkeypatch), callbacks._Speed(), [], []
    logging = types.SimpleNamespace(log_every_n_steps=1)
    plan = types.SimpleNamespace(
        num_steps=9, images_per_step=4, epoch=float, options=types.SimpleNamespace(logging=logging)
    )
    due = [
        callbacks._Log(plan, speed, lines.append),
        callbacks._Forecast(plan, speed, lines.append),
        callbacks._Table(types.SimpleNamespace(add=table.append), speed, plan),
    ]
    names = ("loss", "accuracy", "cross_entropy", "learning_rate")
    # Not counted; not counted; both at once; and back to the checkpoint of another chief.
    for steps in (0, 0, 2, -1):
        fetched = dict.fromkeys(names, 0.5)
        clock.step(speed, 1, steps=steps, **fetched)
        step = callbacks.Step(None, clock.number - steps, clock.number, True, fetched)
        for one in due:
            one.after(step)
    assert [line.split()[1] for line in lines if line.startswith("step")] == [
        "0/9",
        "0/9",
        "2/9",
        "1/9",
    ]
    assert "0.0 images/s  ? left" in lines[0] and not any("-" in line for line in lines)
    assert [row[0] for row in table] == [2]


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
