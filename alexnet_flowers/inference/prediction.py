"""Predictions: the probabilities of the classes for photos, as tables, files and contact sheets."""

from typing import NamedTuple, Optional

import numpy as np
from tqdm import tqdm

from alexnet_flowers import escapes, spreadsheet
from alexnet_flowers.data import photos
from alexnet_flowers.evaluation import metrics
from alexnet_flowers.inference import grad_cam
from alexnet_flowers.input import preprocessing
from alexnet_flowers.pictures import cards, heat_maps

# Each takes about 200 kB on the sheet.
MAX_CARDS = 1000


class Prediction(NamedTuple):
    """The network's answer to a photo.

    Attributes:
      photo: the photo.
      probabilities: float32 [classes], the softmax.
      explanation: a ``grad_cam.Explanation``, None where none was asked for.
      log_probabilities: float32 [classes], their logarithms, also of those that are 0 in float32.
    """

    photo: photos.Photo
    probabilities: np.ndarray
    explanation: Optional[grad_cam.Explanation] = None
    log_probabilities: Optional[np.ndarray] = None


def predict(network, asked, for_sheet=False, cam=None):
    """Asks a network about photos; returns a list of ``Prediction`` in the same order.

    Args:
      network: a ``trained_network.TrainedNetwork``.
      asked: ``photos.Photo``, a list or a ``photos.FilePhotos``.
      for_sheet: keep of each photo what ``contact_sheet`` draws; otherwise ``encoded`` is None.
      cam: a ``grad_cam.GradCam`` that explains the answers, or None.

    Raises:
      DataError: there is no photo that can be used; or see ``TrainedNetwork.ask``.
    """
    predictions = []
    fetches = dict(
        cam.fetches if cam else {},
        probabilities=network.probabilities,
        log_probabilities=network.log_probabilities,
    )
    for batch, answers in network.ask(asked, fetches, "predicting"):
        explained = cam.explanations(answers) if cam else [None] * len(batch)
        rows = zip(answers["probabilities"], answers["log_probabilities"])
        for photo, (row, logarithms), explanation in zip(batch, rows, explained):
            kept = photo._replace(encoded=None)
            if for_sheet:
                kept = photos.reduced(photo, cards.PHOTO_PX)
            predictions.append(Prediction(kept, row, explanation, logarithms))
    if not predictions:
        raise photos.nothing_usable(asked)
    return predictions


def best_classes(prediction, count):
    """Returns the ids of the ``count`` likeliest classes, the likeliest first."""
    return np.argsort(-prediction.probabilities, kind="stable")[:count]


def is_wrong(prediction):
    """Says whether the true class is known and is not the likeliest."""
    label = prediction.photo.label
    return label is not None and best_classes(prediction, 1)[0] != label


def worst_mistakes(predictions, count):
    """Returns at most ``count`` of the wrong answers, those with the highest probability first."""
    wrong = [one for one in predictions if is_wrong(one)]
    return sorted(wrong, key=lambda one: -one.probabilities.max())[:count]


def most_confident(predictions, class_id, count):
    """Returns at most ``count`` of the right answers of a class, the most confident first."""
    right = [one for one in predictions if one.photo.label == class_id and not is_wrong(one)]
    return sorted(right, key=lambda one: -one.probabilities.max())[:count]


def figures(predictions, class_names):
    """Returns ``metrics.figures`` of answers to photos of known classes."""
    # A probability too small for float32 is 0, like others that it is larger than.
    logarithms = np.stack([one.log_probabilities for one in predictions])
    labels = np.array([one.photo.label for one in predictions])
    return metrics.figures(logarithms, labels, class_names)


def table(predictions, class_names, num_best=3):
    """Returns predictions as lines of text: the photo, its class, the likeliest classes."""
    # A name must not look like lines of the table, nor shift its row.
    names = [escapes.printable(one.photo.name) for one in predictions]
    name_width = max(map(len, ["photo"] + names))
    class_width = max([len("is")] + [len(name) for name in class_names])
    row = "%%-%ds  %%-%ds  " % (name_width, class_width)
    lines = [row % ("photo", "is") + "predicted"]
    for name, one in zip(names, predictions):
        answers = [
            "%-*s %.3f" % (class_width, class_names[k], one.probabilities[k])
            for k in best_classes(one, num_best)
        ]
        answers += ["wrong"] if is_wrong(one) else []
        lines.append(row % (name, _true_class(one, class_names) or "") + "   ".join(answers))
    return "\n".join(lines + _right(predictions))


def summary(predictions, split_name=None):
    """Returns what predictions are in a line: of which split, and how many are right."""
    of = "predictions" + (" of " + split_name if split_name else "")
    return ", ".join([of] + _right(predictions))


def _right(predictions):
    """Returns how many predictions are right, in a list of one text; where none can be, of none."""
    known = [one for one in predictions if one.photo.label is not None]
    if len(known) < 2:
        return []
    num_right = sum(not is_wrong(one) for one in known)
    return ["%d of %d right (%.4f)" % (num_right, len(known), num_right / len(known))]


def as_rows(predictions, class_names):
    """Returns a dict for each prediction, which JSON can hold.

    ``photo``, ``true_class`` (or None), ``predicted`` and, by class, the ``probabilities``.
    """
    return [
        {
            "photo": one.photo.name,
            "true_class": _true_class(one, class_names),
            "predicted": class_names[best_classes(one, 1)[0]],
            "probabilities": dict(zip(class_names, one.probabilities.tolist())),
        }
        for one in predictions
    ]


def write_csv(path, rows):
    """Writes a line for each of ``as_rows``: photo, true class, predicted class, each probability.

    See ``spreadsheet.write``.
    """
    columns = ["photo", "true_class", "predicted"]
    lines = [columns + list(rows[0]["probabilities"])]
    for row in rows:
        lines.append([row[name] for name in columns] + list(row["probabilities"].values()))
    spreadsheet.write(path, lines)


def contact_sheet(predictions, class_names, num_columns=None):
    """Returns a Pillow image of at most ``MAX_CARDS`` cards; wrong ones come first and are marked.

    Where there is an explanation, the card has it beside the photo. ``num_columns`` is as of
    ``cards.sheet``.
    """
    ordered = sorted(predictions, key=lambda one: not is_wrong(one))[:MAX_CARDS]
    shown = tqdm(ordered, desc="drawing", unit="photo", delay=1, disable=None)
    return cards.sheet([_card(one, class_names) for one in shown], num_columns)


def _card(one, class_names):
    image = photos.open_image(one.photo)
    beside = caption = None
    if one.explanation is not None:
        label, heat = one.explanation
        beside = heat_maps.over_photo(image, heat, preprocessing.CENTRAL_FRACTION)
        caption = "Grad-CAM for %s" if heat.any() else "Grad-CAM: nothing for %s"
        caption %= class_names[label]
    return cards.card(
        image, one.probabilities, class_names, one.photo.label, beside=beside, caption=caption
    )


def _true_class(prediction, class_names):
    """Returns the name of a photo's class; None where it is not known."""
    label = prediction.photo.label
    return None if label is None else class_names[label]
