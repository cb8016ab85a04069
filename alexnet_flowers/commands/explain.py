"""Shows why a network gives photos their classes: where in each something speaks for a class.

    python scripts/explain.py --split validation --index 7 --run_name sgd
    python scripts/explain.py roses/1.jpg roses/2.jpg --class tulips --run_name sgd

Beside each photo, Grad-CAM lies over it: light is where it speaks for the class, gray what the
network is not shown.
"""

from absl import flags

from alexnet_flowers.commands import asked_photos, command_line, picture_output
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.data import photos
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import grad_cam, prediction
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

command_line.define_network()
asked_photos.define(one=True)
with group("Network"):
    flags.DEFINE_string(
        "end_point",
        grad_cam.END_POINT,
        "Explain by the maps of this end point: conv1 to conv5, pool1, pool2 or pool5.",
    )
    flags.DEFINE_string("class", None, "Explain this class. Default: each photo's likeliest.")
picture_output.define("explain_<end point>_<class>_<photos>_<run>_<step>", ", *.png")


def main(paths):
    picture_output.check(paths, picture_file.PHOTO_FORMATS)
    with command_line.chosen_network() as network:
        cam = grad_cam.GradCam(network, FLAGS.end_point, _class_id(network))
        of = (FLAGS["class"].value or "", *asked_photos.words_for(paths, network))
        output = picture_output.path_of("explain", FLAGS.end_point, *of, network=network)
        asked = asked_photos.chosen(paths, network)
        predictions = prediction.predict(network, asked, for_sheet=True, cam=cam)
        print(prediction.table(predictions, network.class_names))
        what = "Grad-CAM of %s" % FLAGS.end_point
        if len(predictions) == 1:
            what += ", " + predictions[0].photo.name
        asked_photos.save_sheet(predictions, output, what, network)
    print(output)
    return asked_photos.report_left_out(asked)


def _class_id(network):
    name = FLAGS["class"].value
    if name is None:
        return None
    class_id = photos.place_of(name, network.class_names)
    if class_id is None:
        raise UsageError("--class %s: the network has %s" % (name, ", ".join(network.class_names)))
    return class_id
