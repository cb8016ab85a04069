"""Settings, the training graph, ``slim.learning.train`` and its loop, summaries, checkpoints."""
