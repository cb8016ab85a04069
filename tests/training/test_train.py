"""Training as a person runs it: shards in, checkpoints in one folder, events in another."""

import collections
import csv
import json
import os
import re
import shutil
import signal
import sys

import event_files
import numpy as np
import pytest
from google.protobuf import text_format
from processes import Script, one_error, run, run_script
from saved_checkpoints import copy_of_run, copy_with_links

from alexnet_flowers.events import event_reader, tags
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import checkpoints, runs, settings

SMALL = [
    "--batch_size=4", "--image_size=195", "--common_queue_min=8", "--log_every_n_steps=1",
    "--min_crop_area=0.25", "--device=cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_dataset):
    """A run of 2 steps under the default name, by ``scripts/train.py``."""
    folder = tmp_path_factory.mktemp("trained")
    os.symlink(tiny_dataset, str(folder / "data"))
    folder_args = ["--dataset_dir=data", "--max_number_of_steps=2", "--save_summaries_secs=1e-6"]
    ended = run_script(folder, "train", *SMALL, *folder_args)
    (folder / "out").write_text(ended.stdout)
    assert ended.returncode == 0 and ended.stderr == "", ended
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of that folder, in which a test may train on."""
    copy_with_links(str(trained), str(tmp_path / "trained"))
    return tmp_path / "trained"


def test_the_console_has_a_line_a_step_and_the_last_words(folder):
    lines = (folder / "out").read_text().split("\n")
    assert lines[:5] == [
        "run sgd: new",
        "photos: 25 of 5 classes in data",
        "2 steps of 4 images, 0.32 epochs, on the CPU, with sgd",
        "checkpoints: runs/checkpoints/sgd; for TensorBoard: runs/summaries/sgd",
        "Ctrl-C saves the step it stops at; the same command then goes on from there",
    ]
    del lines[:5]
    for number in (1, 2):
        assert re.fullmatch(
            r"step %d/2  epoch 0\.%d  loss \d\.\d{4}  accuracy [01]\.\d{3}  \d+\.\d images/s  "
            r"\d+s left" % (number, 16 * number),
            lines[number - 1],
        )
    assert lines[2:] == [
        "sgd: finished at step 2 of 2; checkpoint runs/checkpoints/sgd/model.ckpt-2",
        "next: python scripts/evaluate.py --run_name sgd",
        "      python scripts/predict.py --run_name sgd --split validation",
        "      make tensorboard",
        "",
    ]


def test_checkpoints_and_events_lie_apart(folder):
    saved = set(os.listdir(str(folder / "runs" / "checkpoints" / "sgd")))
    assert saved == {
        "checkpoint", "graph.pbtxt", "labels.txt", "settings.json", "model.ckpt-2.index",
        "model.ckpt-2.meta", "model.ckpt-2.data-00000-of-00001",
    }  # fmt: skip
    events, table = sorted(os.listdir(str(folder / "runs" / "summaries" / "sgd")))
    assert events.startswith("events.out.tfevents.") and table == "training.csv"


def events_of(folder):
    path = folder / "runs" / "summaries" / "sgd"
    for name in sorted(os.listdir(str(path))):
        if name.startswith("events"):
            yield from tf.train.summary_iterator(str(path / name))


def test_the_checkpoint_holds_slims_variables_and_nothing_of_the_metrics(folder):
    reader = tf.train.NewCheckpointReader(str(folder / "runs/checkpoints/sgd/model.ckpt-2"))
    names = set(reader.get_variable_to_shape_map())
    layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert names == {"global_step"} | {
        "alexnet_v2/%s/%s" % (layer, kind) for layer in layers for kind in ("weights", "biases")
    }


def test_summaries_have_their_tags_at_every_step(folder):
    tags = collections.defaultdict(set)
    values = {}
    for event in events_of(folder):
        for value in event.summary.value:
            tags[value.tag].add(event.step)
            values[value.tag, event.step] = value
    points = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"]
    points += ["fc6", "fc7", "fc8"]
    expected = {"losses/total_loss", "losses/cross_entropy"}
    expected |= {"metrics/accuracy", "metrics/recall_at_2"}
    expected |= {"optimizer/learning_rate", "throughput/images_per_sec"}
    expected |= {
        "throughput/queues/" + queue
        for queue in (
            "batch/fraction_of_4_full", "parallel_read/fraction_of_16_full",
            "prefetch_queue/fraction_of_2_full",
        )
    }  # fmt: skip
    expected |= {
        "%s/alexnet_v2/%s" % (kind, p) for kind in ("activations", "sparsity") for p in points
    }
    expected |= {"parameters/alexnet_v2/%s/weights" % p for p in points if not p.startswith("pool")}
    expected |= {"%s/image/%d" % (kind, i) for kind in ("raw", "preprocessed") for i in range(4)}
    assert expected - set(tags) == set()
    for tag in expected:
        # One of each at every step, nothing is overwritten; histograms from the second step on.
        late = tag.startswith(("activations", "parameters"))
        assert tags[tag] == ({2} if late else {1, 2}), tag

    # In TensorBoard's order.
    shown = sorted(tag for tag, step in values if values[tag, step].HasField("simple_value"))
    assert [tag.split("/")[0] for tag in shown[::2]][:5] == ["losses"] * 2 + ["metrics"] * 2 + [
        "optimizer"
    ]
    assert shown[-1] == "throughput/queues/prefetch_queue/fraction_of_2_full"

    sparsity = values["sparsity/alexnet_v2/conv1", 2].simple_value
    histogram = values["activations/alexnet_v2/conv1", 2].histo
    assert histogram.num == 4 * 47 * 47 * 64 and 0 < sparsity < 1
    assert values["optimizer/learning_rate", 1].simple_value == pytest.approx(0.01)
    loss, entropy = (values["losses/" + n, 1].simple_value for n in ("total_loss", "cross_entropy"))
    assert abs(entropy - np.log(5)) < 0.2 and 0.3 < loss - entropy < 0.7  # The weight decay.
    image = values["preprocessed/image/0", 1].image
    assert (image.height, image.width) == (195, 195)


def test_boxes_are_drawn_as_large_as_asked(folder):
    with open(str(folder / "runs" / "checkpoints" / "sgd" / "graph.pbtxt")) as file:
        graph = text_format.Parse(file.read(), tf.GraphDef())
    (draw,) = [node for node in graph.node if node.op == "SampleDistortedBoundingBoxV2"]
    assert list(draw.attr["area_range"].list.f) == [0.25, 1.0]


def test_the_graphs_picture_reads_from_the_input_to_the_optimizer(folder):
    with open(str(folder / "runs" / "checkpoints" / "sgd" / "graph.pbtxt")) as file:
        graph = text_format.Parse(file.read(), tf.GraphDef())
    feeds = collections.defaultdict(set)
    for node in graph.node:
        feeds[node.name.split("/")[0]].update(one.strip("^").split("/")[0] for one in node.input)
    # From 15 names on, TensorBoard lays the network aside.
    assert set(feeds) == {
        "input", "alexnet_v2", "losses", "gradients", "optimizer", "train_op", "global_step",
        "metrics", "health", "summaries", "save", "init_ops",
    }  # fmt: skip
    way = ["input", "alexnet_v2", "losses", "gradients", "optimizer", "train_op"]
    for before, after in zip(way, way[1:]):
        assert before in feeds[after] and after not in feeds[before]
    names = {node.name for node in graph.node}
    assert {"input/parallel_read/filenames", "input/batch", "alexnet_v2/fc8/squeezed"} <= names


def test_the_graph_is_among_the_events(folder):
    graphs = [event.graph_def for event in events_of(folder) if event.graph_def]
    assert graphs and b"alexnet_v2/fc8/squeezed" in graphs[0]


def test_streaming_metrics_count_all_photos_so_far(folder):
    by_batch = [float(a) for a in re.findall(r"accuracy (\S+)", (folder / "out").read_text())]
    streaming = [
        value.simple_value
        for event in events_of(folder)
        for value in event.summary.value
        if value.tag == "metrics/accuracy" and event.step <= 2
    ]
    assert streaming == [by_batch[0], sum(by_batch) / 2]


def table_of(folder, name):
    with open(str(folder / "runs" / "summaries" / name), newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_what_the_console_said(folder):
    table = table_of(folder, "sgd/training.csv")
    said = re.findall(
        r"step (\d)/2  epoch (\S+)  loss (\S+)  accuracy (\S+)  (\S+) ",
        (folder / "out").read_text(),
    )
    columns = ("step", "epoch", "loss", "accuracy", "images_per_sec")
    forms = ("%d", "%.2f", "%.4f", "%.3f", "%.1f")
    shown = [tuple(f % float(line[c]) for c, f in zip(columns, forms)) for line in table]
    assert shown == said and len(said) == 2
    assert all(0.3 < float(li["loss"]) - float(li["cross_entropy"]) < 0.7 for li in table)
    assert [float(line["learning_rate"]) for line in table] == [pytest.approx(0.01)] * 2


def test_evaluation_by_script(folder):
    args = ["--dataset_dir=data", "--json=result.json", "--split=validation"]
    ended = run_script(folder, "evaluate", *args)
    assert ended.returncode == 0, ended
    assert not (folder / "runs/checkpoints/sgd/best").exists()  # Nobody asked for it.
    result = json.loads((folder / "result.json").read_text())
    assert result["num_images"] == 5 and result["global_step"] == 2
    assert result["checkpoint"] == "runs/checkpoints/sgd/model.ckpt-2"
    assert "validation, 5 photos, step 2: accuracy %.4f" % result["accuracy"] in ended.stdout
    figures = "scripts/make_figures.py --run_name sgd --dataset_dir data --split validation\n"
    assert figures in ended.stdout
    assert os.listdir(str(folder / "runs" / "summaries" / "sgd" / "validation"))
    (line,) = table_of(folder, "sgd/validation.csv")
    assert line.pop("step") == "2"
    assert {name: float(line[name]) for name in line} == {
        name: pytest.approx(result[name]) for name in ("accuracy", "recall_at_2", "cross_entropy")
    }


def test_the_same_command_continues_and_ends_without_a_step_too_many(folder):
    args = SMALL + ["--dataset_dir=data", "--save_summaries_secs=0", "--run_name=sgd"]
    # As of a process that was killed after step 3, which no checkpoint has, while it wrote step 4.
    with open(str(folder / "runs" / "summaries" / "sgd" / "training.csv"), "a") as file:
        file.write("3,0.48,9,9,0,0.01,1\n4,0.64")
    event_files.write(folder / "runs/summaries/sgd", {3: {tags.ACCURACY: 9}}, suffix="lost")
    continued = run_script(folder, "train", "--max_number_of_steps=3", *args)
    assert continued.returncode == 0 and continued.stderr == "", continued
    assert continued.stdout.startswith(
        "run sgd: continued from step 2, where it was finished, with more steps\n"
    )
    assert "sgd: continued from runs/checkpoints/sgd/model.ckpt-2\nstep 3/3 " in continued.stdout
    newest = checkpoints.newest(str(folder / "runs/checkpoints/sgd"))
    assert newest.endswith("model.ckpt-3") and checkpoints.global_step_of(newest) == 3

    table = table_of(folder, "sgd/training.csv")
    assert [line["step"] for line in table] == ["1", "2", "3"] and table[2]["loss"] != "9"
    events = event_reader.read(str(folder / "runs/summaries/sgd"))
    assert events.scalars[tags.ACCURACY].steps.tolist() == [1, 2] and events.starts[-1] == 3

    before = os.stat(newest + ".index").st_mtime_ns
    again = run_script(folder, "train", "--max_number_of_steps=3", *args)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith("run sgd: finished at step 3\n")
    assert "\nsgd: finished already, at step 3 of 3; more steps continue it\nnext: " in again.stdout
    assert os.stat(newest + ".index").st_mtime_ns == before

    changed = run_script(folder, "train", "--max_number_of_steps=4", "--learning_rate=0.5", *args)
    message = one_error(changed, 2)
    assert "(learning_rate was 0.01, is 0.5); choose another --run_name" in message
    # Allowed or not: a checkpoint without the other optimizer's variables cannot be continued.
    other = ["--optimizer=momentum", "--allow_changed_settings", "--max_number_of_steps=4"]
    kept = (folder / "runs/checkpoints/sgd/settings.json").read_text()
    message = one_error(run_script(folder, "train", *(args + other)), 1)
    assert "has no variable alexnet_v2/conv1/biases/Momentum; its run cannot go on" in message
    assert (folder / "runs/checkpoints/sgd/settings.json").read_text() == kept
    assert not os.path.exists(str(folder / "runs/checkpoints/sgd/model.ckpt-4.index"))


def test_a_run_that_gets_no_better_ends_and_stays_so(folder):
    args = SMALL + ["--dataset_dir=data", "--run_name=still", "--save_summaries_secs=0"]
    args += ["--eval_every_n_steps=2", "--learning_rate=1e-9", "--max_number_of_steps=99"]
    stop = "--stop_when_not_improved=2"
    ended = run_script(folder, "train", stop, *args)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    enough = "still: step 6: no evaluation was better than that of step 2, accuracy "
    measured, last = ended.stdout.split(enough)
    lines = re.findall(r"^validation, 5 photos, step (\d): .*?(best so far)?$", measured, re.M)
    assert lines == [("2", "best so far"), ("4", ""), ("6", "")]
    assert "\nstill: stopped at step 6 of 99; checkpoint " in last
    assert [line["step"] for line in table_of(folder, "still/validation.csv")] == ["2", "4", "6"]
    assert os.path.exists(str(folder / "runs/checkpoints/still/best/model.ckpt-2.index"))

    def last_step():
        return settings.last_step(settings.read(str(folder / "runs/checkpoints/still")))

    assert last_step() == 6
    again = run_script(folder, "train", stop, *args)
    assert again.returncode == 0 and enough in again.stdout and "\nstep" not in again.stdout, again
    assert last_step() == 6


def test_the_tables_and_evaluations_of_a_run_that_is_gone_are_set_aside(folder):
    args = SMALL + ["--dataset_dir=data", "--run_name=again", "--save_summaries_secs=0"]
    shutil.copytree(
        str(folder / "runs/summaries/sgd"), str(folder / "runs/summaries/again"),
        ignore=shutil.ignore_patterns("validation*"),
    )  # fmt: skip
    before = [row["step"] for row in table_of(folder, "again/training.csv")]
    (folder / "runs/summaries/again/validation.csv").write_text("step,accuracy\n")
    for name in ("validation", "validation_mirrored"):
        (folder / "runs/summaries/again" / name).mkdir()
        event_files.write(folder / "runs/summaries/again" / name, {2: {tags.ACCURACY: 0.5}})
    ended = run_script(folder, "train", "--max_number_of_steps=1", *args)
    assert ended.returncode == 0, ended
    line = "runs/summaries/again: moved to set_aside: training.csv, validation, validation.csv, "
    line += "validation_mirrored (of a run of"
    assert line in ended.stdout
    steps = [
        [row["step"] for row in table_of(folder, path + "training.csv")]
        for path in ("again/", "again/set_aside/")
    ]
    assert steps == [["1"], before] and len(before) > 1
    assert event_reader.read(str(folder / "runs/summaries/again/set_aside/validation")).scalars
    assert not os.path.exists(str(folder / "runs/summaries/again/validation_mirrored"))


def test_a_run_that_diverges_stops_and_keeps_its_good_checkpoint(folder):
    wild = str(folder / "runs/checkpoints/wild")
    good = runs.locate_run("sgd", str(folder / "runs/checkpoints"), str(folder / "runs/summaries"))
    saved = os.path.basename(checkpoints.newest(copy_of_run(good, wild)))
    ended = run_script(
        folder, "train", "--dataset_dir=data", "--run_name=wild", "--save_summaries_secs=0",
        "--learning_rate=1e30", "--allow_changed_settings", "--max_number_of_steps=9",
        "--save_interval_steps=1", *SMALL,
    )  # fmt: skip
    message = one_error(ended, 1)
    assert re.search(r"wild: step \d, learning rate 1e\+30: .*NaN or infinite", message)
    assert "the last good checkpoint is runs/checkpoints/wild/%s; lower" % saved in message
    assert checkpoints.newest(wild) == os.path.join(wild, saved)


@pytest.mark.parametrize("number, status", [(signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_a_signal_saves_the_step_it_stopped_at(folder, number, status):
    name = "stopped_%d" % number
    script = Script(
        "train", folder, "--dataset_dir=data", "--run_name=" + name, "--max_number_of_steps=9999",
        "--save_summaries_secs=0", "--save_interval_steps=1", "--max_to_keep=1", *SMALL
    )  # fmt: skip
    assert script.wait_until(lambda: any(line.startswith("step ") for line in script.lines))
    script.send(number)
    ended = script.finish()
    assert ended.status == status and ended.error == "", ended
    out = "\n".join(ended.lines)
    assert "\nstep    1/9999 " in out and name + ": stopping after this step; saving\n" in out
    step = int(re.search(r"stopped at step (\d+) of 9999; checkpoint", out).group(1))
    newest = checkpoints.newest(str(folder / "runs/checkpoints" / name))
    assert newest.endswith("-%d" % step) and checkpoints.global_step_of(newest) == step
    kept = [n for n in os.listdir(os.path.dirname(newest)) if n.endswith(".index")]
    assert kept == [os.path.basename(newest) + ".index"]  # --max_to_keep=1


def test_a_warm_start_takes_the_weights_and_trains_the_chosen_scope_only(folder):
    source = checkpoints.newest(str(folder / "runs/checkpoints/sgd"))
    ended = run_script(
        folder, "train", "--dataset_dir=data", "--run_name=warm", "--max_number_of_steps=1",
        "--checkpoint_path=" + source, "--checkpoint_exclude_scopes=alexnet_v2/fc8",
        "--trainable_scopes=alexnet_v2/fc8", "--save_summaries_secs=0",
        "--moving_average_decay=0.5", *SMALL,
    )  # fmt: skip
    assert ended.returncode == 0, ended
    old, new = (
        tf.train.NewCheckpointReader(path)
        for path in (source, checkpoints.newest(str(folder / "runs/checkpoints/warm")))
    )
    for name in ("conv1/weights", "fc7/biases"):
        name = "alexnet_v2/" + name
        np.testing.assert_array_equal(old.get_tensor(name), new.get_tensor(name))
    fc8 = "alexnet_v2/fc8/weights"
    assert np.abs(old.get_tensor(fc8) - new.get_tensor(fc8)).max() > 1e-4
    assert new.has_tensor(fc8 + "/ExponentialMovingAverage")
    assert new.get_tensor("global_step") == 1


TRAIN_ON = """
import sys
import tensorflow
tf = tensorflow.compat.v1
if tensorflow.__version__ >= "2":
    tf.disable_v2_behavior()
checkpoint = sys.argv[1]
saver = tf.train.import_meta_graph(checkpoint + ".meta")
graph = tf.get_default_graph()
weights = graph.get_tensor_by_name("alexnet_v2/conv2/weights:0")
with tf.Session() as session:
    saver.restore(session, checkpoint)
    session.run(tf.local_variables_initializer())
    coordinator = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coordinator)
    before = session.run(weights)
    session.run(tf.get_collection("train_op"))
    after = session.run(weights)
    # And by another program's own optimizer.
    loss = tf.losses.get_total_loss()
    session.run(tf.train.GradientDescentOptimizer(0.1).minimize(loss))
    print((before != after).any(), (after != session.run(weights)).any())
    print(session.run("global_step:0"))
    coordinator.request_stop()
    session.close()
