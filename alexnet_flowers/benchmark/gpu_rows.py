"""The rows of a machine with a GPU; see ``rows``."""

from alexnet_flowers import devices
from alexnet_flowers.benchmark import rows
from alexnet_flowers.benchmark.sides import Worker, in_turn

BATCH_SIZES = (rows.BATCH_SIZE, 2 * rows.BATCH_SIZE)
_MIXED = {"mixed_precision": True}
_FASTEST = dict(_MIXED, xla=True)
_FASTEST_FLAGS = "--mixed_precision --xla"
# Of each side and turn, which is a quarter of a second or more.
_STEPS = 50


def steps(dataset_dir, torch_python, rounds):
    """The step from photos against the step alone, and in bfloat16 with XLA against PyTorch's.

    Yields:
      A ``Row`` each. The rival is None where there is no PyTorch; there are no rows of bfloat16
      where the card has none.
    """
    for batch_size in BATCH_SIZES:
        alone = {"kind": "step", "batch_size": batch_size, "device": "gpu"}
        photos = dict(alone, dataset_dir=dataset_dir)
        for name, way, said in (
            ("gpu_step_queues", "ours", "through queues"),
            ("gpu_step_resident", "resident", "that stay on the GPU"),
        ):
            yield _step(
                name,
                batch_size,
                "from photos " + said,
                dict(photos, way=way),
                (alone,),
                "the step alone",
                rounds,
            )
        if _has_bfloat16():
            yield _step(
                "gpu_step_fastest",
                batch_size,
                "from photos that stay on the GPU, " + _FASTEST_FLAGS,
                dict(photos, way="resident", **_FASTEST),
                _pytorch(torch_python, rows.COMPILED, batch_size),
                rows.PYTORCH,
                rounds,
            )


def steps_alone(torch_python, rounds):
    """The step on synthetic images against PyTorch's: TF32, bfloat16, bfloat16 compiled.

    Yields:
      A ``Row`` each, as ``steps``.
    """
    batch_size = rows.BATCH_SIZE
    for said, options, rival in (
        ("TF32", {}, []),
        ("--xla", {"xla": True}, []),
        ("--mixed_precision", _MIXED, rows.IN_BFLOAT16),
        (_FASTEST_FLAGS, _FASTEST, rows.COMPILED),
    ):
        if "mixed_precision" not in options or _has_bfloat16():
            yield _step(
                "gpu_step " + said,
                batch_size,
                "synthetic images, " + said,
                dict(kind="step", batch_size=batch_size, device="gpu", **options),
                _pytorch(torch_python, rival, batch_size),
                rows.PYTORCH,
                rounds,
            )


def start_up(dataset_dir):
    """The time from the command to the first step, with default settings and the fastest ones.

    Yields:
      A ``Row`` each.
    """
    for flags in ("", _FASTEST_FLAGS):
        if not flags or _has_bfloat16():
            secs, _, _ = rows.train(dataset_dir, 2, "--device=gpu", *flags.split())
            what = "GPU: " + rows.START_UP + (", " + flags if flags else "")
            yield rows.Row("gpu_start_up " + flags, what, "", [secs], None, "s")


def input_alone(dataset_dir, rounds):
    """Images a second, nothing but input: photos that stay on the GPU against queues."""
    whats = [
        {"way": "resident", "dataset_dir": dataset_dir, "device": "gpu"},
        {"way": "ours", "dataset_dir": dataset_dir},
    ]
    rates, _ = rows.input_rates(whats, rounds)
    return rows.Row(
        "gpu_input", "GPU: photos that stay there, distorted", "queues", *rates,
        unit="images/s",
    )  # fmt: skip


def _has_bfloat16():
    return devices.mixed_precision_obstacle("gpu") is None


def _pytorch(python, options, batch_size):
    """Returns the arguments of PyTorch's ``Worker``; None where there is no PyTorch."""
    if not rows.has_torch(python):
        return None
    return rows.pytorch_step(["--device=cuda", *options], batch_size), python


def _step(name, batch_size, said, ours, rival, against, rounds):
    """Measures a training step.

    Args:
      name: the row's.
      batch_size: int.
      said: what the row says of ours.
      ours: the argument of our ``Worker``.
      rival: the arguments of the rival's, or None.
      against: the row's, in which ``%(...)s`` is what the rival says of itself.
      rounds: int.

    Returns:
      A ``Row`` in ms.
    """
    what = "GPU: training step, batch %d, %s" % (batch_size, said)
    with Worker(ours) as our_worker:
        if rival is None:
            secs = our_worker.make(_STEPS * rounds, uncounted=20), None
            against = "PyTorch"
        else:
            with Worker(*rival) as theirs:
                turns = {"ours_each": _STEPS, "rival_each": _STEPS, "warm_up": 20}
                secs = in_turn(our_worker, theirs, rounds, **turns)
                against %= theirs.about
    in_ms = [side and [1000 * one for one in side] for side in secs]
    return rows.Row("%s_%d" % (name, batch_size), what, against, *in_ms, unit="ms")
