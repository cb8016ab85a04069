"""How fast a training goes is told by what its steps take, and what comes between them is not."""

import shutil
import time
import types

import pytest

from alexnet_flowers.errors import DataError
from alexnet_flowers.training import callbacks, plan
from alexnet_flowers.training.callback import Step
from alexnet_flowers.training.speed import Speed, duration


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
        speed.after(Step(None, before, self.number, False, fetched))
        self.now += pause


def test_the_speed_is_that_of_training_alone_and_the_time_left_is_not(monkeypatch):
    clock, speed = Clock(monkeypatch), Speed()
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
    clock, speed = Clock(monkeypatch), Speed()
    for secs in [1] * 100 + [0.5] * 60:
        clock.step(speed, secs)
    assert speed.steps_per_sec() == pytest.approx(2)
    for _ in range(15):
        clock.step(speed, 1)
    assert speed.steps_per_sec() == pytest.approx(45 / 30.0)
    clock.step(speed, 100)  # Longer than what is averaged.
    assert speed.steps_per_sec() == pytest.approx(0.01)


def test_the_time_left_does_not_jump_with_what_comes_every_few_minutes(monkeypatch):
    clock, speed = Clock(monkeypatch), Speed()
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
    clock, speed, lines = Clock(monkeypatch), Speed(), []
    forecast = forecast_of(725, speed, lines)
    for fetched in ({"summary": ""}, {"histograms": ""}, {}, {}, {}, {}):
        clock.step(speed, step_secs, **fetched)
        forecast.after(Step(None, clock.number - 1, clock.number, False, fetched))
    (line,) = lines
    assert line.startswith(
        {1: "12m", 60: "12h 01m"}[step_secs] + " for the 721 steps that are left"
    )
    assert (hint in line) and line.endswith("left") == (not hint)


def test_nothing_is_told_of_no_steps_that_are_left(monkeypatch):
    clock, speed, lines = Clock(monkeypatch), Speed(), []
    forecast = forecast_of(2, speed, lines)
    for _ in range(2):
        clock.step(speed, 1)
        forecast.after(Step(None, clock.number - 1, clock.number, False, {}))
    assert speed.is_known() and not lines


@pytest.mark.parametrize(
    "secs, words",
    [(0, "0s"), (45, "45s"), (59.4, "59s"), (59.6, "1m"), (89, "1m"), (3570, "1h 00m")],
)
def test_a_duration_is_told_in_the_unit_that_fits(secs, words):
    assert duration(secs, 1) == words


def test_steps_of_other_workers_count(monkeypatch):
    clock, speed = Clock(monkeypatch), Speed()
    for _ in range(3):
        clock.step(speed, 2, steps=3)
    assert speed.steps_per_sec() == pytest.approx(1.5)


def test_a_save_is_no_training(monkeypatch, tmp_path):
    clock, speed = Clock(monkeypatch), Speed()

    def save(*args, **kwargs):
        clock.now += 60

    saver = types.SimpleNamespace(save=save)
    logging = plan.Logging(save_interval_steps=3, save_interval_secs=0)
    (tmp_path / "settings.json").write_text("{}")
    table = types.SimpleNamespace(make_lasting=print)
    ops = types.SimpleNamespace(is_finite=None, noise=None)
    due = callbacks._Save(saver, str(tmp_path / "model.ckpt"), ops, logging, speed, table)
    session = types.SimpleNamespace(run=lambda *_: True)
    for number in range(6):
        clock.step(speed, 1)
        due.after(Step(session, number, number + 1, False, {}))
    assert clock.now == 50 + 6 + 2 * 60
    assert speed.steps_per_sec() == pytest.approx(1)
    shutil.rmtree(str(tmp_path))  # TensorFlow would make it anew.
    with pytest.raises(DataError, match="settings.json: is gone; step 9 is not saved"):
        due.after(Step(session, 8, 9, True, {}))


def test_a_step_that_the_servers_have_not_counted_yet_ends_nothing(monkeypatch):
    clock, speed, lines, table = Clock(monkeypatch), Speed(), [], []
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
        step = Step(None, clock.number - steps, clock.number, True, fetched)
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
