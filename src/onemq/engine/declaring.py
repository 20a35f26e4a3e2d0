"""Declaring: one principal's way to queues: making, altering, finding, deleting and purging them. A part of Access, which authorises here.

Must not: publish or consume (access.py does), or receive (leasing.py).
"""

from onemq.engine.auditing import Audit
from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.directory.directory import Directory
from onemq.engine.equivalence import check_alterable, check_queue_equal
from onemq.engine.exchange import Namespace
from onemq.engine.own_queues import OwnQueues
from onemq.engine.permits import Permits
from onemq.engine.queue import Queue
from onemq.model.entities import QueueSettings, QueueStatus
from onemq.model.refusal import Reason, Refusal


class QueueAccess:
    """See the module."""

    def __init__(
        self,
        core: Core,
        catalog: Catalog,
        space: Namespace,
        permits: Permits,
        own: OwnQueues,
        directory: Directory,
        audit: Audit,
    ) -> None:
        self._core = core
        self._catalog = catalog
        self._space = space
        self._permits = permits
        self._own = own
        self._limits = directory.limits
        self._namespaces = directory.namespaces
        self._audit = audit

    def declare(self, name: str, settings: QueueSettings) -> QueueStatus:
        """Makes it, or checks that it is the same. Made-up names are the head's: each protocol has its own form.

        Refusal ACCESS_DENIED, LOCKED, EXISTS_OTHERWISE, LIMIT.
        """
        existing = self._space.queues.get(name)
        self._permits.demand_configure("queue", name)
        self._core.totals.queues_declared += 1
        if existing is not None:
            self._own.demand_unlocked(existing)
            if existing.settings.exclusive != settings.exclusive:
                raise Refusal(Reason.LOCKED, "queue", name)
            check_queue_equal(name, existing.declared, settings)
            existing.last_used_ms = self._core.now_ms
            return self._status(existing)
        self._limits.check_queues(self._space.name, name, len(self._space.queues))
        self._permits.demand_dead_letters(name, settings)
        queue = self._catalog.add_queue(self._space, name, settings)
        if settings.exclusive:
            self._own.own(queue)
        return self._status(queue)

    def default_type(self) -> str:
        """Of the namespace: type name of queues declared without one; "" = the protocol's own default."""
        return self._namespaces.find(self._space.name).default_queue_type

    def type_of(self, name: str) -> str:
        """Type name of a queue, "" when there is none of that name."""
        queue = self._space.queues.get(name)
        return "" if queue is None else queue.settings.type_name

    def settings(self, name: str) -> QueueSettings:
        """What it was declared with; not to be changed in place (`queue_copy`). Refusal NOT_FOUND, ACCESS_DENIED, LOCKED."""
        self._permits.demand_queue_seen(name)
        return self._own.find(name).declared

    def alter(self, name: str, settings: QueueSettings) -> None:
        """Other settings from now on. Refusal NOT_FOUND, ACCESS_DENIED, LOCKED, INVALID (what cannot change)."""
        with self._audit.doing("alter", "queue", name):
            self._permits.demand_configure("queue", name)
            queue = self._own.find(name)
            check_alterable(name, queue.declared, settings)
            before = queue.declared
            if (
                settings.dead_letter_exchange != before.dead_letter_exchange
                or settings.dead_letter_routing_key != before.dead_letter_routing_key
            ):
                self._permits.demand_dead_letters(name, settings)
            self._catalog.alter_queue(self._space, queue, settings)

    def names(self, prefix: str = "") -> list[str]:
        """Queues and topics whose names begin so and that this principal may read, write or configure, ascending."""
        found: dict[str, bool] = {}
        for name, queue in self._space.queues.items():
            if name.startswith(prefix) and self._permits.sees(name) and queue.owner is None:
                found[name] = True
        for name in self._space.topics:
            if name.startswith(prefix) and self._permits.sees(name):
                found[name] = True
        return sorted(found)

    def _status(self, queue: Queue) -> QueueStatus:
        return QueueStatus(queue.name, queue.message_count(), len(queue.consumers))

    def check(self, name: str) -> QueueStatus:
        """Refusal NOT_FOUND, LOCKED."""
        queue = self._own.find(name)
        queue.last_used_ms = self._core.now_ms
        return self._status(queue)

    def exclusive(self) -> list[str]:
        """Names of those that belong to this access alone."""
        return [queue.name for queue in self._own.exclusive()]

    def delete(self, name: str, if_unused: bool = False, if_empty: bool = False) -> int:
        """Returns how many records went with it; 0 when there is none of that name. Refusal ACCESS_DENIED, LOCKED, IN_USE, NOT_EMPTY."""
        with self._audit.doing("delete", "queue", name) as act:
            self._permits.demand_configure("queue", name)
            queue = self._space.queues.get(name)
            if queue is None:
                act.nothing()
                return 0
            self._own.demand_unlocked(queue)
            if if_unused and queue.consumers:
                raise Refusal(Reason.IN_USE, "queue", name)
            if if_empty and queue.message_count():
                raise Refusal(Reason.NOT_EMPTY, "queue", name)
            if self._own.forget(name):
                # A connection's own: it goes with it anyway.
                act.nothing()
            count = self._catalog.remove_queue(self._space, queue)
            act.detail(f"{count} records")
            return count

    def purge(self, name: str) -> int:
        """Returns how many ready records were dropped. Refusal NOT_FOUND, ACCESS_DENIED, LOCKED, NOT_SUPPORTED."""
        with self._audit.doing("purge", "queue", name) as act:
            self._permits.demand_queue_read(name)
            count = int(self._own.find(name).purge())
            act.detail(f"{count} records")
            return count
