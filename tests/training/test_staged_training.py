"""Training on batches one step ahead, as on a GPU: the same run as without."""

import re

import pytest

from alexnet_flowers import devices
from alexnet_flowers.tf1 import tf
from alexnet_flowers.training import plan, runs, settings, train

SETTINGS = settings.Settings(
    batch_size=4, image_size=195, seed=1, dropout_keep_prob=1.0, learning_rate=1e-3
)


def trained(tiny_dataset, folder, num_steps, input_name):
    """Trains a run to a step; returns its last console line and its checkpoint's variables."""
    run = runs.locate_run("run", str(folder / "checkpoints"), str(folder / "summaries"))
    logging = plan.Logging(log_every_n_steps=1, save_interval_steps=2, save_summaries_secs=1e-6,
                           save_histograms_secs=0, max_images=1)  # fmt: skip
    options = plan.Options(
        max_number_of_steps=num_steps,
        logging=logging,
        queues=plan.pipeline.Queues(common_queue_min=8),
        compute=devices.Compute(device="cpu", input=input_name),
    )
    lines = []
    train.train(run, plan.compute(tiny_dataset, SETTINGS, options), report=lines.append)
    reader = tf.train.NewCheckpointReader(tf.train.latest_checkpoint(run.checkpoints_dir))
    return lines, reader.get_tensor("alexnet_v2/fc8/weights")


@pytest.mark.parametrize("input_name", ["resident", "queues"])
def test_a_staged_run_is_made_saved_and_continued(tiny_dataset, tmp_path, monkeypatch, input_name):
    plain = trained(tiny_dataset, tmp_path / "plain", 3, input_name)
    monkeypatch.setattr(plan.Plan, "stages_batches", True)
    staged = trained(tiny_dataset, tmp_path / "staged", 3, input_name)
    losses = [re.findall(r"step \d/3 .* loss ([\d.]+)", "\n".join(lines)) for lines, _ in
              (plain, staged)]  # fmt: skip
    assert len(losses[1]) == 3
    if input_name == "resident":  # The batches of queues depend on which thread is first.
        assert losses[0] == losses[1]
        assert staged[1] == pytest.approx(plain[1], abs=1e-6)
    lines, _ = trained(tiny_dataset, tmp_path / "staged", 4, input_name)
    assert any(line.startswith("step 4/4 ") for line in lines)
