"""The commands that look at a network, as a person runs them."""

import csv
import json
import os
import re

import photo_archives
import pytest
from PIL import Image
from saved_checkpoints import copy_of_other_photos, copy_of_run

from alexnet_flowers.data import photos


@pytest.fixture
def run_flags(random_run):
    return [
        "--checkpoints_dir", os.path.dirname(random_run.checkpoints_dir),
        "--summaries_dir", "summaries", "--run_name", "random", "--device", "cpu",
    ]  # fmt: skip


@pytest.fixture
def photo(tmp_path):
    folder = tmp_path / "roses"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(photo_archives.draw("roses", 1))
    return os.path.join("roses", "1.jpg")


def _metadata(path):
    return Image.open(str(path)).text


def test_predict(run_script, run_flags, tiny_dataset, tmp_path):
    done = run_script(
        "predict", *run_flags, "--split", "validation", "--dataset_dir", tiny_dataset,
        "--csv", "p.csv", "--json", "p.json", "--sheet", "out/sheet.png", "--explain",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().split("\n")
    assert len(lines) == 1 + 5 + 1 and "of 5 right" in lines[-1]
    with open(str(tmp_path / "p.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    answers = json.loads((tmp_path / "p.json").read_text())
    assert [row["predicted"] for row in rows] == [one["predicted"] for one in answers]
    for line, row in zip(lines[1:], rows):
        assert line.startswith(row["photo"]) and row["photo"].startswith(row["true_class"] + "/")
        assert line.split()[2] == row["predicted"]
    about = _metadata(tmp_path / "out" / "sheet.png")
    assert re.match(
        r"predictions of validation, \d of 5 right \(.*\): run random, step 7$", about["Title"]
    )
    assert about["Description"].startswith("python scripts/predict.py --checkpoints_dir")


def test_predict_a_photo(run_script, run_flags, photo):
    done = run_script("predict", *run_flags, photo, "--num_best", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[1].startswith("roses/1.jpg  roses ")


def test_a_sheet_of_one_photo_says_of_which_split_it_is(
    run_script, run_flags, tiny_dataset, tmp_path
):
    of = ["--dataset_dir", tiny_dataset, "--index", "2"]
    done = run_script("predict", *run_flags, *of, "--sheet", "sheet.png")
    assert done.returncode == 0, done.stderr
    title = _metadata(tmp_path / "sheet.png")["Title"]
    assert title == "predictions of validation: run random, step 7"


def test_only_the_worst_answers_are_drawn_where_so_many_are_asked_for(
    run_script, run_flags, tiny_dataset, tmp_path
):
    of = ["--dataset_dir", tiny_dataset, "--split", "train", "--sheet"]
    for name, more in (("all.png", []), ("worst.png", ["--worst", "2"])):
        done = run_script("predict", *run_flags, *of, name, *more)
        assert done.returncode == 0, done.stderr
    title = _metadata(tmp_path / "worst.png")["Title"]
    assert title == "the most confident wrong answers: run random, step 7"
    sizes = [Image.open(str(tmp_path / name)).size for name in ("all.png", "worst.png")]
    assert sizes[1][0] * sizes[1][1] < sizes[0][0] * sizes[0][1] / 4


def test_evaluate_a_checkpoint_from_elsewhere(run_script, random_run, tiny_dataset, tmp_path):
    copy_of_run(random_run, tmp_path / "sent")
    flags = ["--checkpoint_path", "sent", "--dataset_dir", tiny_dataset]
    (tmp_path / "sent" / "notes.json").write_text("{}")
    refused = run_script("evaluate", *flags, "--device", "cpu", "--json", "sent/notes.json")
    assert refused.returncode == 2
    assert "sent/notes.json: is there, in a folder that is read (" in refused.stderr
    done = run_script("evaluate", *flags, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    # There is no run of that name.
    assert done.stdout.strip().split("\n")[-1] == (
        "next: python scripts/predict.py %s --split validation --sheet sheet.png" % " ".join(flags)
    )


def test_explain_a_photo_of_the_split(run_script, run_flags, tiny_dataset, tmp_path):
    done = run_script(
        "explain", *run_flags, "--index", "2", "--dataset_dir", tiny_dataset, "--class", "roses",
        "--end_point", "conv4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().split("\n")
    assert (
        len(lines) == 3 and lines[2] == "runs/figures/explain_conv4_roses_validation_2_random_7.png"
    )
    name = photos.from_split(tiny_dataset, "validation")[0][2].name
    assert lines[1].startswith(name)
    about = _metadata(tmp_path / lines[2])
    assert about["Title"] == "Grad-CAM of conv4, %s: run random, step 7" % name


def test_patches_of_units(run_script, run_flags, tiny_dataset, tmp_path):
    done = run_script(
        "show_patches", *run_flags, "--dataset_dir", tiny_dataset, "--end_point", "conv2",
        "--max_units", "4", "--output", "patches.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    about = _metadata(tmp_path / "patches.png")
    assert about["Title"].startswith("patches that excite the units of conv2 most: run random")


def test_pictures_of_other_photos_have_other_names(run_script, run_flags, tiny_dataset, photo):
    flags = [*run_flags, "--end_point", "conv1", "--max_units", "2"]
    data = ["--dataset_dir", tiny_dataset, "--split"]
    names = [
        run_script("show_patches", *flags, *of).stdout.strip().split("/")[-1]
        for of in ([photo], [*data, "validation"], [*data, "train"])
    ]
    assert names == [
        "patches_conv1_%s_random_7.png" % of for of in ("roses_1", "validation", "train")
    ]


def test_photos_of_names_that_differ_in_a_sign_have_pictures_of_their_own(
    run_script, run_flags, photo, tmp_path
):
    (tmp_path / "roses_1.jpg").write_bytes(photo_archives.draw("roses", 2))
    done = run_script("inspect_network", *run_flags, "--output_dir", "out", photo, "roses_1.jpg")
    assert done.returncode == 0, done.stderr
    titles = [
        _metadata(tmp_path / "out" / ("feature_maps_conv1_roses_1%s_random_7.png" % number))[
            "Title"
        ]
        for number in ("", "_2")
    ]
    assert "roses/1.jpg" in titles[0] and "roses_1.jpg" in titles[1]


def test_photos_of_a_split_as_files(run_script, tiny_dataset, tmp_path):
    done = run_script("write_photos", "--dataset_dir", tiny_dataset, "--output_dir", "out")
    assert done.returncode == 0, done.stderr
    found, _ = photos.from_split(tiny_dataset, "validation")
    assert done.stdout == "out: 5 photos; the first: %s\n" % found[0].name
    for photo in found:
        assert (tmp_path / "out" / photo.name).read_bytes() == photo.encoded
    again = run_script("write_photos", "--dataset_dir", tiny_dataset, "--output_dir", "out")
    assert again.returncode == 1 and "out: is not empty" in again.stderr


def test_predict_a_folder_with_a_bad_photo(run_script, run_flags, photo, tmp_path):
    whole = photo_archives.draw("roses", 2)
    (tmp_path / "roses" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "roses" / "notes.txt").write_text("from the garden")
    done = run_script("predict", *run_flags, "roses", "--csv", "p.csv", "--sheet", "sheet.png")
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.split("\n")[:2]] == ["photo", "roses/1.jpg"]
    assert done.stderr.split("\n") == [
        "skipped 1 of 3 files, which are no photos; the first: roses/notes.txt: text, not a photo",
        "left out: roses/2.jpg: cannot be decoded: it is cut off",
        "1 of 2 photos left out",
        "",
    ]
    with open(str(tmp_path / "p.csv"), newline="") as file:
        assert [row["photo"] for row in csv.DictReader(file)] == ["roses/1.jpg"]
    assert (tmp_path / "sheet.png").exists()


def test_a_table_that_cannot_be_written_costs_no_other_output(
    run_script, run_flags, photo, tmp_path
):
    asked = ["roses", "--csv", "/dev/full", "--json", "p.json", "--sheet", "sheet.png"]
    done = run_script("predict", *run_flags, *asked)
    assert done.returncode == 1 and "/dev/full: No space left on device" in done.stderr
    assert (tmp_path / "p.json").exists() and (tmp_path / "sheet.png").exists()


def test_a_link_to_a_folder_is_said_to_be_left_out(run_script, run_flags, photo, tmp_path):
    (tmp_path / "all").mkdir()
    os.symlink("../roses", str(tmp_path / "all" / "more"))
    os.symlink("../roses/1.jpg", str(tmp_path / "all" / "1.jpg"))
    done = run_script("predict", *run_flags, "all")
    assert done.returncode == 1 and "all/1.jpg" in done.stdout
    assert done.stderr.startswith("left out: all/more: a link to a folder; name that folder, too\n")


def test_a_name_that_is_no_utf8_leaves_the_csv_readable(run_script, run_flags, photo, tmp_path):
    here = os.fsencode(str(tmp_path))
    os.rename(here + b"/roses/1.jpg", here + b"/roses/\xe9.jpg")
    done = run_script("predict", *run_flags, "roses", "--csv", "p.csv")
    assert done.returncode == 0, done.stderr
    with open(str(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        assert [row["photo"] for row in csv.DictReader(file)] == ["roses/\\udce9.jpg"]


def test_inspect_network(run_script, run_flags, tiny_dataset, photo, tmp_path):
    done = run_script(
        "inspect_network", *run_flags, "--dataset_dir", tiny_dataset, "--output_dir", "out",
        "--end_point", "conv3", "--max_maps", "9", "--split", "validation", photo,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(str(tmp_path / "out"))) == [
        "feature_maps_conv3_roses_1_random_7.png", "kernels_random_7.png",
        "zeros_and_dead_units_validation_random_7.svg",
    ]  # fmt: skip
    assert "fc6      4096" in done.stdout
    assert (
        "roses/1.jpg"
        in _metadata(tmp_path / "out" / "feature_maps_conv3_roses_1_random_7.png")["Title"]
    )
    assert "dead units on validation: run random, step 7" in (
        tmp_path / "out" / "zeros_and_dead_units_validation_random_7.svg"
    ).read_text(encoding="utf-8")


def test_inspect_network_shows_named_photos_where_those_of_the_run_are_gone(
    run_script, run_flags, photo, tmp_path
):
    done = run_script("inspect_network", *run_flags, "--output_dir", "out", photo)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: no units that never fire: data/flowers: ")
    assert sorted(os.listdir(str(tmp_path / "out"))) == [
        "feature_maps_conv1_roses_1_random_7.png", "kernels_random_7.png",
    ]  # fmt: skip
    mine = tmp_path / "out" / "kernels_random_7.png"
    mine.write_text("mine")
    refused = run_script("inspect_network", *run_flags, "--output_dir", "out", photo)
    assert refused.returncode == 2 and "is there and holds no PNG; remove it" in refused.stderr
    assert mine.read_text() == "mine"


def test_embed(run_script, run_flags, tiny_dataset, tmp_path):
    done = run_script("embed", *run_flags, "--dataset_dir", tiny_dataset)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "summaries" / "random" / "projector"
    assert (folder / "projector_config.pbtxt").exists()
    assert done.stdout.strip().endswith("5 photos, 4096 values of fc7 each")


def test_what_comes_of_other_photos_than_the_runs_has_a_name_of_its_own(
    run_script, random_run, tiny_dataset, photo, tmp_path
):
    copy_of_other_photos(random_run, tmp_path / "runs" / "checkpoints" / "mine")
    data = ["--device", "cpu", "--dataset_dir", tiny_dataset]
    inspected = run_script("inspect_network", *data, "--output_dir", "out", "--max_maps", "2")
    assert inspected.returncode == 0, inspected.stderr
    names = sorted(os.listdir(str(tmp_path / "out")))
    assert names[1:] == ["kernels_mine_7.png", names[2]]
    assert re.match("feature_maps_conv1_.*_on_flowers_[0-9a-f]{6}_mine_7.png$", names[0])
    assert re.match("zeros_and_dead_units_validation_on_flowers_[0-9a-f]{6}_mine_7.svg$", names[2])
    embedded = [
        run_script("embed", *of).stdout.split(":")[0].split("/")[-1]
        for of in (data, [*data, "--split", "train"], [*data[:2], photo])
    ]
    suffix = names[2].split("validation_")[1].split("_mine")[0]
    assert embedded == ["projector_" + of for of in (suffix, "train_" + suffix, "roses_1")]


def test_a_network_without_labels_is_shown_no_photos_of_more_classes(
    run_script, random_run, copy, tmp_path
):
    copy_of_run(random_run, tmp_path / "sent")
    (tmp_path / "sent" / "labels.txt").unlink()
    (tmp_path / "sent" / "settings.json").unlink()
    os.remove(copy + "/dataset.json")
    with open(copy + "/labels.txt", "a") as labels:
        labels.write("5:weeds\n")
    asked = ["--checkpoint_path", "sent", "--dataset_dir", copy, "--split", "validation"]
    done = run_script("predict", *asked)
    assert done.returncode == 1 and "its network has 5 classes, the photos of" in done.stderr
    assert "Traceback" not in done.stderr


def test_score_map(run_script, run_flags, photo, tmp_path):
    done = run_script("score_map", *run_flags, photo)
    assert done.returncode == 0, done.stderr
    drawn = tmp_path / "runs" / "figures" / "score_map_roses_1_random_7.png"
    assert "class scores over roses/1.jpg" in _metadata(drawn)["Title"]
    assert len(done.stdout.strip().split("\n")) == 6
    smaller = run_script("score_map", *run_flags, photo, "--short_side_px=256")
    assert smaller.returncode == 0 and smaller.stdout != done.stdout


def test_show_preprocessing(run_script, photo, tmp_path):
    os.symlink("content", str(tmp_path / "p.svg"))  # As git-annex keeps files.
    done = run_script(
        "show_preprocessing", photo, "--output", "p.svg", "--num_draws", "2", "--nofast_mode"
    )
    assert done.returncode == 0, done.stderr
    assert os.path.islink(str(tmp_path / "p.svg"))
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "the preprocessing of roses/1.jpg" in text and "--nofast_mode" in text


def test_export(run_script, run_flags, tmp_path):
    done = run_script("export", *run_flags, "--output_dir", "away")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(str(tmp_path / "away"))) == [
        "frozen.pb", "frozen_float.pb", "labels.txt", "saved_model",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "script, args, status, message",
    [
        ("predict", ["roses/1.jpg", "--run_name", "nobody"], 1, "no checkpoint yet; train first"),
        ("predict", [], 2, "no photos; name files or folders"),
        ("predict", ["roses/1.jpg", "--split", "train"], 2, "--split train: or photos, not both"),
        ("predict", ["roses/1.jpg", "--index", "1"], 2, "--index 1: or photos, not both"),
        ("predict", ["roses/1.jpg", "--dataset_dir", "a"], 2, "--dataset_dir a: or photos, not"),
        ("predict", ["roses/1.jpg", "--worst", "3"], 2, "--worst: needs --sheet"),
        ("predict", ["roses/1.jpg", "--csv", "s3://a/p.csv"], 2, "--csv s3://a/p.csv: a URL; name"),
        ("explain", ["roses/1.jpg", "--class", "weeds"], 2, "--class weeds: the network has dai"),
        ("explain", ["roses/1.jpg", "--output", "a.svg"], 2, "a.svg: must be the name of a file"),
        ("report", ["--output", "report.png"], 2, "report.png: must be the name of a file, *.html"),
        ("predict", ["page.jpg"], 1, "page.jpg: cannot be used: a web page, not a photo"),
        ("predict", ["roses/1.jpg", "--sheet", "sheet.gif"], 2, "sheet.gif: must be the name of"),
        (
            "inspect_network",
            ["--end_point", "conv6"],
            2,
            "--end_point conv6: the network has conv1",
        ),
        ("embed", ["--dataset_dir", "nowhere"], 1, "nowhere: no such folder; run scripts/download"),
        ("score_map", ["roses/1.jpg", "roses/1.jpg"], 2, "these are 2"),
        ("show_preprocessing", ["roses/1.jpg", "--output", "roses"], 2, "roses: must be the name"),
    ],
)
def test_what_is_wrong_is_one_line(
    run_script, run_flags, photo, tmp_path, script, args, status, message
):
    (tmp_path / "page.jpg").write_text("<html>")
    before = sorted(os.listdir(str(tmp_path)))
    done = run_script(script, *(run_flags if script != "show_preprocessing" else []), *args)
    assert done.returncode == status
    assert done.stderr.startswith("%s.py: error: " % script) and message in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert sorted(os.listdir(str(tmp_path))) == before
