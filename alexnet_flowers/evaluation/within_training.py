"""Evaluations within a training: every so many steps, and when they say that it is enough."""

import contextlib

from alexnet_flowers.errors import DataError, UsageError, WriteError, is_for_want_of_room
from alexnet_flowers.evaluation import best, tables
from alexnet_flowers.events import step_table

_CURVE = "validation"
_FLAG = "eval_every_n_steps"


class Evaluation:
    """Evaluates a run's checkpoints, keeps the best one, and says when there comes no better."""

    def __init__(self, run, make_evaluator, every_n_steps, num_without, report=print):
        """Prepares it.

        Args:
          run: a ``runs.Run``.
          make_evaluator: returns an ``evaluator.Evaluator``; called once the run has settings.
          every_n_steps: int, how many steps lie between two evaluations.
          num_without: int, how many evaluations without a better one are enough; 0: none are.
          report: called with each line of the console.

        Raises:
          UsageError: the best one so far was chosen by another split or view.
        """
        best.check_curve(run, _CURVE, _FLAG)
        self._run = run
        self._make_evaluator = make_evaluator
        self._evaluator = None
        self._every_n_steps = every_n_steps
        self._num_without = num_without
        self._report = report
        self._warnings = set()

    def evaluate(self, checkpoint, is_end=False):
        """Evaluates a checkpoint for the console, the events and the table; returns ``is_enough``.

        At a run's end there is no question of more steps.

        Where another process is in the way of keeping the result, or has chosen the best one by
        another view, the training goes on without; a line says so, once.

        Raises:
          DataError: see ``Evaluator.evaluate``; or the disk is full.
        """
        self._evaluator = self._evaluator or self._make_evaluator()
        result = self._evaluator.evaluate(checkpoint)
        is_best = False
        try:
            with self._errors_as_warnings():  # First: what is in the table counts as done.
                is_best = best.keep(self._run, result, self._report, _FLAG)
            with self._errors_as_warnings():
                self._evaluator.write_result(result)
        finally:  # Also where there is no room for it.
            self._report(tables.line(result) + ", the best so far" * is_best)
        return not is_end and self.is_enough(result["global_step"])

    def catch_up(self, checkpoint, step, is_end):
        """Evaluates what a run goes on from unless that was done; returns ``is_enough``.

        A kill may have prevented it. What is raised is what ``evaluate`` raises.
        """
        if (is_end or step % self._every_n_steps == 0) and step not in self._evaluated():
            is_enough = self.evaluate(checkpoint, is_end)
            self._evaluator = None  # The settings of what comes may be others.
            return is_enough
        return not is_end and self.is_enough(step)

    def _evaluated(self):
        """Returns the steps in the run's table, a list; of one that cannot be read none."""
        with self._errors_as_warnings():
            table = step_table.path_of_curve(self._run.summaries_dir, _CURVE)
            return step_table.steps_of(table, step_table.EVALUATION_COLUMNS)
        return []

    @contextlib.contextmanager
    def _errors_as_warnings(self):
        try:
            yield
        except WriteError:
            raise  # The training could not save either.
        except (DataError, UsageError, OSError) as error:
            if isinstance(error, OSError) and is_for_want_of_room(error):
                raise WriteError("%s: %s" % (error.filename2 or error.filename, error.strerror))
            if str(error) not in self._warnings:
                self._report("warning: %s; training goes on without" % error)
                self._warnings.add(str(error))

    def is_enough(self, step):
        """Says whether a run need not go on after a step, and reports why.

        It does not depend on when the process was started: the evaluations are in the run's table.
        """
        kept = None
        if self._num_without:
            with self._errors_as_warnings():
                kept = best.result_of(self._run)
        if kept is None or kept["curve"] != _CURVE:
            return False
        # Others may evaluate the steps between.
        num_since = sum(
            kept["global_step"] < one <= step and (one % self._every_n_steps == 0 or one == step)
            for one in self._evaluated()
        )
        if num_since < self._num_without:
            return False
        self._report(
            "%s: step %d: no evaluation was better than that of step %d, accuracy %.4f, of %d "
            "since; a larger --stop_when_not_improved continues"
            % (self._run.name, step, kept["global_step"], kept["accuracy"], num_since)
        )
        return True
