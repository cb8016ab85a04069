"""The drawn flowers, and their conversion."""

import io
import os
import tarfile

import photo_archives
import pytest
from conversions import contents, convert, draw_few
from PIL import Image

from alexnet_flowers.data.sources import drawn_flowers
from alexnet_flowers.errors import UsageError


def test_sample_is_the_same_bytes_for_the_same_seed(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        drawn_flowers.write_archive(str(tmp_path / name), photos_per_class=2, seed=seed)
    found = contents(tmp_path)
    assert sorted(found) == ["a", "b", "c"]
    assert found["a"] == found["b"] != found["c"]


def test_sample_is_in_the_official_layout(tmp_path):
    drawn_flowers.write_archive(str(tmp_path / "sample.tar"), photos_per_class=2)
    with tarfile.open(str(tmp_path / "sample.tar")) as tar:
        drawn = {member.name: tar.extractfile(member).read() for member in tar}
    assert sorted(drawn) == [
        "flower_photos/%s/drawn_%04d.jpg" % (class_name, number)
        for class_name in photo_archives.CLASS_NAMES
        for number in range(2)
    ]
    assert len(set(drawn.values())) == 10
    for content in drawn.values():
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (320, 240))


def test_sample_is_converted_like_any_archive(tmp_path, monkeypatch):
    draw_few(monkeypatch, 4)
    folder, lines = str(tmp_path / "sample"), []
    info = convert(folder, "", lines, use_sample=True)
    missing = "daisy, dandelion, sunflowers"
    assert lines == [
        "drawing the built-in sample", "warning: no photos in the validation split: " + missing,
    ]  # fmt: skip
    assert info["request"]["split_by"] == "shuffled"
    assert info["request"]["archive"] == "the built-in sample"
    assert info["classes"] == photo_archives.CLASS_NAMES
    assert {name: s["num_photos"] for name, s in info["splits"].items()} == {
        "train": 18,
        "validation": 2,
    }
    assert not [name for name in os.listdir(folder) if name.endswith((".tar", ".partial"))]
    convert(folder, "", lines, use_sample=True)
    assert "finished already" in lines[2]


def test_sample_that_cannot_be_split_leaves_nothing_behind(tmp_path, monkeypatch):
    draw_few(monkeypatch, 1)
    with pytest.raises(UsageError, match="take 5 of 5 photos"):
        convert(tmp_path / "sample", "", use_sample=True, num_validation=5)
    assert os.listdir(str(tmp_path)) == []


def test_interrupted_drawing_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(class_name, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawn_flowers, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "sample", "", use_sample=True)
    assert os.listdir(str(tmp_path)) == []
