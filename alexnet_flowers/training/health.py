"""Signs that a run is going nowhere: dead layers, and a cross entropy that does not move.

Neither stops a run. Each is reported once, because whoever reads only the loss would take it for a
slow start.
"""

import math

WINDOW_STEPS = 100
# The cross entropy should have moved this many windows after the first one.
_PATIENCE_WINDOWS = 2
# Moved: fallen by at least a hundredth. Below three quarters of what guessing costs it need not: a
# run that is continued there falls more slowly than it swings, or, with mixed labels, rests there.
_MOVED = 0.99
_WELL_BELOW_GUESSING = 0.75


class Health:
    """Watches one training process."""

    def __init__(self, num_classes):
        self._guessing = math.log(num_classes)
        self._window = []  # The cross entropies since the last full window.
        self._num_windows = 0
        self._first_mean = None
        self._is_stuck = False
        self._dead_layers = set()

    def observe_cross_entropy(self, step, cross_entropy):
        """Notes a step's cross entropy; returns a warning, or None."""
        self._window.append(cross_entropy)
        if len(self._window) < WINDOW_STEPS:
            return None
        mean = sum(self._window) / WINDOW_STEPS
        self._window = []
        self._num_windows += 1
        if self._first_mean is None:
            self._first_mean = mean
        if (
            self._is_stuck
            or self._num_windows <= _PATIENCE_WINDOWS
            or mean < _MOVED * self._first_mean
            or mean < _WELL_BELOW_GUESSING * self._guessing
        ):
            return None
        self._is_stuck = True
        return (
            "warning: step %d: the cross entropy does not move: %.3f over the last %d steps, %.3f "
            "over the first ones of this process; guessing costs %.3f"
            % (step, mean, WINDOW_STEPS, self._first_mean, self._guessing)
        )

    def observe_layers(self, step, layers_to_largest):
        """Notes each layer's largest value for a batch; returns the warnings, one a line."""
        dead = [
            layer
            for layer, largest in sorted(layers_to_largest.items())
            if largest <= 0 and layer not in self._dead_layers
        ]
        self._dead_layers.update(dead)
        return [
            "warning: step %d: %s: none of its units fires for any image of the batch; a dead "
            "layer passes no gradient on; lower --learning_rate, or use --warmup_steps"
            % (step, layer)
            for layer in dead
        ]
