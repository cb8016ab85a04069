"""A result of ``evaluator.Evaluator`` for people and for spreadsheets."""

from alexnet_flowers import spreadsheet
from alexnet_flowers.evaluation import metrics

# Of more classes a confusion matrix is not readable, nor is a line for each.
MAX_CLASSES_OF_MATRIX = 30
NUM_LISTED = 15
# Longer names are cut, so that a line of many classes stays one line.
_MAX_NAME_LENGTH = 40


def table(result):
    """Returns a result of ``evaluator.Evaluator.evaluate`` as lines of text.

    Of up to ``MAX_CLASSES_OF_MATRIX`` classes all figures are in it; of more, the ``NUM_LISTED``
    worst classes and commonest confusions.
    """
    few = len(result["per_class"]) <= MAX_CLASSES_OF_MATRIX
    lines = _all_classes(result) if few else _worst_classes(result) + _confusions(result)
    return "\n".join(lines + [line(result)])


def line(result):
    """Returns a result's overall figures as a line of text."""
    return (
        "%(curve)s, %(num_images)d photos, step %(global_step)d: accuracy %(accuracy).4f, "
        "recall@2 %(recall_at_2).4f, cross entropy %(cross_entropy).4f" % result
    )


def write_csv(path, result):
    """Writes a line for each class: its figures, and how often it was taken for each class.

    It takes a path and what ``table`` takes; see ``spreadsheet.write``.
    """
    columns = ["num_images", "precision", "recall"]
    names = list(result["per_class"])
    rows = [["class"] + columns + ["predicted as " + name for name in names]]
    for name, counts in zip(names, result["confusion_matrix"]):
        rows.append([name] + [result["per_class"][name][one] for one in columns] + counts)
    spreadsheet.write(path, rows)


def _all_classes(result):
    header, lines = _class_lines(list(result["per_class"]), result)
    names = list(map(_short, result["per_class"]))
    cell = max(9, max(map(len, names)) + 1)
    cells = ["".join("%*d" % (cell, one) for one in row) for row in result["confusion_matrix"]]
    over_cells = "".join("%*s" % (cell, name) for name in names)
    return [header + "predicted as", " " * len(header) + over_cells] + [
        line + row for line, row in zip(lines, cells)
    ]


def _worst_classes(result):
    per_class = result["per_class"]
    worst = metrics.worst_classes(per_class, NUM_LISTED)
    header, lines = _class_lines(worst, result)
    without = sum(one["num_images"] == 0 for one in per_class.values())
    title = "%d classes, of which these have the worst recall" % len(per_class)
    if without:
        title += " (%d are without photos)" % without
    return [title + "; --json and --csv write all", header.rstrip()] + [
        line.rstrip() for line in lines
    ]


def _confusions(result):
    names = list(result["per_class"])
    found = metrics.commonest_confusions(result["confusion_matrix"], NUM_LISTED)
    if not found:
        return []
    width = max(len(_short(names[true])) for true, _, _ in found)
    return ["the commonest confusions"] + [
        "%6d  %-*s  taken for  %s" % (count, width, _short(names[true]), _short(names[predicted]))
        for true, predicted, count in found
    ]


def _class_lines(names, result):
    """Returns the header, and of each class the line of its figures; all of the same length."""
    width = max([len(_short(name)) for name in names] + [len("class")])
    row = "%%-%ds %%6s %%9s %%7s   " % width
    lines = []
    for name in names:
        one = result["per_class"][name]
        shares = _share(one["precision"]), _share(one["recall"])
        lines.append(row % ((_short(name), one["num_images"]) + shares))
    return row % ("class", "photos", "precision", "recall"), lines


def _short(name):
    is_long = len(name) > _MAX_NAME_LENGTH
    return name[: _MAX_NAME_LENGTH - 3] + "..." if is_long else name


def _share(value):
    return "-" if value is None else "%.3f" % value
