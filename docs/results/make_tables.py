"""Writes the tables of docs/results.md from the files beside this one; ``make results`` runs it.

``<run>.json`` has what is known of a run: command, commit, machine, wall time, seed, and its
evaluations by curve, each as ``evaluate.py --json`` writes it or the part of it that was kept. What
was not recorded is not there. ``demo.csv`` has the demo's runs, all other ``*.csv`` are what runs
wrote at each step.
"""

import csv
import json
import os
import re
import string

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(os.path.dirname(FOLDER), "results.md")
REPORTED = os.path.join(os.path.dirname(FOLDER), "reported_by_the_study_group.csv")

_OF_BOTH = (
    ("accuracy: training", "{train[accuracy]:.3f}"),
    ("validation", "{validation[accuracy]:.3f}"),
    ("recall@2: training", "{train[recall_at_2]:.3f}"),
    ("validation", "{validation[recall_at_2]:.3f}"),
    ("cross entropy: training", "{train[cross_entropy]:.3f}"),
    ("validation", "{validation[cross_entropy]:.3f}"),
    ("commit", "{commit}"),
)
_OF_CHOICE = (
    ("accuracy: those 350", "{test[accuracy]:.3f}"),
    ("recall@2", "{test[recall_at_2]:.3f}"),
    ("cross entropy", "{test[cross_entropy]:.3f}"),
)
_OF_CHOICE_MIRRORED = ("accuracy, 259 px and mirrored", "{test_259px_mirrored[accuracy]:.3f}")
_LENGTH = (("steps", "{steps}"), ("epochs", "{epochs}"))
_ADAM = ["adam_default_%d" % seed for seed in (1, 2, 3, 4, 5)]
_ADAM_LONGER = ["adam_1300_%d" % seed for seed in (1, 2, 3)]
_ADAM_LONGEST = "adam_5000_1"
# Of each table the runs, and of each column its title and what it shows of a run.
_TABLES = {
    "gpu": (
        ["study_1", "study_2", "gpu_momentum_270", "gpu_momentum_270_mirrored"],
        (("run", "{label}"), ("card", "{card}"), *_LENGTH, ("wall time", "{wall_time}"), *_OF_BOTH),
    ),
    "study group": (
        ["sgd", *_ADAM, "adam_arg_scope_1", "adam_warmup_1", "adam_epsilon_1"]
        + ["adam_rate_1e-4_1", "adam_rate_1e-4_2"],
        (("run", "`{run}`"), *_LENGTH, ("wall time, one core", "{wall_time}"), *_OF_BOTH),
    ),
    "adam, longer": (
        [*_ADAM_LONGER, _ADAM_LONGEST],
        (("run", "`{run}`"), *_LENGTH, ("wall time, two cores", "{wall_time}"), *_OF_BOTH),
    ),
    "muon": (
        ["best_1", "best_2", "best_3"]
        + ["best_45_1", "best_45_2", "best_45_3", "fast_1", "fast_2", "fast_3"],
        (
            ("run", "{label}"),
            *_LENGTH,
            ("wall time", "{wall_time}"),
            ("accuracy: training", "{train[accuracy]:.3f}"),
            ("validation", "{validation[accuracy]:.3f}"),
            ("recall@2", "{validation[recall_at_2]:.3f}"),
            ("cross entropy", "{validation[cross_entropy]:.3f}"),
            ("accuracy, 259 px and mirrored", "{validation_259px_mirrored[accuracy]:.3f}"),
            ("recall@2", "{validation_259px_mirrored[recall_at_2]:.3f}"),
            ("cross entropy", "{validation_259px_mirrored[cross_entropy]:.3f}"),
            ("commit", "{commit}"),
        ),
    ),
    "momentum": (
        ["momentum_270", "momentum_270_mirrored", "momentum_90", "momentum_90_mirrored"]
        + ["momentum_120", "momentum_120_mirrored", "momentum_60", "momentum_60_mirrored"],
        (("run", "{label}"), *_LENGTH, ("wall time, two cores", "{wall_time}"), *_OF_BOTH),
    ),
    "paper": (
        ["paper"],
        (("run", "{label}"), *_LENGTH, ("wall time, two cores", "{wall_time}"), *_OF_BOTH),
    ),
    "choice, first": (
        ["choice_plain_250", "choice_plain_500", "choice_plain_1000"]
        + ["choice_plain_arg_scope", "choice_cosine"],
        (("run", "{label}"), *_LENGTH, *_OF_CHOICE, ("commit", "{commit}")),
    ),
    "choice, longer": (
        ["choice_56", "choice_56_larger", "choice_112_larger", "choice_112_decay"],
        (
            ("run", "`{run}`"),
            ("batch, rate", "{batch_and_rate}"),
            ("least area of a crop", "{min_crop_area}"),
            ("weight decay", "{weight_decay}"),
            *_OF_CHOICE,
            _OF_CHOICE_MIRRORED,
            ("commit", "{commit}"),
        ),
    ),
    "choice, adam": (
        ["choice_momentum", "choice_adam"],
        (
            ("run", "{label}"),
            *_LENGTH,
            ("cross entropy: batches 201 to 300", "{training_batches[steps_201_to_300]:.3f}"),
            ("batches 432 to 531", "{training_batches[steps_432_to_531]:.3f}"),
            *_OF_CHOICE,
            _OF_CHOICE_MIRRORED,
            ("commit", "{commit}"),
        ),
    ),
    "choice, muon": (
        ["choice_muon_12", "choice_muon_20", "choice_muon_20_decay_0.1", "choice_muon_20_sizes"]
        + ["choice_muon_45", "choice_muon_45_mixed", "choice_muon_45_randaug"]
        + ["choice_muon_45_decay_0.2", "choice_muon_45_decay_0.5", "choice_muon_45_decay_1"]
        + ["choice_muon_45_decay_randaug", "choice_muon_45_decay_0.5_erasing"]
        + ["choice_muon_45_larger", "choice_muon_90_decay_0.5"],
        (
            ("run", "{label}"),
            *_LENGTH,
            ("cross entropy: batches 201 to 300", "{training_batches[steps_201_to_300]:.3f}"),
            ("batches 432 to 531", "{training_batches[steps_432_to_531]:.3f}"),
            *_OF_CHOICE,
            _OF_CHOICE_MIRRORED,
            ("cross entropy", "{test_259px_mirrored[cross_entropy]:.3f}"),
        ),
    ),
    "choice, mixing": (
        ["choice_130", "choice_130_mixed"],
        (
            ("run", "{label}"),
            *_LENGTH,
            ("wall time, one core", "{wall_time}"),
            ("accuracy: training", "{train[accuracy]:.3f}"),
            *_OF_CHOICE,
            _OF_CHOICE_MIRRORED,
            ("commit", "{commit}"),
        ),
    ),
}


