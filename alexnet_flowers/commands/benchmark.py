"""Measures the speed, each figure side by side with what it replaces, in one run.

    python scripts/benchmark.py --quick
    python scripts/benchmark.py --torch_python path/to/python --json benchmark.json

Leave the machine alone meanwhile.
"""

import os
import statistics
import sys
import tempfile

from absl import flags

from alexnet_flowers import devices, json_file
from alexnet_flowers.benchmark import rows
from alexnet_flowers.commands import outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import conversion
from alexnet_flowers.data.sources import drawn_flowers, photo_source

FLAGS = flags.FLAGS

with group("Photos"):
    flags.DEFINE_string(
        "dataset_dir", None, "Train on the converted photos in this folder. Default: drawn photos."
    )
    flags.DEFINE_string(
        "archive", None, "Measure the conversion of this archive. Default: one of drawn photos."
    )
with group("Run"):
    flags.DEFINE_boolean(
        "quick", False, "Measure for a few minutes only: fewer rounds, a smaller archive."
    )
    flags.DEFINE_integer(
        "memory_steps",
        None,
        "Measure the memory of a training over so many steps. Default: 200, with --quick 20.",
    )
    flags.DEFINE_string(
        "torch_python", sys.executable, "Compare with PyTorch as this Python program has it."
    )
    flags.DEFINE_multi_string(
        "other_python",
        [],
        "Compare with the TensorFlow of this Python program: today's, or intel-tensorflow 1.15. "
        "The flag can be repeated.",
    )
with group("Output"):
    flags.DEFINE_string("json", None, "Write the figures to this JSON file, too.")


def main():
    read = [path for path in (FLAGS.archive, FLAGS.dataset_dir) if path]
    outputs.check(FLAGS.json, inputs=read)
    with tempfile.TemporaryDirectory() as folder:
        return _measure(folder)


def _measure(folder):
    quick = FLAGS.quick
    # The processes that are measured run in the checkout.
    archive, dataset_dir = (
        path and os.path.abspath(path) for path in (FLAGS.archive, FLAGS.dataset_dir)
    )
    if archive is None:
        archive = os.path.join(folder, "sample.tar")
        drawn_flowers.write_archive(archive, 120 if quick else 734)
    if dataset_dir is None:
        dataset_dir = os.path.join(folder, "flowers")
        conversion.convert(dataset_dir, photo_source.choose(archive), report=lambda line: None)

    print(rows.machine(), flush=True)
    print(
        "\n| what | against | ours | rival | ratio |\n| --- | --- | --- | --- | --- |", flush=True
    )
    measured = []

    def show(row):
        if row is None:  # There is nothing of the kind here.
            return
        measured.append(row)
        print(
            "| %s | %s | %s | %s | %s |"
            % (
                row.what,
                row.against,
                _figure(row.ours, row.unit),
                _figure(row.rival, row.unit) if row.rival else "not measured",
                "%.2f" % row.ratio if row.ratio else "-",
            ),
            flush=True,
        )

    real, reference_peak_mb = rows.training_step_real(dataset_dir, 2 if quick else 5)
    show(real)
    show(rows.training_step_torch(FLAGS.torch_python, 3 if quick else 10))
    show(rows.training_step_floor(3 if quick else 10))
    show(rows.input_pipeline(dataset_dir, 5 if quick else 20))
    for python in FLAGS.other_python:
        for row in rows.other_tensorflow(python, FLAGS.torch_python, 3 if quick else 10):
            show(row)
        show(rows.input_pipeline(dataset_dir, 5 if quick else 20, python))
    if devices.resolve("auto") == "gpu":
        print("| %s | | | | |" % devices.describe_cards(), flush=True)
        for row in rows.gpu_steps(dataset_dir, 3 if quick else 10):
            show(row)
        for row in rows.gpu_steps_torch(FLAGS.torch_python, 3 if quick else 10):
            show(row)
        show(rows.gpu_input(dataset_dir, 5 if quick else 20))
    show(rows.conversion(archive, 2 if quick else 5))
    memory_steps = FLAGS.memory_steps or (20 if quick else 200)
    memory, start_up, growth_mb = rows.memory_and_start(
        dataset_dir, memory_steps, reference_peak_mb
    )
    show(memory)
    show(start_up)
    print("\nResident size, second half of the run over the first: %+.0f MB" % growth_mb)

    methods = rows.input_methods(dataset_dir, 3 if quick else 10)
    _print_rates("The same preprocessing by", methods)
    threads = rows.input_threads(dataset_dir, 1 if quick else 5)
    _print_rates("Queues with", threads)
    content = {
        "machine": rows.machine(),
        "rows": [_plain(row) for row in measured],
        "memory_growth_mb": growth_mb,
        "input_methods": methods,
        "input_threads": threads,
    }
    outputs.write(FLAGS.json, json_file.write, content)


def _figure(values, unit):
    digits = 0 if unit in ("MB", "images/s") else 2
    text = "%.*f %s" % (digits, statistics.median(values), unit)
    if len(values) > 1:
        text += " (%.*f-%.*f)" % (digits, min(values), digits, max(values))
    return text


def _print_rates(title, rates):
    print("\n| %s | images/s |\n| --- | --- |" % title)
    for name, rate in rates.items():
        print("| %s | %.0f |" % (name, rate), flush=True)


def _plain(row):
    """Returns a row for JSON: the medians, and each side's extremes."""
    plain = dict(row._asdict(), ratio=row.ratio)
    for side in ("ours", "rival"):
        values = plain[side]
        plain[side] = statistics.median(values) if values else None
        plain[side + "_range"] = [min(values), max(values)] if values else None
    return plain
