"""``train --find_learning_rate``: the range test, its curve and its table."""

import os

from absl import flags

from alexnet_flowers import spreadsheet
from alexnet_flowers.commands import outputs, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.training import rate_range

FLAGS = flags.FLAGS

_COLUMNS = ("step", "learning_rate", "cross_entropy", "smoothed")

with group("Run"):
    flags.DEFINE_boolean(
        "find_learning_rate",
        False,
        "Rather than train the run, try learning rates: over %d steps, or --max_number_of_steps, "
        "of a network that is thrown away the rate grows from %g to %g. Prints a rate to begin "
        "with and draws --learning_rate_picture." % (rate_range.NUM_STEPS, *rate_range.RATES),
    )
    flags.DEFINE_string(
        "learning_rate_picture",
        None,
        "Draw the curve of --find_learning_rate here: *.svg, *.png or *.pdf; its numbers are put "
        "beside it, as *.csv. Default: runs/figures/learning_rate_<run>.svg.",
    )


def run(run_name, plan, report):
    """Makes the test with a ``plan.Plan``, prints what it says, and writes its files.

    Raises:
      UsageError: the picture cannot have this name, or be written there.
    """
    # Here: training itself does without matplotlib, which takes a second to load.
    from alexnet_flowers.pictures import picture_file
    from alexnet_flowers.pictures.rate_range import curve

    name = picture_output.file_name("learning_rate", picture_output.run_word(run_name), kind="svg")
    path = FLAGS.learning_rate_picture or os.path.join("runs", "figures", name)
    table = os.path.splitext(path)[0] + ".csv"
    formats = picture_file.DIAGRAM_FORMATS
    outputs.check(csv=table, picture=path, formats=formats, inputs=_inputs(plan))
    measured = rate_range.measure(plan, report)
    caption = "%s, batches of %d" % (plan.settings.optimizer, plan.images_per_step)
    picture = curve(*measured, caption)
    picture_output.save(picture, path, "learning rates: " + caption)
    rows = zip(range(1, len(measured.rates) + 1), *measured[:3])
    outputs.write(table, spreadsheet.write, [_COLUMNS, *rows])
    report("%s: curve %s, numbers %s" % (run_name, path, table))
    report("%s: %s" % (run_name, advice(measured, plan.settings)))


def _inputs(plan):
    """Returns what the test reads, or must leave alone, none of which it may replace."""
    read = (plan.kept["dataset_dir"], FLAGS.checkpoint_path)
    return [*filter(None, read), FLAGS.checkpoints_dir, FLAGS.summaries_dir]


def advice(measured, settings):
    """Returns what to do after a test, a ``rate_range.Measured``, of a run's ``Settings``."""
    if measured.suggestion is None:
        return (
            "the loss did not fall at any rate, so the curve says only where it begins to rise; "
            "a rate a tenth of that is safe"
        )
    rates = "--learning_rate %g" % measured.suggestion
    if settings.optimizer == "muon":  # Whose other rate has grown along.
        share = settings.momentum_learning_rate / settings.learning_rate
        rates += " --momentum_learning_rate %.3g" % (share * measured.suggestion)
    return "try %s, a tenth of where the loss was lowest" % rates
