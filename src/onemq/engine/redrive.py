"""Redrive: tasks that move a queue's ready records to another queue, or each back to the queue it died in, at a rate.

Job: which tasks there may be, and that each has somebody who works on it, after a restart again.
Must not: authorise (redrive_access.py does, and says which queues a task may write to), or move records itself (redrive_movers.py).
Spec: Amazon SQS API, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.
"""

from typing import Final

from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.exchange import Namespace
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.parts import PART_REDRIVES, Part
from onemq.engine.queue import QueueListener
from onemq.engine.redrive_movers import BaseMover, Mover, SelectingMover
from onemq.engine.redrive_selection import Selection
from onemq.engine.redrive_tasks import CANCELLING, RUNNING, RedriveTask, RedriveTasks
from onemq.model.refusal import Reason, Refusal

RUNNING_MAX: Final = 100
"""Tasks at work at a time, over all queues."""
ID_BYTES: Final = 16


class Redrives(Part):
    """See the module."""

    def __init__(self, core: Core, catalog: Catalog) -> None:
        self.number = PART_REDRIVES
        self._core = core
        self._catalog = catalog
        self._tasks = RedriveTasks(core, self)

    def start(
        self,
        space: Namespace,
        source: str,
        destination: str | None,
        per_second: int | None,
        may_write: list[str] | None,
        chosen: Selection,
    ) -> str:
        """Refusal NOT_FOUND, NOT_SUPPORTED, IN_USE (a task of this queue is at work), INVALID, LIMIT."""
        queue = self._source(space, source)
        if destination is not None and space.queues.get(destination) is None:
            raise Refusal(Reason.NOT_FOUND, "queue", destination)
        if destination == source or (per_second is not None and per_second < 1):
            raise Refusal(Reason.INVALID, "queue", source, "destination or rate of a redrive")
        for task in self._tasks.of_source(space.name, source):
            if task.at_work():
                raise Refusal(Reason.IN_USE, "queue", source, "a redrive is at work")
        if len(self._tasks.at_work()) >= RUNNING_MAX:
            raise Refusal(Reason.LIMIT, "queue", source, f"{RUNNING_MAX} redrives are at work")
        core = self._core
        task = RedriveTask(
            core.entropy(ID_BYTES).hex(),
            space.name,
            source,
            destination,
            per_second,
            may_write,
            int(core.now_ms),
            int(queue.message_count()),
            int(queue.log.next_offset),
            chosen,
        )
        self._work_on(self._tasks.start(task))
        return task.identifier

    def _source(self, space: Namespace, name: str) -> LedgerQueue:
        queue = space.queues.get(name)
        if queue is None:
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        if not isinstance(queue, LedgerQueue) or queue.others:
            raise Refusal(Reason.NOT_SUPPORTED, "queue", name, "its records lie in logs that others read")
        return queue

    def tasks(self, namespace: str, source: str) -> list[RedriveTask]:
        """The newest first."""
        return self._tasks.of_source(namespace, source)

    def find(self, namespace: str, identifier: str) -> RedriveTask:
        """Refusal NOT_FOUND ("redrive")."""
        task = self._tasks.find(identifier)
        if task is None or task.namespace != namespace:
            raise Refusal(Reason.NOT_FOUND, "redrive", identifier)
        return task

    def cancel(self, task: RedriveTask) -> None:
        """It ends before it moves anything more. Refusal INVALID ("redrive"): it is not running."""
        worker = task.worker
        if task.state != RUNNING or worker is None:
            raise Refusal(Reason.INVALID, "redrive", task.identifier, "only running tasks can be cancelled")
        self._tasks.set_state(task, CANCELLING)
        self._core.need_dispatch(worker)

    def _work_on(self, task: RedriveTask) -> None:
        worker: BaseMover = (
            Mover(self._core, self._catalog, self._tasks, task)
            if task.chosen.takes_all()
            else SelectingMover(self._core, self._catalog, self._tasks, task)
        )
        task.worker = worker
        self._core.need_dispatch(worker)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        self._tasks.apply(change)

    def changes(self) -> list[dict[str, object]]:
        return self._tasks.changes()

    def finish_recovery(self) -> None:
        """What was at work goes on."""
        for task in self._tasks.at_work():
            self._work_on(task)

    def forget(self, namespace: str, source: str) -> None:
        """The queue has gone."""
        self._tasks.forget(namespace, source)


class ForgetsRedrives(QueueListener):
    """A queue's tasks go with it."""

    def __init__(self, part: Redrives) -> None:
        self._part = part

    def queue_removed(self, namespace: str, name: str) -> None:
        self._part.forget(namespace, name)
