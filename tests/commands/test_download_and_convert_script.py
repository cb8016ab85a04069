import json
import os
import re

import pytest
from http_servers import serving, whole
from photo_archives import draw, official_members, write_tgz
from processes import messages

from alexnet_flowers import lock
from alexnet_flowers.data import records

HELP_FLAGS = [
    "--archive",
    "--[no]sample",
    "--num_validation",
    "--num_test",
    "--split_by",
    "--validation_percentage",
    "--test_percentage",
    "--fold",
    "--seed",
    "--[no]drop_duplicates",
    "--[no]strict",
    "--dataset_dir",
    "--num_shards",
    "--[no]keep_archive",
    "--[no]help",
    "--flagfile",
    "--[no]verbose",
]


def table_of(done):
    """Returns the words of each line of the table, with which the output ends."""
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[-1][0] == "next:"
    return rows[[row[0] for row in rows].index("class") : -1]


def assert_fails(done, status, message):
    assert messages(done.stderr) == ["download_and_convert.py: error: " + message]
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == status


def test_every_flag_reaches_what_it_sets_and_the_table_is_printed(
    run_script, archive_bytes, tmp_path
):
    flags = {"num_validation": 4, "num_test": 3, "num_shards": 2, "seed": 7}
    with serving({"/tiny_photos.tgz": [whole(archive_bytes)]}) as server:
        done = run_script(
            "download_and_convert",
            "--archive=" + server.url + "/tiny_photos.tgz",
            "--dataset_dir=data/mine",
            "--keep_archive",
            "--drop_duplicates",
            *("--%s=%d" % flag for flag in flags.items()),
        )
    assert done.returncode == 0
    assert messages(done.stderr) == []
    folder = tmp_path / "data" / "mine"
    info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    assert info["request"] == dict(
        flags, archive="tiny_photos.tgz", split_by="class", drop_duplicates=True
    )
    assert (folder / "tiny_photos.tgz").read_bytes() == archive_bytes
    for split_name, sizes in (("train", [12, 11]), ("validation", [2, 2]), ("test", [2, 1])):
        shards = records.find_shards(str(folder), split_name)
        assert [records.count_records(path) for path in shards] == sizes

    rows = table_of(done)
    assert rows[0] == ["class", "train", "validation", "test", "all"]
    assert [row[0] for row in rows[1:]] == info["classes"] + ["all"]
    for row in rows[1:-1]:
        assert int(row[4]) == sum(int(count) for count in row[1:4]) == 6
    assert rows[-1] == ["all", "23", "4", "3", "30"]
    # Of so few photos the default batch is refused.
    assert done.stdout.endswith(" --max_number_of_steps 400 --batch_size 23\n")


@pytest.mark.parametrize("flag", ["--help", "-h", "--help=true"])
def test_help_lists_the_flags_and_is_no_error(run_script, tmp_path, flag):
    done = run_script("download_and_convert", flag, "--num_tset")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (--\S+?):", done.stdout, re.MULTILINE) == HELP_FLAGS
    assert "default: 'data/flowers'" in done.stdout
    assert "http://download.tensorflow.org/example_images/flower_photos.tgz" in done.stdout
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--num_tset=3", "Unknown command line flag 'num_tset'. Did you mean: num_test ?"),
        ("--num_test=-3", "--num_test=-3: must be at least 0"),
        ("flowers.tgz", "unexpected argument 'flowers.tgz'; flags begin with --"),
    ],
)
def test_flag_that_cannot_be_meant_is_one_line_and_status_2(run_script, tmp_path, flag, message):
    assert_fails(run_script("download_and_convert", flag), 2, message)
    assert os.listdir(str(tmp_path)) == []


def test_missing_archive_is_one_line_and_status_1(run_script, tmp_path):
    done = run_script("download_and_convert", "--archive=nowhere.tgz")
    assert_fails(
        done,
        1,
        "--archive nowhere.tgz: no such file or folder, nor a URL that begins with http:// or "
        "https://; give an existing one",
    )
    assert os.listdir(str(tmp_path)) == []


