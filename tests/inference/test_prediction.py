"""Tables, files and sheets say what the network answered."""

import csv

import numpy as np
import photo_archives
import pytest

from alexnet_flowers.data import photos
from alexnet_flowers.evaluation import evaluator
from alexnet_flowers.inference import prediction, trained_network
from alexnet_flowers.pictures import cards, colors

NAMES = ["daisy", "roses", "tulips"]


@pytest.fixture
def predictions():
    rows = [[0.7, 0.2, 0.1], [0.1, 0.25, 0.65], [0.3, 0.3, 0.4]]
    labels = [0, 1, None]
    return [
        prediction.Prediction(
            photos.Photo("p%d.jpg" % number, photo_archives.draw("roses", number), label),
            np.array(row, np.float32),
        )
        for number, (row, label) in enumerate(zip(rows, labels))
    ]


def test_a_batch_at_a_time_is_in_memory(network, monkeypatch):
    monkeypatch.setattr(trained_network, "BATCH_SIZE", 4)
    encoded, freed, alive = photo_archives.draw("roses", 1), [], []

    class Counted(bytes):
        def __del__(self):
            freed.append(1)

    def asked():
        for number in range(30):
            photo = photos.Photo("%d.jpg" % number, Counted(encoded), None)
            alive.append(number + 1 - len(freed))
            yield photo

    class Asked:
        __len__ = staticmethod(lambda: 30)
        __iter__ = staticmethod(asked)

    found = prediction.predict(network, Asked())
    assert [one.photo.name for one in found] == ["%d.jpg" % number for number in range(30)]
    assert max(alive) <= 9


def test_the_sheet_of_very_many_shows_the_wrong_ones(predictions, monkeypatch):
    monkeypatch.setattr(prediction, "MAX_CARDS", 1)
    sheet = prediction.contact_sheet(predictions, NAMES)
    assert sheet.getpixel((0, 0)) == tuple(bytes.fromhex(colors.WRONG[1:]))
    assert (
        sheet.width
        == cards.card(
            photos.open_image(predictions[1].photo), predictions[1].probabilities, NAMES, 1
        ).width
    )


def test_the_table(predictions):
    assert prediction.table(predictions, NAMES, 2).split("\n") == [
        "photo   is      predicted",
        "p0.jpg  daisy   daisy  0.700   roses  0.200",
        "p1.jpg  roses   tulips 0.650   roses  0.250   wrong",
        "p2.jpg          tulips 0.400   daisy  0.300",
        "1 of 2 right (0.5000)",
    ]


def test_a_name_of_two_lines_is_one_line_of_the_table(predictions):
    named = predictions[0]._replace(photo=predictions[0].photo._replace(name="a\n9 of 9 right"))
    assert prediction.table([named], NAMES, 1).split("\n")[1].startswith("a\\n9 of 9 right")


def test_more_classes_than_there_are(predictions):
    assert prediction.table(predictions[:1], NAMES, 9).count(" 0.") == 3


def test_csv_and_json_have_every_probability(predictions, tmp_path):
    path = str(tmp_path / "p.csv")
    prediction.write_csv(path, prediction.as_rows(predictions, NAMES))
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["photo", "true_class", "predicted"] + NAMES
    assert rows[2][:3] == ["p1.jpg", "roses", "tulips"] and rows[3][1] == ""
    found = np.array([[float(value) for value in row[3:]] for row in rows[1:]], np.float32)
    np.testing.assert_array_equal(found, [one.probabilities for one in predictions])
    last = prediction.as_rows(predictions, NAMES)[2]
    assert last["photo"] == "p2.jpg" and last["true_class"] is None
    assert last["probabilities"]["tulips"] == pytest.approx(0.4)


def test_no_name_in_the_csv_is_a_formula(predictions, tmp_path):
    photo = predictions[0].photo._replace(name='=HYPERLINK("http://example.com")')
    path = str(tmp_path / "p.csv")
    named = predictions[0]._replace(photo=photo)
    prediction.write_csv(path, prediction.as_rows([named], ["-1+1", "@a", "b"]))
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][3:] == ["'-1+1", "'@a", "b"]
    assert rows[1][:3] == ["'" + photo.name, "'-1+1", "'-1+1"] and float(rows[1][3]) > 0.69


def test_the_sheet_begins_with_the_wrong_ones_which_are_framed(predictions):
    sheet = prediction.contact_sheet(predictions, NAMES)
    one = cards.card(
        photos.open_image(predictions[1].photo), predictions[1].probabilities, NAMES, 1
    )
    width, height = one.size
    assert sheet.size == (2 * width, 2 * height)
    np.testing.assert_array_equal(np.asarray(sheet.crop((0, 0, width, height))), np.asarray(one))
    wrong = tuple(bytes.fromhex(colors.WRONG[1:]))
    assert sheet.getpixel((0, 0)) == wrong
    assert sheet.getpixel((width, 0)) != wrong  # The second one is right.


def test_the_worst_mistakes_are_the_most_confident(predictions):
    right, wrong, unknown = predictions
    worse = wrong._replace(probabilities=np.array([0.9, 0.1, 0]))
    assert prediction.worst_mistakes([right, wrong, unknown, worse], 5) == [worse, wrong]
    assert prediction.worst_mistakes([right, wrong, unknown, worse], 1) == [worse]
    assert prediction.most_confident([right, wrong, unknown], 0, 2) == [right]


def test_the_figures_are_those_of_an_evaluation(network, tiny_dataset):
    found = prediction.predict(network, photos.from_split(tiny_dataset, "train")[0])
    figures = prediction.figures(found, network.class_names)
    evaluated = evaluator.Evaluator(network.run, tiny_dataset, "train", "cpu").evaluate(
        network.checkpoint_path
    )
    assert figures.pop("cross_entropy") == pytest.approx(evaluated["cross_entropy"], rel=1e-5)
    assert figures == {name: evaluated[name] for name in figures}


def test_what_is_too_unlikely_for_float32_counts_as_in_an_evaluation():
    logarithms = np.array([[0, -100, -110, -120, -130]] * 4, np.float32)
    labels = [0, 2, 3, 4]
    found = [
        prediction.Prediction(photos.Photo("p", b"", label), np.exp(row), None, row)
        for label, row in zip(labels, logarithms)
    ]
    figures = prediction.figures(found, list("abcde"))
    assert figures["recall_at_2"] == 0.25  # Not 1: of classes at 0 none is likelier than another.
    assert figures["cross_entropy"] == pytest.approx(90)
