"""A disk that fills up: one line that says so, nothing torn, and the same command goes on."""

import glob
import os

import pytest
from conversions import TINY, contents, convert
from http_servers import serving, whole
from processes import Script, last_step, messages, read_all_tensors, read_events, train_args
from small_disks import small_disk

from alexnet_flowers.errors import WriteError
from alexnet_flowers.events.event_writer import EventWriter
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints


def the_error(ended):
    """The one line that is not a progress bar."""
    (line,) = messages(ended.error)
    assert ended.status == 1 and ": error: " in line, ended
    assert "No space left on device" in line and "make room" in line
    return line


@pytest.mark.soak
# A checkpoint is 185 MB. The step that fails first is also the last one, or it is not.
@pytest.mark.parametrize(
    "size, saved, num_steps",
    [("300m", 2, 3), pytest.param("450m", 4, 9, marks=pytest.mark.soak(only=True))],
)
def test_training_stops_and_goes_on_once_there_is_room(
    tmp_path, tiny_dataset, size, saved, num_steps, tally
):
    with small_disk(tmp_path / "disk", size) as disk:
        args = train_args(tiny_dataset, "--max_number_of_steps=%d" % num_steps)
        args += [
            "--%s_dir=%s/%s" % (kind, disk.path, kind) for kind in ("checkpoints", "summaries")
        ]
        run_dir = disk.path + "/checkpoints/run"
        ended = Script("train", tmp_path, *args).finish()
        message = the_error(ended)
        assert "the last good checkpoint is %s/model.ckpt-%d; make" % (run_dir, saved) in message
        assert last_step(ended.lines) == min(saved + 2, num_steps)
        assert not any("finished" in line for line in ended.lines)
        names = os.listdir(run_dir)
        assert {name for name in names if not name.startswith("model.ckpt-")} == {
            "checkpoint", "graph.pbtxt", "labels.txt", "settings.json"
        }  # fmt: skip
        assert not [name for name in names if ".temp" in name or "-%d." % (saved + 2) in name]
        assert read_all_tensors(checkpoints.newest(run_dir)) == saved

        disk.grow("1g")
        ended = Script("train", tmp_path, *args).finish()
        assert (ended.status, ended.error) == (0, ""), ended
        assert ended.lines[0] == "run run: continued from step %d" % saved
        assert read_all_tensors(checkpoints.newest(run_dir)) == num_steps
        events = glob.glob(disk.path + "/summaries/run/events.*")
        assert events and all(read_events(path) > 1 for path in events)
        with open(disk.path + "/summaries/run/training.csv") as file:
            steps = [line.split(",")[0] for line in file]
        assert steps == ["step"] + [str(step) for step in range(1, num_steps + 1)]
        tally("training on a full disk", "stopped, then finished")


def test_events_that_cannot_be_written_are_an_error_and_the_others_stay_readable(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        writer = EventWriter(disk.path)
        event = tf.Event(step=1, file_version="x" * 10000)
        with pytest.raises(WriteError, match="the events cannot be written: .*No space left"):
            for _ in range(10):
                writer.add_event(event)
                writer.flush()
        disk.grow("1m")
        writer.add_event(event)  # Not behind the gap.
        writer.close()
        (name,) = os.listdir(disk.path)
        assert 4 <= read_events(os.path.join(disk.path, name)) <= 7


@pytest.mark.soak
def test_a_conversion_leaves_nothing_and_is_finished_once_there_is_room(
    tmp_path, tiny_archive, archive_bytes, tiny_dataset, trials, tally
):
    sizes = ["16k", "64k"] + ["%dk" % size for size in range(4, trials(4, 100), 8)]
    with serving({"/tiny_photos.tgz": [whole(archive_bytes)]}) as server:
        archives = server.url + "/tiny_photos.tgz", tiny_archive
        convert(tmp_path / "of_url", archives[0], **TINY)
        undisturbed = contents(tmp_path / "of_url"), contents(tiny_dataset)
        for number, size in enumerate(sizes):
            with small_disk(tmp_path / ("disk%d" % number), size) as disk:
                args = ["--num_validation=5", "--num_shards=2", "--dataset_dir=%s/new" % disk.path]
                args.append("--archive=" + archives[number % 2])
                ended = Script("download_and_convert", tmp_path, *args).finish()
                if ended.status:
                    assert disk.path in the_error(ended)
                    assert os.listdir(disk.path) == []
                    disk.grow("10m")
                    assert Script("download_and_convert", tmp_path, *args).finish().status == 0
                assert contents(disk.path + "/new") == undisturbed[number % 2]
            tally("conversion on a full disk", "stopped, then finished" if ended.status else "fits")
