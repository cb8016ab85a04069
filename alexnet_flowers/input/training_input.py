"""Where the batches of a training come from: slim's queues, or photos that stay on the device."""

import typing

from alexnet_flowers import devices
from alexnet_flowers.devices import INPUT_DEVICE
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline, preprocessing, resident, staging
from alexnet_flowers.tf1 import tf

INPUTS = ("auto", "queues", "resident")
# The rest of a device's memory is the network's, and twice the photos are there while they are put;
# the rest of the host's is everybody's.
_SHARE_OF_MEMORY = 0.5
_GB = 1e9


class Request(typing.NamedTuple):
    """What a training asks of its input.

    Attributes:
      batch_size: int, images a clone and step.
      distortion: a ``preprocessing.Distortion``.
      queues: ``pipeline.Queues``.
      seed: int, or None: other batches each time.
      clone_devices: where each copy of the network is, for ``tf.device``.
    """

    batch_size: int
    distortion: preprocessing.Distortion
    queues: pipeline.Queues = pipeline.DEFAULT_QUEUES
    seed: typing.Optional[int] = None
    clone_devices: typing.Sequence[str] = ("",)


def choose(name, split, request, device, report=print):
    """Chooses the input, before anything large is read or built.

    Args:
      name: one of ``INPUTS``. ``"auto"``: photos stay on the device where that is a GPU and they
        fit into half of its memory, and twice into half of the host's, and come through the queues
        otherwise.
      split: a ``slim.dataset.Dataset`` of ``dataset.get_split``.
      request: a ``Request``.
      device: ``"cpu"`` or ``"gpu"``, as ``devices.resolve`` says.
      report: called with a line that says how much memory is taken, or why it is not.

    Returns:
      ``resident.Photos``, or None for the queues.

    Raises:
      UsageError: an unknown name; or ``"resident"``, and the photos do not fit.
      DataError: see ``resident.read``.
    """
    if name not in INPUTS:
        raise UsageError("--input: %r is none of %s" % (name, ", ".join(INPUTS)))
    if name == "queues" or name == "auto" and device == "cpu":
        return None
    host = devices.memory_bytes("cpu")
    photos = resident.read(split, _SHARE_OF_MEMORY * host)
    of_one = photos.share(0, len(request.clone_devices))
    needed = resident.bytes_needed(
        of_one.num_pixels,
        request.batch_size,
        request.distortion.image_size,
        request.distortion.randaug.num_layers,
    )
    needs = [
        (needed, devices.memory_bytes(device), device.upper(), of_one),
        (resident.host_bytes(photos.num_pixels), host, "host", photos),
    ]
    lines = [
        "%d photos decoded need %.2f GB of the %s's %.2f GB"
        % (len(which.labels), needed / _GB, whose, there / _GB)
        for needed, there, whose, which in needs
    ]
    too_large = [
        line for line, (needed, there, *_) in zip(lines, needs) if needed > _SHARE_OF_MEMORY * there
    ]
    if not too_large:
        report("input: %s and stay there" % lines[0])
        return photos
    if name == "resident":
        raise UsageError(
            "--input resident: %s; half of it is for all else; --input queues reads them from "
            "disk" % too_large[0]
        )
    report("input: %s, of which half is for all else; they come through queues" % too_large[0])
    return None


def batches(split, request, photos=None, first_batch=0, ahead=staging.not_ahead):
    """Builds the chosen input: a list of ``pipeline.Batch``, one for each clone.

    Args:
      split: see ``choose``.
      request: see ``choose``.
      photos: what ``choose`` returned.
      first_batch: see ``resident.training_batches``; the queues begin anew each time.
      ahead: a function as ``staging.Areas.ahead``, if batches are to be there a step ahead.
    """
    num_clones = len(request.clone_devices)
    if photos is not None:
        return [
            resident.training_batches(
                photos.share(number, num_clones),
                request.batch_size,
                request.distortion,
                device,
                None if request.seed is None else [request.seed, number],
                tf.cast(first_batch, tf.int64),
                ahead,
            )
            for number, device in enumerate(request.clone_devices)
        ]
    batch = pipeline.training_batches(
        split,
        request.batch_size * num_clones,
        queues=request.queues,
        seed=request.seed,
        **request.distortion._asdict(),
    )
    parts = [batch] if num_clones == 1 else zip(*(tf.split(one, num_clones) for one in batch))
    return [
        pipeline.Batch(*ahead([images], device), *ahead(rest, INPUT_DEVICE))
        for (images, *rest), device in zip(parts, request.clone_devices)
    ]
