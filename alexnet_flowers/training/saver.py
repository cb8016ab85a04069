"""Checkpoints that are written once, and no more of them than are to be kept."""

from alexnet_flowers.errors import WriteError, first_line
from alexnet_flowers.tf1 import tf


class Saver(tf.train.Saver):
    """Saves each step once, and keeps no more checkpoints than ``max_to_keep``.

    slim saves the last step again, and takes no notice if that fails. TensorFlow removes one
    checkpoint for each that it writes, however many a run has that was begun with another number.
    """

    _saved_step = None
    _surplus = ()

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes on the checkpoints that a run has, oldest first; slim calls it on resuming."""
        first_kept = max(0, len(checkpoint_paths) - self.saver_def.max_to_keep)
        self._surplus = checkpoint_paths[:first_kept]
        super().recover_last_checkpoints(checkpoint_paths[first_kept:])

    def save(self, session, path, global_step, **kwargs):
        """Saves, unless that step is saved; ``global_step`` is an int or the step's variable.

        Raises:
          WriteError: the checkpoint cannot be written.
        """
        step = int(global_step if isinstance(global_step, int) else session.run(global_step))
        if step == self._saved_step:
            return
        for surplus in self._surplus:
            tf.train.remove_checkpoint(surplus)
        self._surplus = ()
        try:
            super().save(session, path, global_step=step, **kwargs)
        except tf.errors.OpError as error:
            # Not the error itself: slim takes some of its kinds for the end of the training.
            raise WriteError("the step cannot be saved: %s" % first_line(error))
        self._saved_step = step
