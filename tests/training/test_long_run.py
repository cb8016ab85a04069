"""Thousands of steps: what a training takes of the machine does not grow with them."""

import os
import re
import statistics
import time

import pytest
from processes import Script, last_step, train_args

# What the second half may take more than the first: noise, not growth with each step.
MOST_GROWTH = 1.05


def looked_at(pid):
    """Returns the resident memory in MB, the open files and the threads of a process."""
    with open("/proc/%d/status" % pid) as file:
        text = file.read()
    resident_kb, threads = (
        int(re.search(r"^%s:\s+(\d+)" % name, text, re.M).group(1)) for name in ("VmRSS", "Threads")
    )
    return resident_kb / 1024.0, len(os.listdir("/proc/%d/fd" % pid)), threads


def checkpoints_in(folder):
    names = os.listdir(str(folder / "runs/checkpoints/run"))
    return [name for name in names if name.endswith(".index")]


@pytest.mark.soak(only=True)
def test_memory_files_and_threads_stay_as_they_are(tmp_path, tiny_dataset, tally):
    num_steps = int(os.environ.get("LONG_RUN_STEPS", 2000))
    args = train_args(tiny_dataset, "--max_number_of_steps=%d" % num_steps)
    args += ["--save_interval_steps=100", "--max_to_keep=2", "--save_histograms_secs=20"]
    script = Script("train", tmp_path, *args, "--keep_checkpoint_every_n_hours=0.05")
    begun = time.time()
    seen, saved_at = [], {}
    # The first steps allocate what all others use again.
    warm = min(100, num_steps // 5)
    for step in range(warm, num_steps - 5, max(1, num_steps // 200)):
        assert script.wait_until(lambda: last_step(script.lines) >= step, secs=1800)  # noqa: B023
        seen.append(looked_at(script.pid))
        # The oldest goes once the newest is complete; one each three minutes stays.
        there, elapsed = checkpoints_in(tmp_path), time.time() - begun
        assert len(there) <= 3 + elapsed / 180
        for name in there:
            saved_at.setdefault(name, elapsed)
    ended = script.finish()
    # A slow machine saves none in some of these three minutes.
    could_stay = len({elapsed // 180 for elapsed in sorted(saved_at.values())[:-1]})
    longer = len(checkpoints_in(tmp_path)) - 2
    assert could_stay - 2 <= longer <= could_stay  # The first three minutes, and the clock.
    tally("long run: checkpoints left", "kept for longer than the newest two", longer)
    assert (ended.status, ended.error) == (0, ""), ended
    halves = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    for what, values in zip(("MB resident", "open files", "threads"), zip(*seen)):
        print("%s: %s" % (what, " ".join("%d" % value for value in values)))
    # A single look may meet a moment at which more memory is held; that is no growth.
    for number, (of, what, growth, more) in enumerate(
        [
            (statistics.median, "MB resident", MOST_GROWTH, 0),
            (max, "open files", 1, 2),
            (max, "threads", 1, 2),
        ]
    ):
        first, second = (of(one[number] for one in half) for half in halves)
        for half, value in (("first", first), ("second", second)):
            trial = "long run: %s %s in the %s half" % (of.__name__, what, half)
            tally(trial, "of a process", int(value))
        assert second <= growth * first + more, what
