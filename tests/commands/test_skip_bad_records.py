"""Training and evaluation stop at a bad record, or go on without it where they are told to."""

import os

from bad_shards import change, flip, set_label, shards, start_of
from processes import one_error
from shard_files import read

SMALL = ["--batch_size=2", "--image_size=195", "--common_queue_min=4", "--common_queue_capacity=8"]
SMALL += ["--save_histograms_secs=0", "--max_number_of_steps=2", "--dataset_dir=data"]
LONGER = [*SMALL[:-2], "--num_epochs=2", "--dataset_dir=data"]


def test_training_stops_at_a_damaged_record_or_goes_on_without_it(copy, run_script):
    path = shards(copy)[0]
    flip(path, start_of(path, 5) + 200)
    shown = os.path.join("data", os.path.basename(path))
    named = "%s: record 5: its checksum does not fit its bytes" % shown
    error = one_error(run_script("train", *LONGER), 1)
    assert named in error and "--skip_bad_records 1" in error
    ended = run_script("train", *SMALL, "--skip_bad_records=1", "--run_name=without")
    assert ended.returncode == 0 and ended.stderr == "", ended
    assert "skipped: %s\n" % named in ended.stdout and "finished at step 2" in ended.stdout


def test_training_stops_at_a_label_that_is_out_of_range(copy, run_script):
    path = shards(copy)[0]
    size = os.path.getsize(path)
    for number in range(len(read(path))):
        change(path, number, set_label(7))
    assert os.path.getsize(path) == size, "else it were found by its size"
    # The photos of two steps might all be of the other shard.
    error = one_error(run_script("train", *LONGER), 1)
    assert "13 bad records, " in error
    assert "%s: record 0: the label is 7, not one of 0 to 4" % os.path.basename(path) in error


def test_evaluation_stops_at_a_damaged_record_or_goes_on_without_it(copy, run_script, random_run):
    path = shards(copy, "validation")[1]
    flip(path, start_of(path, 1) + 200)
    args = ["--dataset_dir=data", "--checkpoint_path=%s" % random_run.checkpoints_dir]
    error = one_error(run_script("evaluate", *args), 1)
    named = "%s: record 1: its checksum does not fit its bytes" % os.path.basename(path)
    assert named in error and "--skip_bad_records 1" in error
    ended = run_script("evaluate", *args, "--skip_bad_records=1")
    assert ended.returncode == 0 and named in ended.stderr, ended
    assert "validation, 4 photos, step 7" in ended.stdout
    for at in (1000, 1200):
        flip(shards(copy, "validation")[0], at)
    error = one_error(run_script("evaluate", *args, "--skip_bad_records=1"), 1)
    assert "--skip_bad_records allows 1; the first: " in error
