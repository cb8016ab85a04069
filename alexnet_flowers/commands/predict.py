"""Says what a trained network takes photos for.

python scripts/predict.py photo.jpg another.jpg --run_name sgd
python scripts/predict.py folder/of/photos --sheet sheet.png
python scripts/predict.py --split validation --csv predictions.csv
python scripts/predict.py --split validation --sheet mistakes.png --worst 12 --explain

Photos that cannot be used are named below the table, with status 1; the others are predicted.
"""

from absl import flags

from alexnet_flowers import json_file
from alexnet_flowers.commands import asked_photos, command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import grad_cam, prediction
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(one=True)
with group("Output"):
    flags.DEFINE_integer(
        "num_best", 3, "Show so many classes of each photo, the likeliest first.", lower_bound=1
    )
    flags.DEFINE_string("csv", None, "Write every probability to this CSV file, too.")
    flags.DEFINE_string("json", None, "Write every probability to this JSON file, too.")
    flags.DEFINE_string(
        "sheet", None, "Draw the photos with their answers, wrong ones first, in this *.png, too."
    )
    flags.DEFINE_integer(
        "worst",
        None,
        "Draw only so many wrong answers on the --sheet, the most confident first.",
        lower_bound=1,
    )
    flags.DEFINE_boolean(
        "explain",
        False,
        "Lay Grad-CAM over each photo on the --sheet: where there is what speaks for the likeliest "
        "class. scripts/explain.py also explains other classes, and by other layers.",
    )


def main(paths):
    for flag in ("worst", "explain"):
        if FLAGS[flag].value and not FLAGS.sheet:
            raise UsageError("--%s: needs --sheet, which is where it is drawn" % flag)
    read = command_line.inputs()
    formats = picture_file.PHOTO_FORMATS
    outputs.check(FLAGS.json, FLAGS.csv, FLAGS.sheet, formats, inputs=read, photos=paths)
    with command_line.chosen_network() as network:
        asked = asked_photos.chosen(paths, network)
        cam = grad_cam.GradCam(network) if FLAGS.explain else None
        predictions = prediction.predict(network, asked, for_sheet=bool(FLAGS.sheet), cam=cam)
    print(prediction.table(predictions, network.class_names, FLAGS.num_best))
    status = asked_photos.report_left_out(asked)
    rows = prediction.as_rows(predictions, network.class_names)
    outputs.do_each(
        (outputs.write, FLAGS.csv, prediction.write_csv, rows),
        (outputs.write, FLAGS.json, json_file.write, rows),
        (_draw_sheet, predictions, network),
    )
    return status


def _draw_sheet(predictions, network):
    if not FLAGS.sheet:
        return
    what = prediction.summary(predictions, asked_photos.split_name(network))
    if FLAGS.worst:
        what = "the most confident wrong answers"
        predictions = prediction.worst_mistakes(predictions, FLAGS.worst)
    if not predictions:
        print("%s: not drawn, as no answer is known to be wrong" % FLAGS.sheet)
        return
    asked_photos.save_sheet(predictions, FLAGS.sheet, what, network)
