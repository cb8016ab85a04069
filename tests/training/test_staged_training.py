"""Training on batches one step ahead, as on a GPU: the same run as without."""

import re

import pytest

from alexnet_flowers import devices
from alexnet_flowers.input import pipeline
from alexnet_flowers.training import plan, runs, settings, train

# Such steps change next to nothing, so that a loss tells which batch it is of.
SETTINGS = settings.Settings(
    batch_size=4, image_size=195, seed=1, dropout_keep_prob=1.0, learning_rate=1e-9
)
LOGGING = plan.Logging(
    log_every_n_steps=1, save_interval_steps=2, save_summaries_secs=1e-6, save_histograms_secs=0,
    max_images=1,
)  # fmt: skip


@pytest.fixture(params=["resident", "queues"])
def losses_of(request, tiny_dataset, random_run, tmp_path):
    """A function that trains a run from fixed weights to a step; returns its losses by step."""

    def train_to(num_steps, name, save_interval_steps=2, dropout_keep_prob=1.0):
        run = runs.locate_run(name, str(tmp_path / "checkpoints"), str(tmp_path / "summaries"))
        options = plan.Options(
            max_number_of_steps=num_steps,
            logging=LOGGING._replace(save_interval_steps=save_interval_steps),
            queues=pipeline.Queues(common_queue_min=8),
            compute=devices.Compute(device="cpu", input=request.param),
        )
        started = SETTINGS._replace(
            checkpoint_path=random_run.checkpoints_dir, dropout_keep_prob=dropout_keep_prob
        )
        lines = []
        made = plan.make(tiny_dataset, started, options, report=lines.append)
        train.train(run, made, report=lines.append)
        found = dict(re.findall(r"^step +(\d+)/.* loss ([\d.]+)", "\n".join(lines), re.MULTILINE))
        return {int(number): float(loss) for number, loss in found.items()}

    train_to.is_ordered = request.param == "resident"  # Queues depend on which thread is first.
    return train_to


def test_a_staged_run_takes_the_same_batches_saves_and_continues(losses_of, monkeypatch):
    plain = losses_of(3, "plain") if losses_of.is_ordered else None
    monkeypatch.setattr(plan.Plan, "stages_batches", True)
    staged = losses_of(3, "staged")
    assert list(staged) == [1, 2, 3]
    if losses_of.is_ordered:
        assert min(abs(plain[a] - plain[b]) for a, b in ((1, 2), (1, 3), (2, 3))) > 0.011
        assert staged == pytest.approx(plain, abs=0.005)
    assert list(losses_of(4, "staged")) == [4]


def test_a_save_uses_up_no_batch_and_no_draw(losses_of, monkeypatch):
    if not losses_of.is_ordered:
        pytest.skip("which photo comes depends on threads")
    monkeypatch.setattr(plan.Plan, "stages_batches", True)
    seldom = losses_of(3, "seldom", save_interval_steps=9, dropout_keep_prob=0.5)
    often = losses_of(3, "often", save_interval_steps=1, dropout_keep_prob=0.5)
    assert min(abs(seldom[a] - seldom[b]) for a, b in ((1, 2), (1, 3), (2, 3))) > 0.011
    assert often == pytest.approx(seldom, abs=0.005)
