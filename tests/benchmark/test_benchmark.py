"""The benchmark counts the right arithmetic and puts a ratio on the right side."""

import json
import subprocess
import sys
import zipfile

import pytest
from conftest import PRETENDED_GPU, ROOT
from photo_archives import official_photos, write_files, write_tgz
from processes import as_from_a_terminal, one_error

import alexnet_flowers
from alexnet_flowers import devices
from alexnet_flowers.benchmark import flops, gpu_rows, reference, rows, sides, worker
from alexnet_flowers.data import records
from alexnet_flowers.errors import DataError
from alexnet_flowers.nets import alexnet_v2
from alexnet_flowers.tf1 import tf


def test_the_arithmetic_of_a_step_is_counted_from_the_shapes():
    with tf.Graph().as_default() as graph:
        alexnet_v2.alexnet_v2(tf.zeros([56, 224, 224, 3]), 5, True)
        # Multiplications of one image's forward pass, layer by layer, by hand.
        conv1 = 54 * 54 * 64 * 11 * 11 * 3
        others = [
            26 * 26 * 192 * 5 * 5 * 64,
            12 * 12 * 384 * 3 * 3 * 192,
            12 * 12 * 384 * 3 * 3 * 384,
            12 * 12 * 256 * 3 * 3 * 384,
            5 * 5 * 256 * 4096,
            4096 * 4096,
            4096 * 5,
        ]
        assert flops.of_training_step(graph) == 56 * 2 * (2 * conv1 + 3 * sum(others))


def test_the_worker_counts_only_the_forward_pass_though_gradients_are_convolutions_too():
    with tf.Graph().as_default() as graph:
        logits, _ = alexnet_v2.alexnet_v2(tf.zeros([2, 224, 224, 3]), 5, True)
        before = flops.of_training_step(graph)
        tf.gradients(logits, tf.trainable_variables())
        assert flops.of_training_step(graph) == before


def test_a_ratio_above_one_is_in_our_favor():
    assert rows.Row("a", "", "", [1.0, 2.0, 9.0], [4.0], "s").ratio == 2
    assert rows.Row("a", "", "", [100.0], [50.0], "images/s").ratio == 2
    assert rows.Row("a", "", "", [1.0], None, "s").ratio is None


def test_workers_take_turns_and_one_that_was_killed_is_an_error(tiny_dataset):
    what = {"kind": "input", "dataset_dir": tiny_dataset, "batch_size": 2}
    with sides.Worker(dict(what, way="ours")) as ours, sides.Worker(
        dict(what, way="reference")
    ) as rival:
        secs = sides.in_turn(ours, rival, rounds=2, ours_each=3, rival_each=1)
        assert [len(part) for part in secs] == [6, 2] and min(secs[0] + secs[1]) > 0
        assert ours.peak_mb > 50
        ours._process.kill()
        ours._process.wait()
        with pytest.raises(DataError):
            ours.make(1)


