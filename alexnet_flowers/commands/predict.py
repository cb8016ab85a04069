"""Says what a trained network takes photos for.

python scripts/predict.py photo.jpg another.jpg --run_name sgd
python scripts/predict.py folder/of/photos --sheet sheet.png
python scripts/predict.py --split validation --csv predictions.csv
"""

from absl import flags

from alexnet_flowers import json_file
from alexnet_flowers.commands import command_line
from alexnet_flowers.inference import prediction
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

command_line.define_network()
command_line.define_photos()
flags.DEFINE_integer("num_best", 3, "Classes in the table, the likeliest first.", lower_bound=1)
flags.DEFINE_string("csv", None, "Also write every probability to this file.")
flags.DEFINE_string("json", None, "Likewise.")
flags.DEFINE_string("sheet", None, "Also draw a contact sheet, *.png: wrong answers first.")


def main(paths):
    command_line.check_files(FLAGS.csv, FLAGS.json)
    if FLAGS.sheet:
        picture_file.check_output(FLAGS.sheet, of_photos=True)
    with command_line.chosen_network() as network:
        asked = command_line.chosen_photos(paths, network)
        predictions = prediction.predict(network, asked)
    print(prediction.table(predictions, network.class_names, FLAGS.num_best))
    if FLAGS.csv:
        prediction.write_csv(FLAGS.csv, predictions, network.class_names)
    if FLAGS.json:
        json_file.write(FLAGS.json, prediction.as_rows(predictions, network.class_names))
    if FLAGS.sheet:
        drawn = prediction.contact_sheet(predictions, network.class_names)
        picture_file.save(drawn, FLAGS.sheet, command_line.origin("predictions", network))
