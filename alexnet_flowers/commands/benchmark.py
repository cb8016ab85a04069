"""Measures the speed, each figure side by side with what it replaces, in one run.

    python scripts/benchmark.py --quick
    python scripts/benchmark.py --torch_python path/to/python --json benchmark.json

Leave the machine alone meanwhile.
"""

import contextlib
import itertools
import os
import shutil
import statistics
import sys
import tarfile
import tempfile
import zlib

from absl import flags

from alexnet_flowers import devices, json_file
from alexnet_flowers.benchmark import gpu_rows, rows
from alexnet_flowers.commands import command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import conversion
from alexnet_flowers.data.sources import drawn_flowers, photo_source
from alexnet_flowers.errors import DataError, UsageError

FLAGS = flags.FLAGS

KINDS = (
    "step", "mixed_precision", "input", "other_tensorflow", "gpu", "conversion", "script"
)  # fmt: skip

with group("Photos"):
    flags.DEFINE_string(
        "dataset_dir",
        None,
        "Train on the converted photos in this folder. Default: those of --archive, or drawn ones.",
    )
    flags.DEFINE_string(
        "archive", None, "Measure the conversion of this archive. Default: one of drawn photos."
    )
with group("Run"):
    flags.DEFINE_boolean(
        "quick", False, "Measure for a few minutes only: fewer rounds, a smaller archive."
    )
    flags.DEFINE_multi_enum(
        "rows",
        None,
        KINDS,
        "Measure only rows of this kind; those of mixed_precision and gpu are there where the CPU "
        "computes bfloat16, and where there is a GPU. The flag can be repeated.",
    )
    flags.DEFINE_integer(
        "memory_steps",
        None,
        "Measure the memory of a training over so many steps. Default: 200, with --quick 20.",
        lower_bound=1,
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
    if "other_tensorflow" in (FLAGS.rows or ()) and not FLAGS.other_python:
        raise UsageError("--rows other_tensorflow: needs --other_python, whose TensorFlow is meant")
    if FLAGS.archive and "conversion" in (FLAGS.rows or KINDS):
        _check_archive(FLAGS.archive)
    pythons = {"torch_python": [FLAGS.torch_python], "other_python": FLAGS.other_python}
    for flag in pythons:
        for python in pythons[flag]:
            if shutil.which(python) is None:
                raise UsageError("--%s %s: is no program" % (flag, python))
    with tempfile.TemporaryDirectory() as folder:
        return _measure(folder)


def _check_archive(path):
    """Raises ``UsageError`` for an archive that the reference's conversion does not take."""
    names = []
    os.stat(path)  # Of what is not there it would be untrue.
    with contextlib.suppress(OSError, EOFError, tarfile.TarError, zlib.error):
        with tarfile.open(path) as tar:  # Its folders may come first.
            names = [os.path.normpath(member.name) for member in itertools.islice(tar, 3)]
    if not any(name.split(os.sep)[0] == "flower_photos" for name in names):
        raise UsageError(
            "--archive %s: the reference's conversion takes a tar archive of flower_photos/<class>/"
            "<photo> only; name one, or measure other --rows" % path
        )


def _measure(folder):
    archive, dataset_dir = FLAGS.archive, FLAGS.dataset_dir
    kinds = set(FLAGS.rows or KINDS)
    # Of mixed_precision all images are synthetic.
    must_convert = dataset_dir is None and kinds - {"mixed_precision", "conversion"}
    if archive is None and (must_convert or "conversion" in kinds):
        archive = os.path.join(folder, "sample.tar")
        drawn_flowers.write_archive(archive, 120 if FLAGS.quick else 734)
    if must_convert:
        dataset_dir = os.path.join(folder, "flowers")
        conversion.convert(dataset_dir, photo_source.choose(archive), report=lambda line: None)

    content = {"machine": rows.machine(), "rows": []}
    print(content["machine"])
    print(
        "\n| what | against | ours | rival | ratio |\n| --- | --- | --- | --- | --- |", flush=True
    )
    rows_of, status = _rows_of(dataset_dir, archive, content), 0
    try:
        for kind in FLAGS.rows or KINDS:
            try:
                for row in rows_of[kind]():
                    content["rows"].append(_plain(row))
                    _print_row(row)
            except DataError as error:  # Such as a rival that crashes: the others are measured.
                command_line.note("rows of %s: %s" % (kind, error))
                status = 1
        if "memory_growth_mb" in content:
            print(
                "\nResident size, second half of the run over the first: %+.0f MB"
                % content["memory_growth_mb"]
            )
        if not FLAGS.rows:
            content["input_methods"] = rows.input_methods(dataset_dir, _rounds(3, 10))
            _print_rates("The same preprocessing by", content["input_methods"])
            content["input_threads"] = rows.input_threads(dataset_dir, _rounds(1, 5))
            _print_rates("Queues with", content["input_threads"])
    finally:  # What was measured before an error is kept.
        outputs.write(FLAGS.json, json_file.write, content)
    return status


def _rounds(quick, full):
    return quick if FLAGS.quick else full


def _rows_of(dataset_dir, archive, content):
    """Returns for each kind a function that measures its rows one by one; fills ``content``."""
    torch_python, of_steps, of_input = FLAGS.torch_python, _rounds(3, 10), _rounds(5, 20)
    reference_peaks_mb = []

    def steps():
        real, peak_mb = rows.training_step_real(dataset_dir, _rounds(2, 5))
        reference_peaks_mb.append(peak_mb)
        yield real
        yield rows.training_step_torch(torch_python, of_steps)
        yield rows.training_step_floor(of_steps)

    def other_tensorflow():
        for python in FLAGS.other_python:
            yield from rows.other_tensorflow(python, torch_python, of_steps)
            yield rows.input_pipeline(dataset_dir, of_input, python)

    def gpu():
        if devices.resolve("auto") == "gpu":
            print("| %s | | | | |" % devices.describe_cards(), flush=True)
            yield from gpu_rows.steps(dataset_dir, torch_python, of_steps)
            yield from gpu_rows.steps_alone(torch_python, of_steps)
            yield gpu_rows.input_alone(dataset_dir, of_input)
            yield from gpu_rows.start_up(dataset_dir)

    def script():
        num_steps = FLAGS.memory_steps or _rounds(20, 200)
        memory, start_up, growth_mb = rows.memory_and_start(
            dataset_dir, num_steps, reference_peaks_mb
        )
        content["memory_growth_mb"] = growth_mb
        return [memory, start_up]

    return {
        "step": steps,
        "mixed_precision": lambda: rows.mixed_precision(torch_python, of_steps),
        "input": lambda: [rows.input_pipeline(dataset_dir, of_input)],
        "other_tensorflow": other_tensorflow,
        "gpu": gpu,
        "conversion": lambda: [rows.conversion(archive, _rounds(2, 5))],
        "script": script,
    }


def _print_row(row):
    rival = _figure(row.rival, row.unit) if row.rival else "not measured"
    ratio = "%.2f" % row.ratio if row.ratio else "-"
    cells = (row.what, row.against, _figure(row.ours, row.unit), rival, ratio)
    print("| %s |" % " | ".join(cells), flush=True)


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