def test_another_python_takes_this_package_alone_from_this_one(tmp_path, monkeypatch):
    """Its TensorFlow and PyTorch are its own, also where this package lies among this one's."""
    for folder in ("here", "there"):
        package = tmp_path / folder / "alexnet_flowers"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("folder = %r" % folder)
        (tmp_path / folder / "torch.py").write_text("folder = %r" % folder)
    package = tmp_path / "here" / "alexnet_flowers"
    (package / "__main__.py").write_text(
        "import sys, alexnet_flowers, torch\n"
        "print(alexnet_flowers.folder, torch.folder, sys.argv[1:])"
    )
    monkeypatch.setattr(alexnet_flowers, "__file__", str(package / "__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "there"))
    command = sides.command(sys.executable, "alexnet_flowers", "a", "b")
    assert subprocess.check_output(command, encoding="utf-8") == "here there ['a', 'b']\n"


def test_a_terminals_interrupt_is_left_to_who_measures(tmp_path, monkeypatch):
    package = tmp_path / "alexnet_flowers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('goes on')"
    )
    monkeypatch.setattr(alexnet_flowers, "__file__", str(package / "__init__.py"))
    said = subprocess.check_output(
        sides.command(sys.executable, "alexnet_flowers"),
        preexec_fn=as_from_a_terminal,
        encoding="utf-8",
    )
    assert said == "goes on\n"


@pytest.mark.parametrize("way", ["tf.data", "feed_dict", "resident"])
def test_the_other_ways_of_input_work(tiny_dataset, way):
    make_one, _ = worker._input(way, tiny_dataset, 2)
    for _ in range(2):
        make_one()


def test_a_step_from_photos_on_a_gpu_is_timed(tiny_dataset, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PRETENDED_GPU)
    what = {"kind": "step", "dataset_dir": tiny_dataset, "batch_size": 2, "way": "resident"}
    with sides.Worker(dict(what, device="gpu")) as ours:
        assert min(ours.make(2)) > 0


def test_the_references_conversion_writes_records_that_can_be_read(tiny_archive, tmp_path):
    reference.convert(tiny_archive, str(tmp_path), num_validation=5, num_shards=2)
    for split_name, count in (("train", 25), ("validation", 5)):
        paths = records.find_shards(str(tmp_path), split_name)
        assert sum(records.count_records(path) for path in paths) == count


def test_input_is_measured_in_as_many_threads_as_training_takes(tiny_dataset, monkeypatch):
    for name, number in (("BATCH_SIZE", 2), ("_QUEUED_BATCHES", 0), ("_COUNTED_BATCHES", 1)):
        monkeypatch.setattr(rows, name, number)
    row = rows.input_pipeline(tiny_dataset, 1)
    threads = max(4, devices.num_cores())
    assert row.what == "input pipeline, 2 readers and %d threads" % threads
    assert len(row.ours) == len(row.rival) == 1


class Made:
    """Stands in for ``sides.Worker``: ours take 2 ms from photos, all else 1 ms."""

    started = []
    has_mixed_precision = True

    def __init__(self, what, python=None):
        self.started.append(what)
        self.secs = 0.002 if isinstance(what, dict) and "dataset_dir" in what else 0.001
        dtype = "bfloat16" if "--dtype=bfloat16" in what else "TF32"
        if "--compile" in what:
            dtype += ", compiled"
        self.about = {"torch": "2.0", "arithmetic": dtype, "layout": "any", "tensorflow": "2",
                      "has_mixed_precision": self.has_mixed_precision,
                      "threads": 4, "readers": 2}  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def make(self, count, uncounted=0):
        return [self.secs] * count


@pytest.fixture
def made(monkeypatch):
    """Stand-ins for workers, PyTorch and a card with bfloat16; what workers were started for."""
    for module in (rows, gpu_rows):
        monkeypatch.setattr(module, "Worker", Made)
    monkeypatch.setattr(Made, "started", [])
    monkeypatch.setattr(rows, "has_torch", lambda python: True)
    monkeypatch.setattr(devices, "mixed_precision_obstacle", lambda device: None)
    return Made.started


def test_rows_of_steps_from_photos_on_a_gpu(made, monkeypatch):
    measured = list(gpu_rows.steps("photos", "python", 1))
    assert [row.ratio for row in measured] == [0.5] * 6
    assert measured[0].ours == [2.0] * 50 and measured[0].unit == "ms"
    assert [row.what for row in measured[2::3]] == [
        "GPU: training step, batch %d, from photos that stay on the GPU, --mixed_precision --xla"
        % batch_size
        for batch_size in (56, 112)
    ]
    beside = 2 * ["the step alone"] + ["PyTorch 2.0, bfloat16, compiled, any"]
    assert [row.against for row in measured] == 2 * beside
    ours = made[::2]
    assert [what["way"] for what in ours] == 2 * ["ours", "resident", "resident"]
    assert [what["batch_size"] for what in ours] == 3 * [56] + 3 * [112]
    assert [what.get("xla") for what in ours] == 2 * [None, None, True]
    assert made[-1][1:] == ["112", "--device=cuda", "--dtype=bfloat16", "--compile"]
    monkeypatch.setattr(rows, "has_torch", lambda python: False)
    assert list(gpu_rows.steps("photos", "python", 1))[-1].rival is None
    monkeypatch.setattr(devices, "mixed_precision_obstacle", lambda device: "an old card")
    assert len(list(gpu_rows.steps("photos", "python", 1))) == 4


def test_rows_of_a_gpu_beside_pytorch(made, monkeypatch):
    beside = [row.against for row in gpu_rows.steps_alone("python", 1)]
    kinds = ("TF32", "TF32", "bfloat16", "bfloat16, compiled")
    assert beside == ["PyTorch 2.0, %s, any" % kind for kind in kinds]
    monkeypatch.setattr(rows, "has_torch", lambda python: False)
    assert [row.rival for row in gpu_rows.steps_alone("python", 1)] == [None] * 4
    assert gpu_rows.input_alone("photos", 1).unit == "images/s"


def test_rows_of_a_start_on_a_gpu(made, monkeypatch):
    flags = []
    monkeypatch.setattr(rows, "train", lambda *args: flags.append(args[2:]) or (9.0, [], 0.0))
    found = list(gpu_rows.start_up("photos"))
    assert [row.ours for row in found] == [[9.0]] * 2
    assert flags == [("--device=gpu",), ("--device=gpu", "--mixed_precision", "--xla")]
    assert found[1].what.endswith("summaries included, --mixed_precision --xla")


@pytest.mark.parametrize("python, there", [(None, ""), ("python", ", on TensorFlow 2")])
def test_bfloat16_of_a_cpu_is_compared_here_and_in_another_environment(made, python, there):
    found = list(rows.mixed_precision("torch", 1, python))
    assert {row.what for row in found} == {rows._SYNTHETIC_STEP + there + ", --mixed_precision"}
    kinds = ("bfloat16", "bfloat16, compiled")
    assert [row.against for row in found] == ["the same in float32"] + [
        "PyTorch 2.0, %s, any" % kind for kind in kinds
    ]


@pytest.mark.parametrize("has_torch, bfloat16, expected", [
    (True, True, ["", "_torch", "_torch_compiled"]), (False, True, [""]), (True, False, []),
])  # fmt: skip
def test_rows_of_another_tensorflow(made, monkeypatch, has_torch, bfloat16, expected):
    monkeypatch.setattr(rows, "has_torch", lambda python: has_torch)
    monkeypatch.setattr(Made, "has_mixed_precision", bfloat16)
    names = [row.name for row in rows.other_tensorflow("python", "python", 1)]
    assert names == ["train_step_other_tensorflow", "gradient_rules"] + [
        "mixed_precision" + suffix for suffix in expected
    ]


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--memory_steps=-1", "--memory_steps=-1: "),
        ("--other_python=nowhere/python", "--other_python nowhere/python: is no program"),
        ("--torch_python=nowhere/python", "--torch_python nowhere/python: is no program"),
        ("--rows=other_tensorflow", "--rows other_tensorflow: needs --other_python"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_work(run_script, flag, message):
    done = run_script("benchmark", "--quick", flag)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_measured_training_ends_with_the_measurement(monkeypatch):
    def interrupted(pid):
        raise KeyboardInterrupt

    printing = "import time; print('step 1', flush=True); time.sleep(600)"
    start = subprocess.Popen
    started = []

    def popen(command, **how):
        started.append(start([sys.executable, "-c", printing], **how))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(rows, "_resident_mb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rows.train("photos", 1)
    assert started[0].returncode < 0


def test_a_worker_that_never_gets_ready_is_ended(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho banner\nexec sleep 600\n")
    program.chmod(0o755)
    worker_of_banner = sides.Worker(["module"], str(program))
    with pytest.raises(DataError, match="says 'banner"):
        with worker_of_banner:
            pass
    assert worker_of_banner._process.poll() is not None


def test_what_else_a_program_prints_is_no_answer():
    with pytest.raises(DataError, match="which is no answer"):
        with sides.Worker(["module"], "/bin/echo"):
            pass


def test_rows_before_an_interruption_are_kept(tiny_dataset, tiny_archive, tmp_path):
    code = """
import sys
from alexnet_flowers.benchmark import rows
from alexnet_flowers.commands import benchmark, runner
def interrupted(*_):
    raise KeyboardInterrupt
rows.input_pipeline = lambda *_: rows.Row("first", "a", "b", [1.0], None, "s")
rows.conversion = interrupted
runner.run(benchmark)
"""
    path = str(tmp_path / "b.json")
    ended = subprocess.run(
        [sys.executable, "-c", code, "--dataset_dir=" + tiny_dataset, "--archive=" + tiny_archive,
         "--rows=input", "--rows=conversion", "--json=" + path],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert ended.returncode
    with open(path) as file:
        assert [row["name"] for row in json.load(file)["rows"]] == ["first"]


@pytest.mark.parametrize("kind", ["folder", "zip", "without_the_folder_above"])
def test_an_archive_that_the_reference_does_not_take_is_refused_first(kind, run_script, tmp_path):
    path = tmp_path / "photos"
    if kind == "folder":
        write_files(path, official_photos())
    elif kind == "zip":
        with zipfile.ZipFile(str(path), "w") as archive:
            archive.writestr("flower_photos/daisy/1.jpg", b"")
    else:
        write_tgz(path, sorted(official_photos().items()))
    done = run_script("benchmark", "--quick", "--archive", path)
    assert "--archive photos: the reference's" in one_error(done, 2).replace(str(path), "photos")


def test_an_archive_that_is_not_there_is_said_not_to_be(run_script):
    done = run_script("benchmark", "--quick", "--archive", "nowhere.tgz")
    assert "nowhere.tgz: No such file or directory" in one_error(done, 1)
