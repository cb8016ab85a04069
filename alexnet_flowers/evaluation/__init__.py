"""How good a checkpoint is on a split, and which one was the best."""
