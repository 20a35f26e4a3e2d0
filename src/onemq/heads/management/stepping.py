"""Long requests: done in steps, some in each turn, so that the broker's clients have theirs in between.

Must not: know what the steps do.
"""

from collections.abc import Callable, Generator
from typing import Final

from onemq.engine.inspection import InspectionAccess
from onemq.engine.views import QueueSummary
from onemq.heads.contract import Worker
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.errors import Problem

SLICE: Final = 200
"""Steps that are done in one turn."""

Steps = Generator[Callable[[], None] | None, None, None]
"""What a request does: it yields after each piece of work, and answers before it ends. What it yields, if it is not None, needs nothing
of the broker and takes long (the derivation of a password): it is done beside the turns before the next step."""


def summarised(inspection: InspectionAccess) -> Generator[None, None, QueueSummary]:
    """All queues that may be seen, added up: one in each step."""
    summary = QueueSummary()
    for name in inspection.queue_names():
        inspection.summarise(name, summary)
        yield None
    return summary


def answer_in_steps(call: Call, steps: Steps, worker: Worker | None = None) -> None:
    """Completes the call, now or later. Between two steps anything may have changed. worker: for steps that yield work."""
    stepping = Stepping(call, steps, worker)
    stepping.go_on()
    if not call.answered:
        call.canceller = stepping


class Stepping(Canceller):
    """See the module."""

    def __init__(self, call: Call, steps: Steps, worker: Worker | None) -> None:
        self._call = call
        self._worker = worker
        self._steps = steps
        self._ended = False

    def go_on(self) -> None:
        for _ in range(SLICE):
            try:
                work = next(self._steps)
            except StopIteration:
                assert self._call.answered, "the last step leaves no answer"
                return
            if work is not None:
                assert self._worker is not None, "nobody to do the work"
                self._worker.compute(work, self._computed)
                return
        self._call.soon(self.go_on)

    def _computed(self) -> None:
        if not self._ended:
            self._call.soon(self.go_on)

    def cancel(self) -> None:
        self._ended = True
        self._call.work = None
        self._steps.close()

    def hurry(self) -> None:
        self.cancel()
        self._call.fail(Problem(503, "stopping", "the broker is stopping; what was done so far stays"))
