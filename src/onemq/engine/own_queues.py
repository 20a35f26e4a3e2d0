"""Which queue a name leads one connection to: its own exclusive ones and those that are nobody's, never another connection's.

Must not: authorise (permits.py does), declare or delete.
"""

from onemq.engine.catalog import Catalog
from onemq.engine.exchange import Namespace
from onemq.engine.queue import Queue
from onemq.model.refusal import Reason, Refusal


class OwnQueues:
    """See the module. A queue's `owner` is this object."""

    def __init__(self, catalog: Catalog, space: Namespace) -> None:
        self._catalog = catalog
        self._space = space
        self._exclusive: dict[str, Queue] = {}

    def find(self, name: str) -> Queue:
        """Refusal NOT_FOUND, LOCKED."""
        queue = self._catalog.queue(self._space, name)
        if queue is None:
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        self.demand_unlocked(queue)
        return queue

    def demand_unlocked(self, queue: Queue) -> None:
        """Refusal LOCKED: it belongs to another connection."""
        if queue.owner is not None and queue.owner is not self:
            raise Refusal(Reason.LOCKED, "queue", queue.name)

    def own(self, queue: Queue) -> None:
        """From now on it is this connection's alone."""
        queue.owner = self
        self._exclusive[queue.name] = queue

    def forget(self, name: str) -> bool:
        """It goes. True: it was this connection's alone."""
        return self._exclusive.pop(name, None) is not None

    def exclusive(self) -> list[Queue]:
        """Those that belong to this connection alone."""
        return list(self._exclusive.values())
