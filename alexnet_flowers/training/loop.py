"""The training loop: one step after the other, and between them what is due.

``slim.learning.train`` calls ``Loop.step``. slim itself saves and summarises from threads, while
the variables change: a checkpoint can then hold half of a step, and a summary shows a batch that
was never trained on. Here both happen between steps; slim keeps the session and the recovery.
"""

import contextlib
import os
import signal

from alexnet_flowers import devices
from alexnet_flowers.errors import WriteError
from alexnet_flowers.training.callback import HEAVY, Step, Upcoming


class SessionLost(Exception):
    """slim has begun anew, in another session."""


class Loop:
    """Makes steps until the last one, or until a signal.

    Attributes:
      step_number: int, the steps made so far; None before the first one of this process.
      signal: int, the signal that asked for the end; None if none did.
      ended_by_callback: bool, whether a callback did.
    """

    def __init__(self, ops, callbacks, num_steps, place, one_by_one=False):
        """Prepares it.

        Args:
          ops: a ``training_graph.StepOps``.
          callbacks: a list of ``callback.Callback``.
          num_steps: the number of the last step.
          place: a ``places.Alone`` or ``places.Worker``.
          one_by_one: whether a step's operations run so, see ``plan.Plan.runs_one_by_one``.
        """
        self.step_number = None
        self.signal = None
        self.ended_by_callback = False
        self._to_say = None  # What acknowledges a signal, where it has not been said yet.
        self._session = None  # That of the first step.
        self._ops = ops
        self._callbacks = callbacks
        self._num_steps = num_steps
        self._place = place
        self._one_by_one = one_by_one
        self._num_under_way = place.num_under_way

    def step(self, session, train_op, global_step, kwargs):
        """Makes one step; slim calls it with these arguments and expects (loss, stop?).

        Raises:
          Diverged: the network has become NaN or infinite, where it would have been saved.
          SessionLost: this is another session than the one of the steps before.
          WriteError: a checkpoint or an event cannot be written.
        """
        # slim begins anew after any ``AbortedError``, from the newest checkpoint. By then the file
        # of events is closed, and the table and this loop may be further.
        if self._session not in (None, session):
            raise SessionLost(
                "a server of the cluster was started again, or an open file on a network disk has "
                "gone; the same command continues the run"
            )
        self._session = session
        self._to_say, say = None, self._to_say
        if say is not None:
            say()
        before = self.step_number
        if before is None:
            before = int(session.run(self._ops.global_step))
            if not self._place.is_chief and not self._may_step(before):
                self.step_number = before
                return 0.0, True  # The others need no more of its steps.
            session.run(self._ops.put)
        fetched = self._run(session, before)
        self.step_number = int(fetched["step_number"])
        if self.signal is None and not self._may_step(self.step_number):
            self._let_others_finish(session)
        is_last = self._is_over()
        self._call_back(Step(session, before, self.step_number, is_last, fetched))
        if is_last and self._place.sync_replicas and not self._place.is_chief:
            self._stay_for_the_chief(session)
            is_last = self._is_over()
        return fetched["loss"], is_last or self.ended_by_callback

    def _run(self, session, before):
        upcoming = Upcoming(before, before + self._num_under_way, before + 1 >= self._num_steps)
        fetches = {
            "loss": self._ops.train_op,
            "step_number": self._ops.step_after,
            "cross_entropy": self._ops.cross_entropy,
            "accuracy": self._ops.batch_accuracy,
            "learning_rate": self._ops.learning_rate,
            "update": self._ops.update,
            "put": self._ops.put,
        }
        for callback in self._callbacks:
            fetches.update(callback.fetches(upcoming))
        is_heavy = HEAVY & set(fetches)  # Several histograms at a time are computed faster.
        options = devices.one_by_one() if self._one_by_one and not is_heavy else None
        return session.run(fetches, options=options)

    def _may_step(self, step_number):
        """Says whether this worker may make another step.

        Each worker may have one under way, and none may be one too many: so all but the chief stop
        early, and the chief makes the last steps by itself.
        """
        return step_number + self._num_under_way <= self._num_steps

    def _let_others_finish(self, session):
        """Waits, if this is the chief, until no other worker has a step under way.

        A signal ends the waiting: the step is saved then as in the middle of the run.
        """
        if self._place.is_chief and self._num_under_way > 1:
            self._place.wait_for_others(lambda: self.signal is not None)
            self._num_under_way = 1
            self.step_number = int(session.run(self._ops.global_step))

    def _is_over(self):
        """Says whether this worker makes no more steps: it was told so, or there are no more."""
        return self.signal is not None or not self._may_step(self.step_number)

    def _stay_for_the_chief(self, session):
        """Waits until the chief of synchronous workers has saved the last step.

        Should it be killed before that, the one that follows makes the last steps again, and needs
        this worker for them: it is not over then. A signal ends the waiting.
        """

        def is_enough():
            if self.signal is None:
                self.step_number = int(session.run(self._ops.global_step))
            return self.signal is not None or not self._is_over()

        self._place.wait_for_chief_to_leave(is_enough)

    def _call_back(self, step):
        for number, callback in enumerate(self._callbacks, 1):
            try:
                self.ended_by_callback |= bool(callback.after(step))
            except WriteError:
                for later in self._callbacks[number:]:
                    later.after_failure(step)
                raise

    @contextlib.contextmanager
    def ended_by(self, *signals, acknowledge):
        """Returns a context in which the first of these signals ends the loop after a step.

        Where no step has been made that could be saved, SIGINT has its usual effect. What comes
        after the first signal changes nothing: while TensorFlow makes a step Python hears none, so
        that it could not end sooner, only without being saved.

        Args:
          *signals: their numbers; those that are ignored, as SIGHUP under ``nohup``, stay so.
          acknowledge: called when the first one comes.
        """
        usual = {number: signal.getsignal(number) for number in signals}
        usual = {number: usual[number] for number in usual if usual[number] != signal.SIG_IGN}

        def note(number, _):
            is_first = self.signal is None
            has_begun = self.step_number is not None
            if is_first and (has_begun or number != signal.SIGINT):
                self.signal = number
                try:
                    acknowledge()
                except RuntimeError:  # Another line is just being written.
                    self._to_say = acknowledge
            elif number == signal.SIGINT and not has_begun:
                signal.signal(number, usual[number])
                os.kill(os.getpid(), number)

        for number in usual:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)
