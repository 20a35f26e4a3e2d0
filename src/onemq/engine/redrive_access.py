"""One principal's way to redrive tasks. A part of Access, which authorises here.

Must not: move records itself; redrive_movers.py does, also when this principal has long gone.
"""

from onemq.engine.auditing import Audit
from onemq.engine.exchange import Namespace
from onemq.engine.permits import Permits
from onemq.engine.redrive import Redrives
from onemq.engine.redrive_selection import Selection
from onemq.engine.redrive_tasks import RedriveTask
from onemq.model.refusal import Reason, Refusal


class RedriveAccess:
    """See the module. Every method raises Refusal ACCESS_DENIED ("queue")."""

    def __init__(self, part: Redrives, space: Namespace, permits: Permits, audit: Audit) -> None:
        self._part = part
        self._space = space
        self._permits = permits
        self._audit = audit

    def start(
        self,
        source: str,
        destination: str | None,
        per_second: int | None,
        chosen: Selection | None = None,
    ) -> str:
        """Begins to move what is ready to the destination (None: each record to the queue it died in). Returns the task's id.

        chosen: which records; None = all.

        Read on the source, write on the destination; without one the task may write where this principal may now.
        Refusal NOT_FOUND, NOT_SUPPORTED, IN_USE (one is at work), INVALID, LIMIT.
        """
        whither = "to where each died" if destination is None else f"to {destination}"
        with self._audit.doing("start redrive", "queue", source, whither):
            self._permits.demand_queue_read(source)
            may_write: list[str] | None = None
            if destination is not None:
                if not self._permits.may_fill(destination):
                    raise Refusal(Reason.ACCESS_DENIED, "queue", destination, "write")
            else:
                allowed = [name for name in self._space.queues if self._permits.may_fill(name)]
                if len(allowed) < len(self._space.queues):
                    may_write = allowed
            return self._part.start(
                self._space, source, destination, per_second, may_write, chosen or Selection()
            )

    def list(self, source: str) -> list[RedriveTask]:
        """The newest first; at most ENDED_PER_SOURCE of them. Refusal NOT_FOUND."""
        self._permits.demand_queue_read(source)
        if source not in self._space.queues:
            raise Refusal(Reason.NOT_FOUND, "queue", source)
        return self._part.tasks(self._space.name, source)

    def find(self, identifier: str) -> RedriveTask:
        """Refusal NOT_FOUND ("redrive")."""
        task = self._part.find(self._space.name, identifier)
        self._permits.demand_queue_read(task.source)
        return task

    def cancel(self, identifier: str) -> RedriveTask:
        """Refusal NOT_FOUND ("redrive"), INVALID ("redrive"): it is not running."""
        task = self._part.find(self._space.name, identifier)
        with self._audit.doing("cancel redrive", "queue", task.source):
            self._permits.demand_queue_read(task.source)
            self._part.cancel(task)
        return task
