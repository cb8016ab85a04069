"""Shows why a network gives photos their classes: where in each something speaks for a class.

    python scripts/explain.py --split validation --index 7 --run_name sgd
    python scripts/explain.py roses/1.jpg roses/2.jpg --class tulips --run_name sgd

Beside each photo, Grad-CAM lies over it: light is where it speaks for the class, gray what the
network is not shown.
"""

from absl import flags

from alexnet_flowers.commands import command_line
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import UsageError
from alexnet_flowers.inference import grad_cam, prediction
from alexnet_flowers.pictures import picture_file

FLAGS = flags.FLAGS

command_line.define_network()
command_line.define_photos(one=True)
with group("Network"):
    flags.DEFINE_string(
        "end_point",
        grad_cam.END_POINT,
        "Explain by the maps of this end point: conv1 to conv5, pool1, pool2 or pool5.",
    )
    flags.DEFINE_string("class", None, "Explain this class. Default: each photo's likeliest.")
command_line.define_picture("explain_<end point>_<class>_<photos>_<run>_<step>", ", *.png")


def main(paths):
    command_line.check_picture(FLAGS.output, paths, picture_file.PHOTO_FORMATS)
    with command_line.chosen_network() as network:
        cam = grad_cam.GradCam(network, FLAGS.end_point, _class_id(network))
        of = (FLAGS["class"].value or "", *command_line.asked_for(paths))
        output = command_line.picture_path("explain", FLAGS.end_point, *of, network=network)
        asked = command_line.chosen_photos(paths, network)
        predictions = prediction.predict(network, asked, for_sheet=True, cam=cam)
        print(prediction.table(predictions, network.class_names))
        what = "Grad-CAM of %s" % FLAGS.end_point
        drawn = prediction.contact_sheet(predictions, network.class_names)
        command_line.save_picture(drawn, output, what, network)
    print(output)
    return command_line.report_left_out(asked)


def _class_id(network):
    name = FLAGS["class"].value
    if name is None:
        return None
    if name not in network.class_names:
        raise UsageError("--class %s: the network has %s" % (name, ", ".join(network.class_names)))
    return network.class_names.index(name)
