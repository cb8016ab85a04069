"""Makes a checkpoint to start from of the weights of torchvision's AlexNet.

    python scripts/import_torchvision.py alexnet-owt-7be5be79.pth --output imagenet

conv1 to conv3 are in it, which are the same in both networks. PyTorch is not needed.
"""

from absl import flags

from alexnet_flowers.commands import next_step
from alexnet_flowers.commands.help_text import group
from alexnet_flowers.errors import UsageError
from alexnet_flowers.training import torchvision_weights

FLAGS = flags.FLAGS

with group("Output"):
    flags.DEFINE_string("output", None, "Write the checkpoint to this folder, which is made.")


def main(paths):
    if len(paths) != 1 or not FLAGS.output:
        raise UsageError("name one file of weights, and --output, a new folder")
    layers = torchvision_weights.import_weights(paths[0], FLAGS.output)
    print("%s: %s of %s; to start from them:" % (FLAGS.output, ", ".join(layers), paths[0]))
    excluded = ["--checkpoint_exclude_scopes", ",".join(torchvision_weights.NOT_IMPORTED)]
    print(next_step.command("train", "--checkpoint_path", FLAGS.output, *excluded))
