"""``scripts/import_torchvision.py``, and the line of ``train.py`` that it ends with."""

import os
import shlex

import numpy as np
import torch_files

SHAPES = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
}


def _save(path):
    arrays = {}
    for name, shape in SHAPES.items():
        arrays[name + ".weight"] = np.full(shape, 1e-3, np.float32)
        arrays[name + ".bias"] = np.zeros(shape[:1], np.float32)
    return torch_files.save(path, arrays)


def test_what_it_prints_can_be_run(run_script, tiny_dataset, tmp_path):
    _save(tmp_path / "alexnet.pth")
    done = run_script("import_torchvision", "alexnet.pth", "--output", "image net")
    assert (done.returncode, done.stderr) == (0, "")
    said, command = done.stdout.strip().split("\n")
    assert said == "image net: conv1, conv2, conv3 of alexnet.pth; to start from them:"
    python, script, *args = shlex.split(command)
    assert (python, script) == ("python", "scripts/train.py")
    done = run_script(
        "train", *args, "--dataset_dir", tiny_dataset, "--image_size=195", "--batch_size=2",
        "--max_number_of_steps=1", "--save_summaries_secs=0", "--common_queue_min=4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert os.path.exists(str(tmp_path / "runs" / "checkpoints" / "sgd" / "model.ckpt-1.index"))


def test_errors_are_one_line(run_script, tmp_path):
    hostile = torch_files.called("posix", "system", b"(" + torch_files.plain("touch ran") + b"t")
    torch_files.write_zip(tmp_path / "hostile.pth", torch_files.whole(hostile))
    for args, status, text in (
        ([], 2, "--output"),
        (["hostile.pth"], 2, "--output"),
        (["hostile.pth", "--output", "o"], 1, "hostile.pth: names posix.system"),
        (["none.pth", "--output", "o"], 1, "none.pth: No such file"),
    ):
        done = run_script("import_torchvision", *args)
        assert done.returncode == status and done.stdout == ""
        assert done.stderr.startswith("import_torchvision.py: error: ")
        assert text in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(str(tmp_path)) == ["hostile.pth"]
