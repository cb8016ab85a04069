"""Estimates what several machines bring, from the time that a step computes and the bandwidth.

    python scripts/estimate_scaling.py --compute_secs 1.6 --gbit_per_sec 10 --servers 2

Prints a table in Markdown; docs/scaling.md says how it is computed.
"""

import functools

from absl import flags

from alexnet_flowers.commands.help_text import group
from alexnet_flowers.distributed import scaling
from alexnet_flowers.errors import UsageError
from alexnet_flowers.training import hyperparameters

FLAGS = flags.FLAGS

with group("Cluster"):
    flags.DEFINE_float(
        "compute_secs", None, "Assume that a worker computes a step for so many seconds; needed."
    )
    flags.DEFINE_float(
        "gbit_per_sec", 10, "Assume that each machine sends and receives so many Gbit/s."
    )
    define_count = functools.partial(flags.DEFINE_integer, lower_bound=1, upper_bound=10**6)
    define_count("servers", 1, "Assume that so many servers hold the variables.")
    define_count("batch_size", 56, "Assume that a worker's batch has so many images.")
    define_count("num_classes", 5, "Assume so many classes, which size the last layer.")

_NUMS_WORKERS = (1, 2, 4, 8, 16, 32, 64)


def main():
    if FLAGS.compute_secs is None:
        raise UsageError("--compute_secs: needed, the seconds that a step takes a worker")
    for name in ("compute_secs", "gbit_per_sec"):
        hyperparameters.check(name, FLAGS[name].value, hyperparameters.ABOVE_0)
    traffic = scaling.traffic(FLAGS.num_classes, FLAGS.servers)
    print(
        "A worker fetches %.1f MB a step, and sends as much; of that the fullest of %d servers "
        "holds %.1f MB.\n" % (traffic.num_bytes / 1e6, FLAGS.servers, traffic.fullest / 1e6)
    )
    print(
        "| workers | asynchronous, s a worker's step | images/s | times alone "
        "| synchronous, s a step | images/s | times alone |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    alone = FLAGS.batch_size / FLAGS.compute_secs
    rest = (FLAGS.compute_secs, traffic, FLAGS.gbit_per_sec * 1e9 / 8)
    for num_workers in _NUMS_WORKERS:
        cells = []
        for steps_per_sec, workers_a_step in (
            (scaling.asynchronous_steps_per_sec(num_workers, *rest), 1),
            (scaling.synchronous_steps_per_sec(num_workers, *rest), num_workers),
        ):
            images_per_sec = FLAGS.batch_size * workers_a_step * steps_per_sec
            secs = num_workers / workers_a_step / steps_per_sec
            cells.append("%.2f | %.0f | %.2f" % (secs, images_per_sec, images_per_sec / alone))
        print("| %d | %s |" % (num_workers, " | ".join(cells)))
