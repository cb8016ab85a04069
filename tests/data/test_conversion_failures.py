"""A conversion that fails or is killed: nothing half-done is left, or taken for finished."""

import errno
import os
import resource
import shutil

import pytest
from conversions import TINY, contents, convert, draw_few
from photo_archives import BAD_PHOTO, official_members, write_tgz

from alexnet_flowers import atomic, lock
from alexnet_flowers.data import conversion, dataset, records, shard_writer, verification
from alexnet_flowers.errors import DataError, UsageError


class Killed(BaseException):
    """What stands for the moment at which a process is gone."""


def kill_while_records_are_written(monkeypatch):
    calls = []

    def example(*args):
        calls.append(args)
        if len(calls) == 20:
            raise Killed
        return make_example(*args)

    make_example = records.example
    monkeypatch.setattr(records, "example", example)


def _kill_before_a_file_gets_its_name(monkeypatch, name):
    def replace(source, target):
        if target.endswith(name):
            raise Killed
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", replace)


def kill_while_shards_are_renamed(monkeypatch):
    _kill_before_a_file_gets_its_name(monkeypatch, "validation_00000-of-00002.tfrecord")


def kill_before_the_labels(monkeypatch):
    def write_labels(path, class_names):
        raise Killed

    monkeypatch.setattr(records, "write_labels", write_labels)


def kill_before_the_info_gets_its_name(monkeypatch):
    _kill_before_a_file_gets_its_name(monkeypatch, "dataset.json")


@pytest.mark.parametrize(
    "kill",
    [
        kill_while_records_are_written,
        kill_while_shards_are_renamed,
        kill_before_the_labels,
        kill_before_the_info_gets_its_name,
    ],
)
def test_killed_conversion_is_not_taken_for_finished_and_is_completed_by_the_next(
    tiny_dataset, tiny_archive, tmp_path, kill
):
    folder = tmp_path / "flowers"
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill(monkeypatch)
        # A process that is killed cleans nothing up.
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, **TINY)
    left = os.listdir(str(folder))
    assert "dataset.json" not in left and len(left) > 1
    for split_name in ("train", "validation"):
        with pytest.raises(DataError, match="its conversion was broken off; run scripts/download"):
            dataset.get_split(split_name, str(folder))

    convert(folder, tiny_archive, **TINY)
    assert contents(folder) == contents(tiny_dataset)


def test_a_damaged_dataset_with_some_of_its_new_shards_is_not_taken_for_finished(
    copy, tiny_dataset, tiny_archive
):
    os.remove(os.path.join(copy, "flowers_train_00000-of-00002.tfrecord"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_while_shards_are_renamed(monkeypatch)
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(copy, tiny_archive, **TINY)
    with pytest.raises(DataError, match="its conversion was broken off; run scripts/download"):
        dataset.get_split("train", copy)
    convert(copy, tiny_archive, **TINY)
    assert contents(copy) == contents(tiny_dataset)


def test_what_another_process_finishes_first_is_not_converted_again(
    tiny_archive, tmp_path, monkeypatch
):
    held, lines = lock.held, []

    def held_after_another(folder, doing):
        monkeypatch.setattr(lock, "held", held)
        convert(folder, tiny_archive, **TINY)
        return held(folder, doing)

    monkeypatch.setattr(lock, "held", held_after_another)
    convert(tmp_path, tiny_archive, lines, **TINY)
    assert lines == ["%s: finished already; every record read and counted" % tmp_path]


def test_killed_conversion_may_be_completed_with_other_settings(
    tiny_dataset, tiny_archive, tmp_path
):
    folder = tmp_path / "flowers"
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_before_the_labels(monkeypatch)
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, num_validation=2, num_shards=3)
    convert(folder, tiny_archive, **TINY)
    assert contents(folder) == contents(tiny_dataset)


def test_other_photos_are_not_divided_as_those_of_a_killed_conversion(tmp_path, monkeypatch):
    folder, expected = tmp_path / "flowers", tmp_path / "expected"
    path = write_tgz(tmp_path / "mine.tgz", official_members())
    draw_few(monkeypatch, 4)
    with pytest.MonkeyPatch.context() as killing:
        kill_before_the_info_gets_its_name(killing)
        killing.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, "", use_sample=True)  # Whose photos are shuffled.
    with open(str(folder / "flowers_archive_flower_sample.tar.partial"), "w"):
        pass  # As one that is killed while it draws would leave it.
    convert(expected, path)
    convert(folder, path)
    assert contents(folder) == contents(expected)


def test_what_a_killed_conversion_left_is_gone_even_when_the_next_one_fails(tiny_archive, tmp_path):
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_before_the_info_gets_its_name(monkeypatch)
        monkeypatch.setattr(conversion, "_clear_unfinished", lambda dataset_dir: None)
        with pytest.raises(Killed):
            convert(folder, tiny_archive, **TINY)
    with pytest.raises(UsageError):
        convert(folder, tiny_archive, num_validation=30)
    assert contents(folder) == {"notes.txt": b"mine"}


def unreadable_photos():
    return [(name, b"?") for name, _ in official_members()]


