"""What was written comes back, once and in order."""

import os

import event_files
import numpy as np
import pytest

from alexnet_flowers.data import record_frames
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.events import event_reader, event_writer, tags
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import runs


def run_of(parent, name):
    return runs.locate_run(name, str(parent), str(parent))


def test_scalars_come_back_exactly(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    for step, value in ((3, 0.1), (5, float("nan")), (2**40, -2.5)):
        summary = tf.Summary(value=[tf.Summary.Value(tag="a/b", simple_value=value)])
        writer.add_event(tf.Event(wall_time=1000.5, step=step, summary=summary))
    writer.close()
    found = event_reader.read(str(tmp_path))
    assert list(found.scalars) == ["a/b"] and not found.histograms
    steps, values = found.scalars["a/b"]
    assert steps.dtype == np.int64 and steps.tolist() == [3, 5, 2**40]
    np.testing.assert_array_equal(values, np.array([0.1, np.nan, -2.5], np.float32))


def test_histograms_are_of_the_values(tmp_path):
    rng = np.random.RandomState(1)
    values = {step: rng.randn(400).astype(np.float32) * step for step in (1, 4)}
    values[9] = np.full([5], 0.25, np.float32)
    event_files.write(tmp_path, None, {step: {"w": one} for step, one in values.items()})
    found = event_reader.read(str(tmp_path)).histograms["w"]
    assert [one.step for one in found] == [1, 4, 9]
    for one in found[:2]:
        assert (one.edges[0], one.edges[-1]) == (values[one.step].min(), values[one.step].max())
        # TensorFlow ends with an empty bucket, which is without width here.
        assert one.edges[-2] == one.edges[-1] and one.counts[-1] == 0
        counts, _ = np.histogram(values[one.step], one.edges[:-1])
        assert one.counts[:-1].tolist() == counts.tolist()
    assert set(found[2].edges) == {0.25} and found[2].counts.sum() == 5


def test_a_folder_within_is_another_run(tmp_path):
    event_files.write(tmp_path, {1: {"a": 1.0}})
    event_files.write(tmp_path / "validation", {2: {"b": 2.0}})
    assert list(event_reader.read(str(tmp_path)).scalars) == ["a"]
    run = event_reader.read_run(run_of(tmp_path.parent, tmp_path.name), "validation")
    assert (list(run.training.scalars), list(run.evaluation.scalars)) == (["a"], ["b"])
    assert not any(event_reader.read_run(run_of(tmp_path.parent, tmp_path.name), "test").evaluation)


def test_a_tag_whose_steps_are_all_made_again_is_not_there_yet(tmp_path):
    folder = tmp_path / "a"
    event_files.write(folder, {1: {"a": 1.0}, 5: {"b": 1.0}}, {2: {"w": [1.0]}}, suffix=".1")
    event_files.write(folder, restart_step=2, suffix=".2")
    run = event_reader.read_run(run_of(tmp_path, "a"), "validation")
    assert list(run.training.scalars) == ["a"] and run.training.histograms == {}
    assert event_reader.last_step(run) == 1


def test_what_a_continued_run_does_again_counts_once(tmp_path):
    first = {step: {"a": float(step)} for step in (10, 20, 25, 33)}
    event_files.write(tmp_path, first, {25: {"w": [1.0]}}, suffix=".1")
    again = {step: {"a": -float(step)} for step in (22, 25, 28)}
    event_files.write(tmp_path, again, {28: {"w": [2.0]}}, restart_step=21, suffix=".2")
    found = event_reader.read(str(tmp_path))
    assert found.scalars["a"].steps.tolist() == [10, 20, 22, 25, 28]
    assert found.scalars["a"].values.tolist() == [10, 20, -22, -25, -28]
    assert [(one.step, one.edges[-1]) for one in found.histograms["w"]] == [(28, 2.0)]
    assert found.starts == [21]


def test_a_start_that_an_earlier_one_makes_undone_counts_no_more(tmp_path):
    for number, step in enumerate([1, 40, 21, 30]):
        event_files.write(tmp_path, restart_step=step, suffix=".%d" % number)
    assert event_reader.read(str(tmp_path)).starts == [1, 21, 30]


def test_of_two_evaluations_of_a_step_the_later_counts(tmp_path):
    for number, steps in enumerate([(30, 40), (10, 40)]):
        scalars = {step: {"a": step + 100.0 * number} for step in steps}
        event_files.write(tmp_path, scalars, suffix=".%d" % number)
    found = event_reader.read(str(tmp_path)).scalars["a"]
    assert (found.steps.tolist(), found.values.tolist()) == ([10, 30, 40], [110, 30, 140])


def test_an_older_runs_tags_are_those_of_today(tmp_path):
    event_files.write(tmp_path, {1: {"eval/accuracy": 0.25, "learning_rate": 0.5}}, suffix=".1")
    event_files.write(tmp_path, {2: {tags.ACCURACY: 0.5}}, restart_step=2, suffix=".2")
    found = event_reader.read(str(tmp_path)).scalars
    assert sorted(found) == [tags.ACCURACY, tags.LEARNING_RATE]
    assert found[tags.ACCURACY].values.tolist() == [0.25, 0.5]


def test_a_file_that_is_being_written_is_read_as_far_as_it_goes(tmp_path, capfd):
    event_files.write(tmp_path, {1: {"a": 1.0}, 2: {"a": 2.0}})
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert event_reader.read(str(tmp_path)).scalars["a"].steps.tolist() == [1]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("in_record, left", [(13, 2), (4, 2)], ids=["event", "length"])
def test_what_a_damaged_file_leaves_out_is_said(tmp_path, in_record, left):
    event_files.write(tmp_path, {step: {"a": 1.0} for step in range(5)})
    (path,) = tmp_path.iterdir()
    frames = list(record_frames.read(str(path)))
    damaged = bytearray(path.read_bytes())
    damaged[frames[1 + left].start + in_record] ^= 1  # The first record is of the file itself.
    path.write_bytes(damaged)
    lines = []
    found = event_reader.read(str(tmp_path), lines.append)
    assert found.scalars["a"].steps.tolist() == list(range(left))
    (line,) = lines
    assert line.startswith("warning: %s: damaged after %d records (" % (path, 1 + left))


@pytest.mark.parametrize(
    "changes",
    [
        dict(bucket=[1.0]),
        dict(bucket=[], bucket_limit=[]),
        dict(bucket=[-1.0, 2.0]),
        dict(bucket=[0.0, 0.0]),
        dict(bucket=[float("inf"), 2.0]),
        dict(bucket_limit=[1.0, 0.5]),
        dict(bucket_limit=[float("nan"), 0.5]),
        dict(min=float("nan")),
        dict(max=float("inf")),
        dict(min=2.0),
        dict(min=-1.7e308, max=1.7e308),
    ],
)
def test_what_is_no_histogram_is_named(tmp_path, changes):
    value = dict(min=0.0, max=1.0, num=3.0, bucket=[1.0, 2.0], bucket_limit=[0.5, 1.0])
    for name, histogram in (("good", value), ("bad", dict(value, **changes))):
        os.makedirs(str(tmp_path / name))
        writer = event_writer.EventWriter(str(tmp_path / name))
        one = tf.Summary.Value(tag="w", histo=tf.HistogramProto(**histogram))
        writer.add_summary(tf.Summary(value=[one]), 4)
        writer.close()
    assert len(event_reader.read(str(tmp_path / "good")).histograms["w"]) == 1
    with pytest.raises(DataError, match="bad: 'w' of step 4: is no histogram"):
        event_reader.read(str(tmp_path / "bad"))


def test_a_record_that_is_no_event_is_one_line(tmp_path):
    with tf.python_io.TFRecordWriter(str(tmp_path / "events.out.tfevents.1")) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(DataError, match="cannot be read"):
        event_reader.read(str(tmp_path))


def test_without_events_it_says_so(tmp_path):
    with pytest.raises(DataError, match="nothing: no event files"):
        event_reader.read(str(tmp_path / "nothing"))
    event_files.write(tmp_path / "begun", restart_step=0)
    with pytest.raises(DataError, match="begun: no events yet"):
        event_reader.read_run(run_of(tmp_path, "begun"), "validation")


def test_runs_are_chosen_by_name_or_all(tmp_path):
    with pytest.raises(DataError, match="no events of any run yet"):
        event_reader.choose_run_names([], str(tmp_path), 2)
    (tmp_path / "empty").mkdir()
    event_files.write(tmp_path / "b", restart_step=0)
    event_files.write(tmp_path / "a" / "validation", {1: {"a": 1.0}})
    assert event_reader.choose_run_names([], str(tmp_path), 2) == ["a", "b"]
    assert event_reader.choose_run_names(["b", "a"], str(tmp_path), 2) == ["b", "a"]
    for names, kind, message in (
        (["c"], DataError, "no events of a run 'c'; there are those of a, b"),
        (["empty"], DataError, "no events of a run 'empty'"),
        (["b", "b"], UsageError, "names a run twice"),
    ):
        with pytest.raises(kind, match=message):
            event_reader.choose_run_names(names, str(tmp_path), 2)
    with pytest.raises(UsageError, match="at most 1; which of a, b"):
        event_reader.choose_run_names([], str(tmp_path), 1)
    event_files.write(tmp_path / "b,a", restart_step=0)
    assert event_reader.choose_run_names(["b", "a"], str(tmp_path), 2) == ["b,a"]
    # The flag's list drops the spaces.
    event_files.write(tmp_path / "first try, adam", restart_step=0)
    for names in (["first try", "adam"], ["first try, adam"]):
        assert event_reader.choose_run_names(names, str(tmp_path), 2) == ["first try, adam"]


def test_a_step_that_cannot_be_is_named(tmp_path):
    writer = event_writer.EventWriter(str(tmp_path))
    event_writer.write_scalars(writer, {"a": float("inf")}, 2**62)
    writer.close()
    with pytest.raises(DataError, match="step 4611686018427387904 cannot be; move its event file"):
        event_reader.read(str(tmp_path))


def test_a_named_pipe_is_no_event_file(tmp_path):
    os.mkfifo(str(tmp_path / "events.out.tfevents.1.host"))
    with pytest.raises(DataError, match="events.out.tfevents.1.host: is no file; move it away"):
        event_reader.read(str(tmp_path))
