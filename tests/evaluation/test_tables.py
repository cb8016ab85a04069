"""What people read of a result: everything of few classes, the worst of many."""

import csv

import numpy as np

from alexnet_flowers.evaluation import metrics, tables


def result_of(confusion, names):
    confusion = np.array(confusion)
    return {
        "curve": "validation",
        "num_images": int(confusion.sum()),
        "global_step": 7,
        "accuracy": metrics.accuracy(confusion),
        "recall_at_2": 0.5,
        "cross_entropy": 1.25,
        "per_class": metrics.per_class(confusion, names),
        "confusion_matrix": confusion.tolist(),
    }


def of_a_thousand():
    """9 of 10 photos right; class 500 taken for 501 seven times, class 999 without photos."""
    confusion = np.eye(1000, dtype=int) * 9
    confusion[np.arange(1000), (np.arange(1000) + 3) % 1000] = 1
    confusion[500] = 0
    confusion[500, 500], confusion[500, 501] = 3, 7
    confusion[999] = 0
    return result_of(confusion, ["class %03d %s" % (label, "long" * 60) for label in range(1000)])


def test_few_classes_have_their_matrix():
    lines = tables.table(result_of([[3, 1], [0, 0]], ["daisy", "tulips"])).splitlines()
    assert lines == [
        "class  photos precision  recall   predicted as",
        "                                      daisy   tulips",
        "daisy       4     1.000   0.750           3        1",
        "tulips      0     0.000       -           0        0",
        "validation, 4 photos, step 7: accuracy 0.7500, recall@2 0.5000, cross entropy 1.2500",
    ]


def test_of_many_classes_the_worst_and_the_commonest_confusions_are_shown():
    lines = tables.table(of_a_thousand()).splitlines()
    assert len(lines) == 3 + 2 * tables.NUM_LISTED + 1 and max(map(len, lines)) <= 120
    assert lines[0].startswith("1000 classes, of which these have the worst recall (1 are without")
    assert lines[2].startswith("class 500 long") and lines[2].endswith("0.750   0.300")
    worst = lines.index("the commonest confusions") + 1
    assert lines[worst].startswith("     7  class 500 long") and "class 501" in lines[worst]
    assert lines[-1].startswith("validation, 9990 photos, step 7: accuracy 0.89")


def test_a_network_without_a_mistake_has_no_confusions():
    confusion = np.eye(31, dtype=int)
    lines = tables.table(result_of(confusion, list(map(str, range(31))))).splitlines()
    assert len(lines) == 2 + tables.NUM_LISTED + 1


def test_a_csv_file_has_everything(tmp_path):
    result = of_a_thousand()
    path = str(tmp_path / "result.csv")
    tables.write_csv(path, result)
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    names = list(result["per_class"])
    assert header == ["class", "num_images", "precision", "recall"] + [
        "predicted as " + name for name in names
    ]
    assert [row[0] for row in rows] == names
    assert [[int(count) for count in row[4:]] for row in rows] == result["confusion_matrix"]
    result["per_class"] = {
        "=1+1" if name == names[0] else name: one for name, one in result["per_class"].items()
    }
    tables.write_csv(path, result)
    with open(path, newline="") as file:
        assert list(csv.reader(file))[1][0] == "'=1+1"
    assert rows[500][1:4] == ["10", "0.75", "0.3"] and rows[999][1:4] == ["0", "0", ""]


def test_columns_of_long_names_are_cut_as_their_rows_are():
    lines = tables.table(result_of(np.eye(5, dtype=int), ["%d" % i + "x" * 99 for i in range(5)]))
    header, names, *rows, _ = lines.splitlines()
    assert [row.split()[0] for row in rows] == names.split()
    assert all(len(name) == 40 and name.endswith("...") for name in names.split())