class _Cell(string.Formatter):
    """What is not known of a run is an empty cell."""

    def get_field(self, field_name, args, kwargs):
        try:
            return super().get_field(field_name, args, kwargs)
        except KeyError:
            return "", field_name

    def format_field(self, value, format_spec):
        return super().format_field(value, "" if value == "" else format_spec)


def table_of_runs(name):
    """Returns the lines of a table of runs."""
    runs, columns = _TABLES[name]
    rows = [[title for title, _ in columns]]
    for run in runs:
        known = _known(run)
        known.update(known.pop("evaluations"))
        rows.append([_Cell().format(cell, **known) for _, cell in columns])
    return _lines(rows)


def table_beside_the_group():
    """Returns the lines of what the group reported, and our means of the same thousand steps."""
    reported = {
        (line["tag"].rsplit("/")[-1], int(line["step"])): line["value"] for line in _read(REPORTED)
    }
    seed_1, seed_2 = _columns("study_1_training"), _columns("study_2_training")
    rows = [["of the training batches", "the group", "seed 1", "seed 2"]]
    for (kind, step), value in sorted(reported.items(), key=lambda one: one[0][1]):
        if step == 1:
            continue  # Guessing: there is no mean of steps before.
        end = -(-step // 1000) * 1000
        # The loss is the cross entropy: there was no weight decay. Recall@2 is not on the console.
        of_seed_1 = seed_1.get({"cross_entropy": "loss"}.get(kind, kind))
        ours = "" if of_seed_1 is None else "%.2f" % of_seed_1[seed_1["step"] == end].item()
        title = "%s, step %d" % (kind.replace("_at_", "@").replace("_", " "), step)
        rows.append([title, value, ours, "%.2f" % _mean(seed_2, kind, end - 1000, end)])
    return _lines(rows)


def table_of_the_whole_run():
    """Returns the lines of the means of each part of the run with seed 2."""
    training, validation = _columns("study_2_training"), _columns("study_2_validation")
    kinds = ("cross_entropy", "accuracy", "recall_at_2")
    titles = ("cross entropy", "accuracy", "recall@2")
    rows = [["steps", *["%s: %s" % (t, p) for t in titles for p in ("training", "validation")]]]
    edges = [*range(0, 40000, 5000), 41500]
    for start, end in zip(edges, edges[1:]):
        means = [_mean(part, kind, start, end) for kind in kinds for part in (training, validation)]
        rows.append(["%d to %d" % (start + 1, end)] + ["%.3f" % mean for mean in means])
    return _lines(rows)


# Runs whose validation photos were evaluated again and again, in <run>_validation.csv.
_EVALUATED = ["study_2", "best_1", "best_45_1", "fast_1", "momentum_120", "momentum_60", "paper"]


def table_of_time_to_accuracy():
    """Returns the lines of when an evaluation first reached 0.80 and 0.86, and of the best one."""
    rows = [["run", "card", "to 0.80", "to 0.86", "to the best"]]
    for name in _EVALUATED:
        known, curve = _known(name), _columns(name + "_validation")
        # Steps of a run take the same time; what came between them is spread over all.
        minutes = curve["step"] * _minutes(known["wall_time"]) / known["steps"]
        cells = [known["label"], known["card"]]
        for wanted in (0.80, 0.86, curve["accuracy"].max()):
            first = np.argmax(curve["accuracy"] >= wanted)
            is_there = curve["accuracy"][first] >= wanted
            cell = "%.1f min (step %d)" % (minutes[first], curve["step"][first])
            cells.append(cell if is_there else "never")
        cells[-1] = "%.3f: %s" % (curve["accuracy"].max(), cells[-1])
        rows.append(cells)
    return _lines(rows)


def table_of_adam_by_step():
    """Returns the lines of the validation photos' accuracy by step, of each longer run of Adam."""
    curves = {name: _columns(name + "_validation") for name in _ADAM_LONGER}
    steps = ["step %d" % step for step in curves[_ADAM_LONGER[0]]["step"]]
    rows = [["accuracy, validation", *steps]]
    for name, curve in curves.items():
        rows.append(["`%s`" % name] + ["%.3f" % accuracy for accuracy in curve["accuracy"]])
    return _lines(rows)


def table_of_adam_beside_gradient_descent():
    """Returns the lines of the validation photos' figures of both by step, as far as Adam went."""
    curves = {"Adam": _columns(_ADAM_LONGEST + "_validation")}
    curves["gradient descent"] = _columns("study_2_validation")
    steps = [int(step) for step in curves["Adam"]["step"]]
    rows = [["validation photos", *("step %d" % step for step in steps)]]
    for title, kind in ("accuracy", "accuracy"), ("cross entropy", "cross_entropy"):
        for name, curve in curves.items():
            of_steps = dict(zip(curve["step"].astype(int), curve[kind]))
            rows.append(["%s, %s" % (title, name)] + ["%.3f" % of_steps[step] for step in steps])
    return _lines(rows)


def table_of_folds():
    """Returns the lines of each fold's evaluation, and of all photos, each in one of the folds."""
    kinds = ("accuracy", "recall_at_2", "cross_entropy")
    titles = ("accuracy", "recall@2", "cross entropy")
    rows = [["fold", "photos", *titles, "accuracy, 259 px and mirrored", *titles[1:]]]
    folds, sums, num_all = ["fold_%d" % k for k in (1, 2, 3, 4, 5)], np.zeros(6), 0
    for name in folds:
        found = _known(name)["evaluations"]
        views = found["validation"], found["validation_259px_mirrored"]
        figures = np.array([view[kind] for view in views for kind in kinds])
        num_photos = views[0]["num_images"]
        rows.append([name[-1], str(num_photos), *["%.3f" % one for one in figures]])
        sums, num_all = sums + figures * num_photos, num_all + num_photos
    rows.append(["all", str(num_all), *["%.3f" % one for one in sums / num_all]])
    return _lines(rows)


def table_of_views():
    """Returns the lines of one network's evaluations by the size of the view."""
    found = _known("choice_muon_45_decay_0.5")["evaluations"]
    rows = [["view", "accuracy", "cross entropy", "accuracy, mirrored, too", "cross entropy"]]
    for size in (195, 211, 224, 227, 243, 259, 291, 323):
        plain = found["test" if size == 195 else "test_%dpx" % size]  # 195: of its training.
        views = plain, found["test_%dpx_mirrored" % size]
        figures = [view[kind] for view in views for kind in ("accuracy", "cross_entropy")]
        rows.append(["%d px" % size, *["%.3f" % one for one in figures]])
    return _lines(rows)


def table_of_demos():
    """Returns the lines of the demo's runs with other seeds, of each TensorFlow."""
    lines = _read(os.path.join(FOLDER, "demo.csv"))
    rows = [["TensorFlow", "seeds", "validation accuracy: lowest", "median", "highest"]]
    for version in sorted({line["tensorflow"] for line in lines}):
        found = [float(line["accuracy"]) for line in lines if line["tensorflow"] == version]
        shown = (min(found), np.median(found), max(found))
        rows.append([version, str(len(found)), *["%.3f" % one for one in shown]])
    return _lines(rows)


def _minutes(text):
    """Returns the minutes of e.g. ``1 h 42 min, one core*``, whatever stands behind the time."""
    found = re.findall(r"([\d.]+) (h|min)", text)
    return sum(float(number) * {"h": 60, "min": 1}[unit] for number, unit in found)


def _known(run):
    """Returns what ``<run>.json`` holds."""
    with open(os.path.join(FOLDER, run + ".json"), encoding="utf-8") as file:
        return json.load(file)


def _read(path):
    """Returns the lines of a CSV file, each a dict."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _columns(name):
    """Returns the columns of a CSV file of numbers, by their titles."""
    lines = _read(os.path.join(FOLDER, name + ".csv"))
    return {title: np.array([float(line[title]) for line in lines]) for title in lines[0]}


def _mean(columns, title, start, end):
    within = (columns["step"] > start) & (columns["step"] <= end)
    return columns[title][within].mean()


def _lines(rows):
    lines = ["| %s |" % " | ".join(row) for row in rows]
    return [lines[0], "| %s |" % " | ".join(["---"] * len(rows[0])), *lines[1:]]


def rebuilt(page):
    """Returns a page's text with every table that a comment names made anew."""
    made = {name: lambda name=name: table_of_runs(name) for name in _TABLES}
    made["beside the group"] = table_beside_the_group
    made["whole run"] = table_of_the_whole_run
    made["adam by step"] = table_of_adam_by_step
    made["adam beside gradient descent"] = table_of_adam_beside_gradient_descent
    made["demo"] = table_of_demos
    made["folds"] = table_of_folds
    made["views"] = table_of_views
    made["time to accuracy"] = table_of_time_to_accuracy
    lines, is_old = [], False
    for line in page.splitlines():
        is_old = is_old and line.startswith("|")
        if is_old:
            continue
        lines.append(line)
        if line.startswith("<!-- table: "):
            lines += made[line[len("<!-- table: ") : -len(" -->")]]()
            is_old = True
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(PAGE, encoding="utf-8") as file:
        made = rebuilt(file.read())
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(made)