def test_bad_photo_is_one_line_and_status_1_when_strict(run_script, tmp_path):
    bad = ("flower_photos/tulips/bad.jpg", b"")
    write_tgz(tmp_path / "photos.tgz", official_members() + [bad])
    done = run_script("download_and_convert", "--archive=photos.tgz", "--strict")
    assert_fails(done, 1, "photos.tgz: tulips/bad.jpg: an empty file (--strict)")
    assert not (tmp_path / "data" / "flowers").exists()


def test_dataset_dir_below_a_file_is_one_line_and_status_1(run_script, tiny_archive, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = run_script(
        "download_and_convert", "--archive=" + tiny_archive, "--dataset_dir=file/flowers"
    )
    assert_fails(
        done,
        1,
        "file/flowers: Not a directory; see that it can be read or written, or name another",
    )
    assert os.listdir(str(tmp_path)) == ["file"]


def test_two_places_of_photos_are_refused(run_script, tmp_path):
    done = run_script("download_and_convert", "--sample", "--archive=mine", "--dataset_dir=made")
    assert_fails(done, 2, "--archive, --sample: photos from two places; name one")
    assert os.listdir(str(tmp_path)) == []


def test_sample_beside_another_dataset_is_one_line_and_status_1(run_script, tiny_dataset):
    done = run_script(
        "download_and_convert",
        "--sample",
        "--dataset_dir=" + tiny_dataset,
        "--num_shards=2",
        "--num_validation=5",
    )
    assert_fails(
        done,
        1,
        "%s: holds another dataset (archive is tiny_photos.tgz, not the built-in sample); "
        "choose another --dataset_dir or remove it" % tiny_dataset,
    )


def test_photos_of_a_folder_in_words_that_the_terminal_cannot_show(run_script, tmp_path):
    for class_name in ("Gänseblümchen", "roses"):
        (tmp_path / "mine" / class_name).mkdir(parents=True)
        for number in range(2):
            path = tmp_path / "mine" / class_name / ("%d.jpg" % number)
            path.write_bytes(draw("roses", number))
    done = run_script("download_and_convert", "--archive=mine", PYTHONIOENCODING="ascii")
    assert (done.returncode, messages(done.stderr)) == (0, [])
    assert [row[0] for row in table_of(done)] == [
        "class", "G\\xe4nsebl\\xfcmchen", "roses", "all",
    ]  # fmt: skip


def test_verbose_shows_the_traceback_of_an_error_too(run_script):
    done = run_script("download_and_convert", "--archive=nowhere.tgz", "--verbose")
    assert done.returncode == 1
    assert "Traceback (most recent call last):" in done.stderr
    assert "alexnet_flowers.errors.DataError: --archive nowhere.tgz" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("download_and_convert.py: error: --archive")


def test_a_second_conversion_into_a_folder(run_script, tiny_archive, tmp_path):
    (tmp_path / "flowers").mkdir()
    flags = ["--archive", tiny_archive, "--dataset_dir", "flowers", "--keep_archive"]
    with lock.held(str(tmp_path / "flowers"), "converted"):
        done = run_script("download_and_convert", *flags)
        assert os.listdir(str(tmp_path / "flowers")) == ["lock"]
    assert done.returncode == 1
    assert "flowers: is being converted by another process, %d;" % os.getpid() in done.stderr
    assert done.stderr.count("\n") == 1
    # A lock that a dead process has left is none.
    (tmp_path / "flowers" / "lock").write_text("%d\n" % os.getpid())
    done = run_script("download_and_convert", *flags)
    assert done.returncode == 0
    line = "--keep_archive: nothing was downloaded; %s stays where it is\n" % tiny_archive
    assert line in done.stdout
    left = set(os.listdir(str(tmp_path / "flowers")))
    assert not {"lock", os.path.basename(tiny_archive)} & left


def test_a_finished_dataset_needs_no_lock(run_script, tiny_dataset, tiny_archive, tmp_path):
    with lock.held(tiny_dataset, "converted"):
        done = run_script(
            "download_and_convert", "--archive", tiny_archive, "--dataset_dir", tiny_dataset,
            "--num_validation", "5", "--num_shards", "2",
        )  # fmt: skip
    assert done.returncode == 0 and "finished already" in done.stdout
