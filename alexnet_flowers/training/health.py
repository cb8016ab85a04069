"""Signs that a run is going nowhere: dead layers, and a loss that does not move.

Neither stops a run. Each is told once, because a person who reads only the loss would take it for
a slow start.
"""

import collections
import math

WINDOW_STEPS = 100
# So many windows after the first one the loss should have moved.
_PATIENCE_WINDOWS = 2
# Moved: fallen by at least a hundredth. Below half of what guessing costs a run may rest.
_MOVED = 0.99
_WELL_BELOW_GUESSING = 0.5


class Health:
    """Watches one training process."""

    def __init__(self, num_classes):
        self._guessing = math.log(num_classes)
        self._told = set()
        self._first = None
        self._num_windows = 0
        self._window = collections.deque(maxlen=WINDOW_STEPS)

    def observe_loss(self, step, cross_entropy):
        """Notes a step's cross entropy; returns a warning, or None."""
        self._window.append(cross_entropy)
        if len(self._window) < WINDOW_STEPS:
            return None
        mean = sum(self._window) / WINDOW_STEPS
        self._window.clear()
        if self._first is None:
            self._first = mean
            return None
        self._num_windows += 1
        if (
            "loss" in self._told
            or self._num_windows < _PATIENCE_WINDOWS
            or mean < _MOVED * self._first
            or mean < _WELL_BELOW_GUESSING * self._guessing
        ):
            return None
        self._told.add("loss")
        return (
            "warning: step %d: the cross entropy does not move: %.3f over the last %d steps, %.3f "
            "over the first ones of this process; guessing costs %.3f"
            % (step, mean, WINDOW_STEPS, self._first, self._guessing)
        )

    def observe_layers(self, step, layers_to_largest):
        """Looks at each layer's largest value for a batch; returns the warnings, one a line."""
        dead = [
            layer
            for layer, largest in sorted(layers_to_largest.items())
            if largest <= 0 and layer not in self._told
        ]
        self._told.update(dead)
        return [
            "warning: step %d: %s: none of its units fires for any image of the batch; a layer "
            "that is dead passes no gradient on; lower --learning_rate, or use --warmup_steps"
            % (step, layer)
            for layer in dead
        ]