assert not [name for name in sys.modules if name.startswith("alexnet_flowers")]
"""


def test_others_train_on_from_the_graph_beside_a_checkpoint(folder):
    checkpoint = checkpoints.newest(str(folder / "runs/checkpoints/sgd"))
    for name in (checkpoint + ".meta", str(folder / "runs/checkpoints/sgd/graph.pbtxt")):
        with open(name, "rb") as file:
            assert b"AlexnetFlowers" not in file.read()
    done = run([sys.executable, "-c", TRAIN_ON, checkpoint], folder)
    # Two steps: one by each optimizer, of which the other program's own counts none.
    saved = checkpoints.global_step_of(checkpoint)
    assert done.stdout.split() == ["True", "True", str(saved + 1)]


@pytest.mark.parametrize(
    "args, status, message",
    [
        (["--batch_size=26"], 2, "--batch_size 26: the train split has only 25 photos"),
        (["--common_queue_capacity=8"], 2, "_min=8: must be below --common_queue_capacity=8"),
        (["--trainable_scopes=fc9"], 2, "--trainable_scopes: no variable in 'fc9'"),
        (["--trainable_scopes=,"], 2, "--trainable_scopes ',': names no scope"),
        (
            ["--find_learning_rate", "--max_number_of_steps=9007199254740992"],
            2,
            "--max_number_of_steps=9007199254740992: --find_learning_rate makes at most 1000000",
        ),
        (["--device=gpu"], 2, "--device gpu: TensorFlow " + tf.__version__),
        (["--checkpoint_path=nowhere"], 1, "nowhere: no such checkpoint"),
        (["--checkpoints_dir=out"], 1, "out/bad: Not a directory"),
        (["--stop_when_not_improved=3"], 2, "--stop_when_not_improved: needs --eval_every_n_steps"),
        (["--summaries_dir=out"], 1, "out/bad"),
    ],
)
def test_bad_input_is_one_line(folder, args, status, message, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    args = SMALL + ["--dataset_dir=data", "--run_name=bad", *args]
    assert message in one_error(run_script(folder, "train", *args), status)
    assert not (folder / "runs/checkpoints/bad").exists()
    assert not (folder / "runs/summaries/bad").exists()


@pytest.mark.parametrize(
    "args, status, message",
    [
        (["--split=tset"], 2, "flag --split=tset: value should be one of <train|validation|test>"),
        (["--split=test"], 1, "data: no shards of the split 'test' (there: train, validation)"),
        (["--run_name=nobody"], 1, "runs/checkpoints/nobody: no checkpoint yet; train first"),
        (["--checkpoint_path=nowhere"], 1, "nowhere: no such checkpoint"),
        (["--checkpoints_dir=elsewhere"], 1, "elsewhere: no run with a checkpoint yet"),
    ],
)
def test_bad_input_to_the_evaluation_is_one_line(folder, args, status, message):
    args = ["--dataset_dir=data", *args]
    if not any("run_name" in arg or "checkpoints_dir" in arg for arg in args):
        args.append("--run_name=sgd")
    assert message in one_error(run_script(folder, "evaluate", *args), status)
