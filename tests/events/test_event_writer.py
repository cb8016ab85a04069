"""What is written can be read by TensorFlow."""

import os
import time

import pytest

from alexnet_flowers.errors import WriteError
from alexnet_flowers.events import event_reader, event_writer
from alexnet_flowers.tf1 import tf


def test_numbers_from_outside_the_graph_are_written(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    event_writer.write_scalars(writer, {"images_per_sec": 30.5}, 7)
    writer.close()
    (path,) = tmp_path.iterdir()
    (event,) = [e for e in tf.train.summary_iterator(str(path)) if e.summary.value]
    assert event.step == 7 and event.summary.value[0].simple_value == 30.5


def test_two_writers_of_a_folder_within_a_second_have_a_file_each(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    for number in range(3):
        writer = event_writer.EventWriter(str(tmp_path))
        event_writer.write_scalars(writer, {"writer %d" % number: 1.0}, 7)
        writer.close()
    assert len(os.listdir(str(tmp_path))) == 3
    found = event_reader.read(str(tmp_path))
    assert sorted(found.scalars) == ["writer 0", "writer 1", "writer 2"]


def test_a_finished_run_that_goes_on_keeps_its_last_point(tmp_path, monkeypatch):
    for made, steps in ((0, (1, 3)), (3, (4, 6)), (5, (6,))):
        monkeypatch.setattr(time, "time", lambda now=1000.0 + made: now)  # Files are read in order.
        writer = event_writer.EventWriter(str(tmp_path))
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), made)
        for step in steps:
            event_writer.write_scalars(writer, {"a": made + step / 10.0}, step)
        writer.close()
    found = event_reader.read(str(tmp_path)).scalars["a"]
    assert found.steps.tolist() == [1, 3, 4, 6]
    assert found.values.tolist() == pytest.approx([0.1, 0.3, 3.4, 5.6])


def test_a_start_can_be_read_at_once(tmp_path):
    writer = event_writer.EventWriter(str(tmp_path))
    writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 3)
    assert event_reader.read(str(tmp_path)).starts == [4]  # Whatever becomes of the process.


def test_a_clock_that_was_set_back_costs_no_steps(tmp_path, monkeypatch):
    for now, made in ((2000.0, 0), (1000.0, 3), (1500.0, 6)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        writer = event_writer.EventWriter(str(tmp_path))
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), made)
        for step in range(made + 1, made + 4):
            event_writer.write_scalars(writer, {"a": step / 10.0}, step)
        writer.close()
    found = event_reader.read(str(tmp_path)).scalars["a"]
    assert found.steps.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_folder_that_takes_no_file_is_a_write_error(tmp_path):
    writer = event_writer.EventWriter(str(tmp_path / "removed meanwhile"))
    with pytest.raises(WriteError, match="the events cannot be written: .*meanwhile: No such file"):
        event_writer.write_scalars(writer, {"a": 1.0}, 1)
