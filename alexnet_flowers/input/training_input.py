"""Where the batches of a training come from: slim's queues, or photos that stay on the device."""

import typing

from alexnet_flowers import devices
from alexnet_flowers.errors import UsageError
from alexnet_flowers.input import pipeline, resident
from alexnet_flowers.tf1 import tf

INPUTS = ("auto", "queues", "resident")
# The rest of a device's memory is the network's, and twice the photos are there while they are put.
_SHARE_OF_MEMORY = 0.5
_GB = 1e9


class Request(typing.NamedTuple):
    """What a training asks of its input.

    Attributes:
      batch_size: int, images a clone and step.
      distortions: ``resident.Distortions``.
      queues: ``pipeline.Queues``.
      seed: int, or None: other batches each time.
      clone_devices: where each copy of the network is, for ``tf.device``.
    """

    batch_size: int
    distortions: resident.Distortions
    queues: pipeline.Queues = pipeline.DEFAULT_QUEUES
    seed: typing.Optional[int] = None
    clone_devices: typing.Sequence[str] = ("",)


def choose(name, split, request, device, report=print):
    """Chooses the input, before anything large is read or built.

    Args:
      name: one of ``INPUTS``. ``"auto"``: photos stay on the device where that is a GPU and they
        fit into half of its memory, and come through the queues otherwise.
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
    photos = resident.read(split)
    num_clones = len(request.clone_devices)
    smallest = len(photos.labels) // num_clones
    needed = resident.bytes_needed(
        photos.share(0, num_clones).num_pixels, request.batch_size, request.distortions.image_size
    )
    there = devices.memory_bytes(device)
    needs = "%d photos decoded need %.2f GB of the %s's %.2f GB" % (
        smallest if num_clones > 1 else len(photos.labels),
        needed / _GB,
        device.upper(),
        there / _GB,
    )
    if needed <= _SHARE_OF_MEMORY * there:
        report("input: %s and stay there" % needs)
        return photos
    if name == "resident":
        raise UsageError(
            "--input resident: %s; half of it is the network's; --input queues reads them from "
            "disk" % needs
        )
    report("input: %s, of which half is the network's; they come through queues" % needs)
    return None


def batches(split, request, photos=None, first_batch=0):
    """Builds the chosen input.

    Args:
      split: see ``choose``.
      request: see ``choose``.
      photos: what ``choose`` returned.
      first_batch: see ``resident.training_batches``; the queues begin anew each time.

    Returns:
      A list of ``pipeline.Batch``, one for each clone.
    """
    num_clones = len(request.clone_devices)
    if photos is not None:
        return [
            resident.training_batches(
                photos.share(number, num_clones),
                request.batch_size,
                request.distortions,
                device,
                None if request.seed is None else [request.seed, number],
                tf.cast(first_batch, tf.int64),
            )
            for number, device in enumerate(request.clone_devices)
        ]
    batch = pipeline.training_batches(
        split,
        request.batch_size * num_clones,
        queues=request.queues,
        seed=request.seed,
        **request.distortions._asdict(),
    )
    if num_clones == 1:
        return [batch]
    return [pipeline.Batch(*parts) for parts in zip(*(tf.split(x, num_clones) for x in batch))]
