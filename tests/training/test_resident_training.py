"""Training on photos that stay on the device: the same run as with queues, but for its batches."""

import os

from alexnet_flowers.tf1 import tf

SMALL = [
    "--batch_size=4", "--image_size=195", "--log_every_n_steps=1", "--dataset_dir=data",
    "--save_summaries_secs=1e-6", "--input=resident", "--device=cpu", "--seed=1",
]  # fmt: skip


def test_a_run_trains_summarises_and_goes_on(run_script, tiny_dataset, tmp_path):
    os.symlink(tiny_dataset, str(tmp_path / "data"))
    done = run_script("train", *SMALL, "--nofast_mode", "--max_number_of_steps=2")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.split("\n")[5:]  # After what the run will be.
    assert lines[0].startswith("input: 25 photos decoded need 0.0")
    assert "of the CPU's" in lines[0] and lines[0].endswith("GB and stay there")
    assert lines[1].startswith("step 1/2  epoch 0.16  loss ")
    run = tmp_path / "runs" / "checkpoints" / "sgd"
    assert (run / "model.ckpt-2.index").exists()
    tags = set()
    for path in (tmp_path / "runs" / "summaries" / "sgd").glob("events.*"):
        for event in tf.train.summary_iterator(str(path)):
            tags.update(value.tag.split("/")[0] for value in event.summary.value)
    assert {"raw", "preprocessed", "losses"} <= tags
    more = ["--max_number_of_steps=3", "--save_histograms_secs=0"]
    done = run_script("train", *SMALL, "--nofast_mode", *more)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "step 3/3" in done.stdout and (run / "model.ckpt-3.index").exists()
    names = {variable for variable, _ in tf.train.list_variables(str(run / "model.ckpt-3"))}
    assert not any("photos" in name for name in names)


def test_bad_records_are_left_out(run_script, copy, tmp_path):
    shard = tmp_path / "data" / "flowers_train_00000-of-00002.tfrecord"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(bytes(content))
    small = [*SMALL, "--max_number_of_steps=1", "--save_histograms_secs=0"]
    done = run_script("train", *small, "--skip_bad_records=1")
    assert done.returncode == 0, done.stderr
    assert "skipped: " in done.stdout and "input: 24 photos decoded need" in done.stdout
    done = run_script("train", *small, "--run_name=strict")
    assert done.returncode == 1 and "record 0: its checksum does not fit" in done.stderr
    assert done.stderr.count("\n") == 1
