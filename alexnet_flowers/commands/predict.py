"""Says what a trained network takes photos for.

python scripts/predict.py photo.jpg another.jpg --run_name sgd
python scripts/predict.py folder/of/photos --sheet sheet.png
python scripts/predict.py --split validation --csv predictions.csv

Photos that cannot be used are named at the end, with status 1; the others are predicted.
"""

from absl import flags

from alexnet_flowers import json_file
from alexnet_flowers.commands import command_line, outputs
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.inference import prediction
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

command_line.define_network()
command_line.define_photos()
with group("Output"):
    flags.DEFINE_integer(
        "num_best", 3, "Show so many classes of each photo, the likeliest first.", lower_bound=1
    )
    flags.DEFINE_string("csv", None, "Write every probability to this CSV file, too.")
    flags.DEFINE_string("json", None, "Write every probability to this JSON file, too.")
    flags.DEFINE_string(
        "sheet", None, "Draw the photos with their answers, wrong ones first, in this *.png, too."
    )


def main(paths):
    if FLAGS.sheet:
        picture_file.check_output(FLAGS.sheet, of_photos=True)
    outputs.check(FLAGS.json, FLAGS.csv, FLAGS.sheet, inputs=command_line.inputs(paths))
    with command_line.chosen_network() as network:
        asked = command_line.chosen_photos(paths, network)
        predictions = prediction.predict(network, asked, for_sheet=bool(FLAGS.sheet))
    command_line.check_any_usable(asked, len(predictions))
    print(prediction.table(predictions, network.class_names, FLAGS.num_best))
    if FLAGS.csv:
        with outputs.written(FLAGS.csv) as path:
            prediction.write_csv(path, predictions, network.class_names)
    if FLAGS.json:
        with outputs.written(FLAGS.json) as path:
            json_file.write(path, prediction.as_rows(predictions, network.class_names))
    if FLAGS.sheet:
        if len(predictions) > prediction.MAX_CARDS:
            print("%s: %d of them, wrong ones first" % (FLAGS.sheet, prediction.MAX_CARDS))
        drawn = prediction.contact_sheet(predictions, network.class_names)
        with outputs.written(FLAGS.sheet) as path:
            what = prediction.summary(predictions, None if paths else FLAGS.split)
            picture_file.save(drawn, path, command_line.origin(what, network))
    return command_line.report_left_out(asked)
