"""The projector's files: each row belongs to its photo."""

import os

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image, ImageColor
from tensorboard.plugins import projector

from alexnet_flowers.data import photos
from alexnet_flowers.errors import DataError, UsageError
from alexnet_flowers.inference import embedding
from alexnet_flowers.pictures import colors


@pytest.fixture(scope="module")
def train(tiny_dataset):
    return photos.from_split(tiny_dataset, "train")[0]


@pytest.fixture(scope="module")
def written(network, train, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("events") / "projector")
    embedding.write(network, train, "fc7", folder)
    return folder


def test_the_rows_are_the_graphs_fc7(written, network, train):
    rows = np.loadtxt(os.path.join(written, "fc7.tsv"), np.float32, delimiter="\t")
    ((_, batch),) = network.ask(train, {"fc7": network.end_points["fc7"]})
    assert rows.shape == (25, 4096)
    np.testing.assert_array_equal(rows, batch["fc7"].reshape(25, 4096))


def test_each_line_of_metadata_is_of_its_photo(written, network, train):
    with open(os.path.join(written, "metadata.tsv"), encoding="utf-8") as file:
        header, *lines = file.read().splitlines()
    assert header.split("\t") == ["class", "predicted", "right", "file"]
    ((_, batch),) = network.ask(train, {"p": network.probabilities})
    for line, photo, probabilities in zip(lines, train, batch["p"]):
        predicted = network.class_names[probabilities.argmax()]
        true = network.class_names[photo.label]
        assert line.split("\t") == [
            true, predicted, "yes" if true == predicted else "no", photo.name,
        ]  # fmt: skip
    assert len(lines) == 25


def test_the_sprite_has_each_photo_at_its_place_in_the_color_of_its_class(written, train):
    sprite = Image.open(os.path.join(written, "sprite.png"))
    assert sprite.size == (5 * 64, 5 * 64)
    for number in (0, 7, 24):
        row, column = divmod(number, 5)
        tile = sprite.crop((column * 64, row * 64, column * 64 + 64, row * 64 + 64))
        expected = photos.open_image(train[number]).resize((64, 64), Image.BICUBIC)
        inside = (slice(6, -6),) * 2
        np.testing.assert_array_equal(np.asarray(tile)[inside], np.asarray(expected)[inside])
        color = ImageColor.getrgb(colors.PALETTE[train[number].label])
        assert {tile.getpixel(at) for at in ((0, 0), (5, 63), (63, 30))} == {color}


def test_the_configuration_names_the_files(written):
    with open(os.path.join(written, "projector_config.pbtxt")) as file:
        config = text_format.Parse(file.read(), projector.ProjectorConfig())
    (one,) = config.embeddings
    assert one.tensor_name == "fc7, step 7"
    assert list(one.sprite.single_image_dim) == [64, 64]
    for path in (one.tensor_path, one.metadata_path, one.sprite.image_path):
        assert os.path.isfile(os.path.join(written, path))
    assert any(name.startswith("events.") for name in os.listdir(written))


def test_maps_are_flattened(network, train, tmp_path):
    values = embedding.write(network, train[:2], "alexnet_v2/pool5", str(tmp_path / "p"))
    assert values.shape == (2, 5 * 5 * 256)
    assert (tmp_path / "p" / "alexnet_v2_pool5.tsv").exists()


def test_photos_of_no_known_class(network, train, tmp_path):
    strange = [photos.Photo(name, train[0].encoded, None) for name in ("a\tb\nc.jpg", "=1+1.jpg")]
    embedding.write(network, strange, "fc8", str(tmp_path))
    lines = [line.split("\t") for line in (tmp_path / "metadata.tsv").read_text().splitlines()]
    assert [(line[0], *line[2:]) for line in lines[1:]] == [
        ("?", "?", "a b c.jpg"), ("?", "?", "'=1+1.jpg"),
    ]  # fmt: skip


def test_more_photos_than_a_sprite_holds_are_refused(network, train, tmp_path):
    with pytest.raises(DataError, match="more than 16384 photos: TensorBoard's projector"):
        embedding.write(network, train[:1] * 16385, "fc7", str(tmp_path / "p"))
    assert not (tmp_path / "p").exists()


def test_files_that_are_no_photos_take_no_place_in_a_sprite(network, train, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "_MAX_SPRITE_PX", 2 * 64)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(train[:4]):
        (folder / ("%d.jpg" % number)).write_bytes(photo.encoded)
        (folder / ("%d.jpg.json" % number)).write_text("{}")  # As Google Takeout adds them.
    asked = photos.FilePhotos([str(folder)])
    assert len(asked) == 8
    assert embedding.write(network, asked, "fc8", str(tmp_path / "p")).shape == (4, 5)
    (folder / "4.jpg").write_bytes(train[4].encoded)
    with pytest.raises(DataError, match="more than 4 photos"):
        embedding.write(network, photos.FilePhotos([str(folder)]), "fc8", str(tmp_path / "q"))
    assert not (tmp_path / "q").exists()


def test_files_that_are_of_no_embedding_are_not_replaced(written, tmp_path):
    embedding.check_folder(written, "fc7")
    embedding.check_folder(str(tmp_path), "fc7")
    (tmp_path / "metadata.tsv").write_text("mine")
    with pytest.raises(UsageError, match="metadata.tsv: is of no embedding; move it"):
        embedding.check_folder(str(tmp_path), "fc7")
    os.remove(str(tmp_path / "metadata.tsv"))
    (tmp_path / "projector_config.pbtxt").write_text("")
    os.symlink("elsewhere", str(tmp_path / "fc7.tsv"))
    with pytest.raises(UsageError, match="fc7.tsv: is of no embedding"):
        embedding.check_folder(str(tmp_path), "fc7")


def test_an_embedding_that_is_made_again_adds_no_events(network, train, tmp_path):
    (tmp_path / "events.out.tfevents.0000000001.before").write_bytes(b"")
    embedding.write(network, train[:2], "fc7", str(tmp_path))
    names = [name for name in os.listdir(str(tmp_path)) if "tfevents" in name]
    assert names == ["events.out.tfevents.0000000001.before"]