@pytest.mark.parametrize(
    "members, settings, error, expected",
    [
        (official_members() + [BAD_PHOTO], {"strict": True}, DataError, "roses/bad.jpg"),
        (official_members() + [("../up.jpg", b"")], {}, DataError, "lies outside the archive"),
        (official_members()[:1], {}, DataError, "holds no photos"),
        (unreadable_photos(), {}, DataError, "none of its photos can be decoded"),
        (
            official_members(),
            {"num_validation": 20, "num_test": 10},
            UsageError,
            "--num_validation and --num_test take 30 of 30 photos: none is left to train on",
        ),
    ],
    ids=["strict", "evil", "no_photos", "no_good_photos", "none_to_train_on"],
)
def test_nothing_is_left_behind_after_an_error(tmp_path, members, settings, error, expected):
    path = write_tgz(tmp_path / "photos.tgz", members)
    with pytest.raises(error, match=expected):
        convert(tmp_path / "new" / "within", path, **settings)
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]

    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "notes.txt").write_text("mine")
    with pytest.raises(error, match=expected):
        convert(tmp_path / "old", path, **settings)
    assert contents(tmp_path / "old") == {"notes.txt": b"mine"}


def test_an_archive_that_is_replaced_meanwhile_is_an_error(tiny_archive, tmp_path, monkeypatch):
    path = shutil.copy(tiny_archive, str(tmp_path / "photos.tgz"))
    original = verification.verify

    def verify(*args):
        os.remove(path)
        write_tgz(path, official_members()[::-1])
        return original(*args)

    monkeypatch.setattr(verification, "verify", verify)
    with pytest.raises(DataError, match="photos.tgz: has changed meanwhile; convert again"):
        convert(tmp_path / "flowers", path, **TINY)
    assert os.listdir(str(tmp_path)) == ["photos.tgz"]


@pytest.mark.parametrize("name", ["dataset.json", "dataset.json.partial"])
def test_a_pipe_is_not_waited_for(tiny_archive, tmp_path, name):
    os.mkfifo(str(tmp_path / name))
    with pytest.raises(DataError, match=name + ": is no file; move it away"):
        convert(tmp_path, tiny_archive, **TINY)
    assert os.listdir(str(tmp_path)) == [name]


@pytest.mark.parametrize("name", ["labels.txt", "flowers_train_00001-of-00002.tfrecord"])
def test_a_pipe_in_place_of_a_datasets_file_is_replaced(tiny_archive, tiny_dataset, copy, name):
    os.remove(os.path.join(copy, name))
    os.mkfifo(os.path.join(copy, name))
    convert(copy, tiny_archive, **TINY)
    assert contents(copy) == contents(tiny_dataset)


def test_what_the_mark_calls_finished_is_on_the_disk(tiny_archive, tmp_path, monkeypatch):
    def sync(path):
        assert not (tmp_path / "dataset.json").exists() or path == str(tmp_path)
        synced.add(os.path.basename(path).replace(".partial", ""))

    synced = set()
    monkeypatch.setattr(atomic, "sync", sync)
    convert(tmp_path, tiny_archive, **TINY)
    assert synced >= set(os.listdir(str(tmp_path)))


def test_ctrl_c_leaves_nothing_behind(tiny_archive, tmp_path, monkeypatch):
    def write_labels(path, class_names):
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "write_labels", write_labels)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "flowers", tiny_archive, **TINY)
    assert os.listdir(str(tmp_path)) == []


def test_full_disk_is_an_error_with_the_file_and_leaves_nothing_behind(
    tiny_archive, tmp_path, monkeypatch
):
    def write_split_without_room(*args):
        # What TensorFlow's writer meets first is the limit, as it would be the end of the disk.
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        try:
            return write_split(*args)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    write_split = shard_writer._write_split
    monkeypatch.setattr(shard_writer, "_write_split", write_split_without_room)
    folder = tmp_path / "flowers"
    with pytest.raises(DataError) as caught:
        convert(folder, tiny_archive, **TINY)
    assert str(caught.value) == (
        "%s: cannot be written (File too large); make room or choose another --dataset_dir"
        % (folder / "flowers_train_00000-of-00002.tfrecord.partial")
    )
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"num_validation": -1}, "--num_validation=-1: must be at least 0"),
        ({"num_test": -3}, "--num_test=-3: must be at least 0"),
        ({"num_shards": 0}, "--num_shards=0: must be at least 1"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_first(tmp_path, settings, expected):
    with pytest.raises(UsageError) as caught:
        convert(tmp_path / "flowers", tmp_path / "nowhere.tgz", **settings)
    assert str(caught.value) == expected
    assert os.listdir(str(tmp_path)) == []


def test_folder_that_may_not_be_written_to_is_named(tiny_archive, tmp_path, monkeypatch):
    folder = tmp_path / "flowers"
    folder.mkdir()
    open_file = os.open

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_CREAT and str(path).startswith(str(folder)):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return open_file(path, flags, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(PermissionError) as caught:
        patch.setattr(os, "open", refuse)  # Root may write everywhere.
        convert(folder, tiny_archive, **TINY)
    assert caught.value.filename == str(folder / "lock")
    assert os.listdir(str(folder)) == []
