"""Whatever an archive or a folder holds: a finished dataset, or one line that says why not."""

import contextlib
import gzip
import os
import random
import signal
import subprocess
import sys
import tarfile

import bad_archives
import photo_archives
import pytest
import shard_files
from conftest import ROOT
from conversions import convert
from PIL import Image

from alexnet_flowers.data import manifest, records
from alexnet_flowers.errors import DataError, UsageError

_LIMIT_SECS = 60
_SETTINGS = {"num_validation": 1, "num_shards": 2}


@contextlib.contextmanager
def time_limit(secs):
    """Ends what hangs, with an error that nothing expects."""

    def stop(*_):
        raise BaseException("still busy after %d s" % secs)

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(secs)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def surroundings(folder, dataset_dir):
    """Returns what lies in a folder, but for the dataset: paths, sizes, times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path != dataset_dir and dataset_dir not in path.parents:
            status = path.lstat()
            # A folder's own time tells of every file that came or went, which the names do too.
            found[os.fsencode(str(path))] = not path.is_dir() and (
                status.st_size, status.st_mtime_ns,
            )  # fmt: skip
    return found


def outcome_of(source, decode):
    """Converts a source within its own folder; returns "finished" or the kind of the error."""
    dataset_dir = source.parent / "dataset"
    before = surroundings(source.parent, dataset_dir)
    try:
        with time_limit(_LIMIT_SECS):
            convert(dataset_dir, source, **_SETTINGS)
    except (DataError, UsageError) as error:
        outcome = type(error).__name__
        assert len(str(error).splitlines()) == 1, str(error)
        assert not dataset_dir.exists()
    else:
        outcome = "finished"
        info = manifest.read(str(dataset_dir))
        assert not list(dataset_dir.glob("*.partial"))
        for split_name, split in info["splits"].items():
            assert check_records(str(dataset_dir), split_name, decode) == split["num_photos"]
    assert surroundings(source.parent, dataset_dir) == before
    assert not os.path.exists(bad_archives.ELSEWHERE)
    return outcome


def check_records(dataset_dir, split_name, decode):
    """Decodes a split's photos, which have the sizes that are written down; counts them."""
    count = 0
    for path in records.find_shards(dataset_dir, split_name):
        for example in shard_files.examples(path):
            feature = example.features.feature
            (encoded,) = feature["image/encoded"].bytes_list.value
            size = feature["image/height"].int64_list.value[0], feature["image/width"]
            assert decode(encoded).shape == (size[0], size[1].int64_list.value[0], 3)
            count += 1
    return count


@pytest.mark.soak
def test_mutants_of_an_archive(tmp_path, monkeypatch, decode, trials, tally):
    for seed in range(trials(60, 2000)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        content, names = bad_archives.mutant(random.Random(seed))
        (folder / "photos.tgz").write_bytes(content)
        try:
            tally("bad archives", outcome_of(folder / "photos.tgz", decode))
        except BaseException:
            print("seed %d: %s" % (seed, ", ".join(names)))
            raise


@pytest.mark.soak
def test_mutants_of_a_folder(tmp_path, monkeypatch, decode, trials, tally):
    for seed in range(trials(20, 500)):
        folder = tmp_path / str(seed)
        (folder / "photos").mkdir(parents=True)
        monkeypatch.chdir(folder)
        names = bad_archives.unpack_mutant(random.Random(seed), folder / "photos")
        try:
            tally("bad folders", outcome_of(folder / "photos", decode))
        except BaseException:
            print("seed %d: %s" % (seed, ", ".join(names)))
            raise


def archive_of(path, members):
    photo_archives.write_tgz(path, members)
    return path


def test_thousands_of_classes(tmp_path, decode):
    photo = photo_archives.draw("roses", 1)
    members = [("photos/%05d/1.jpg" % number, photo) for number in range(3000)]
    assert outcome_of(archive_of(tmp_path / "photos.tgz", members), decode) == "finished"
    assert len(manifest.read(str(tmp_path / "dataset"))["classes"]) == 3000


@pytest.mark.parametrize(
    "kind, reason",
    [
        (tarfile.REGTYPE, "refused: more than 200 million bytes: 9000000000"),
        (tarfile.GNUTYPE_LONGNAME, "a note of 9000000000 bytes"),
    ],
)
def test_member_that_would_fill_disk_or_memory_is_refused(tmp_path, kind, reason):
    member = tarfile.TarInfo("photos/roses/1.jpg")
    member.type, member.size = kind, 9 * 10**9
    with pytest.raises(DataError, match=reason):
        convert(tmp_path / "dataset", archive_of(tmp_path / "photos.tgz", [member]))


@pytest.mark.parametrize("size", [10**13, -512])
def test_member_of_a_size_that_cannot_be_is_refused_at_once(tmp_path, size):
    member = tarfile.TarInfo("photos/notes.txt")
    member.size = size
    with time_limit(10), pytest.raises(DataError, match="a member of %d bytes" % size):
        convert(tmp_path / "dataset", archive_of(tmp_path / "photos.tgz", [member]))


def test_bombs_are_left_out_and_take_no_memory(tmp_path):
    bomb = photo_archives.encode(Image.new("1", (30000, 30000)), "PNG")
    bombs = [("flower_photos/roses/bomb%d.png" % number, bomb) for number in range(8)]
    path = archive_of(tmp_path / "photos.tgz", bombs + photo_archives.official_members())
    script = os.path.join(ROOT, "scripts", "download_and_convert.py")
    # A process's peak begins at that of the one it was forked from, and this one is large: so one
    # in between starts the script, and its last line is the script's peak in kilobytes.
    starter = (
        "import resource, subprocess, sys; code = subprocess.call([sys.executable] + sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter, script, "--archive", str(path), "--dataset_dir", "dataset"],
        cwd=str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "left out: 8 photos: more than 200 million pixels: roses/bomb0.png, " in done.stdout
    assert int(done.stdout.split()[-1]) < 10**6  # One of the bombs takes as much or more.


def test_header_of_a_header_without_end_is_refused(tmp_path, decode):
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    content = long_name.tobuf(tarfile.GNU_FORMAT) * 5000
    (tmp_path / "photos.tgz").write_bytes(gzip.compress(content))
    assert outcome_of(tmp_path / "photos.tgz", decode) == "DataError"


def test_folders_without_end_are_refused(tmp_path, decode):
    (tmp_path / "photos").mkdir()
    here = os.getcwd()
    try:
        os.chdir(str(tmp_path / "photos"))
        for _ in range(150):
            os.mkdir("a")
            os.chdir("a")
    finally:
        os.chdir(here)
    assert outcome_of(tmp_path / "photos", decode) == "DataError"
