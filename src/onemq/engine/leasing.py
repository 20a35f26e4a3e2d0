"""One principal's way to leases with a time: receiving records and settling them by handle. A part of Access, which authorises here.

Must not: know a protocol; keep anything that is not the engine's (a lease belongs to nobody's connection). docs/decisions/0008.
Everything that is changed is durable at `Access.position()`.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.auditing import Audit
from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.counters import Tally
from onemq.engine.exchange import Namespace
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.peek import Peek, PeekWaiter, ledger_part
from onemq.engine.permits import Permits
from onemq.engine.receiving import LeaseHandle, Receive, ReceiveWaiter
from onemq.engine.timed_leases import TimedLease
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal

LEASED: Final = "leased"
LAPSED: Final = "lapsed"
TAKEN: Final = "taken"
GONE: Final = "gone"
"""What a handle stands for: a lease that holds; one whose time is over while nobody else got the record; one whose record somebody
else got, and may still have; none of these."""


class QueueCounts:
    """Records of a queue. ready: those on their way to the disk included. in_flight: at consumers, or leased. delayed: not due yet."""

    __slots__ = ("delayed", "in_flight", "ready")

    def __init__(self, ready: i64, in_flight: i64, delayed: i64) -> None:
        self.ready = ready
        self.in_flight = in_flight
        self.delayed = delayed


class LeaseAccess:
    """See the module. Every method raises Refusal NOT_FOUND, ACCESS_DENIED (read), LOCKED (another connection's queue),
    NOT_SUPPORTED (a stream)."""

    def __init__(
        self,
        core: Core,
        catalog: Catalog,
        namespace: Namespace,
        permits: Permits,
        tally: Tally,
        audit: Audit,
    ) -> None:
        self._tally = tally
        self._core = core
        self._catalog = catalog
        self._space = namespace
        self._permits = permits
        self._audit = audit

    def receive(self, queue: str, wanted: Receive, waiter: ReceiveWaiter) -> None:
        """Answers the waiter now or later. Refusal LIMIT: as many records are leased as may be."""
        found = self._queue(queue)
        if self._leased(found) >= self._core.settings.leases_max:
            raise Refusal(Reason.LIMIT, "queue", queue, "leases")
        found.last_used_ms = self._core.now_ms
        if found.log.has_open():
            # What was published earlier in this turn counts.
            self._core.seal_all()
        visibility_ms = wanted.visibility_ms
        if visibility_ms < 0:
            visibility_ms = found.settings.visibility_ms
        found.receivers.receive(
            wanted.count, visibility_ms, wanted.wait_ms, waiter, wanted.attempt, self._tally
        )

    def _leased(self, queue: LedgerQueue) -> int:
        count = len(queue.ledger.timed.out)
        for other in queue.others:
            count += len(other.ledger.timed.out)
        return count

    def forget(self, queue: str, waiter: ReceiveWaiter) -> None:
        """The waiter's peer has gone: it must not be given anything."""
        found = self._space.queues.get(queue)
        if isinstance(found, LedgerQueue):
            found.receivers.forget(waiter)

    def state(self, queue: str, handle: LeaseHandle) -> str:
        """LEASED, LAPSED, TAKEN or GONE."""
        part = self._part(self._queue(queue), handle)
        if part is None:
            return GONE
        lease = part.leases.find(handle)
        if lease is None:
            timed = part.ledger.timed
            return TAKEN if handle.offset in timed.out or handle.offset in timed.lapsed else GONE
        return LEASED if self._holds(part, lease) else LAPSED

    def settle(self, queue: str, handle: LeaseHandle) -> bool:
        """The record is done with. False: somebody else has been given it, or it is gone."""
        part = self._part(self._queue(queue), handle)
        lease = None if part is None else part.leases.find(handle)
        if part is None or lease is None:
            return False
        part.leases.settle(lease)
        self._tally.acknowledged(part.settings.type_name, 1)
        return True

    def change(self, queue: str, handle: LeaseHandle, visibility_ms: int) -> None:
        """The lease ends so long from now; 0: at once. One that lapsed while nobody else was given the record stands again.

        Refusal UNKNOWN_DELIVERY: somebody else has been given it, or it is gone.
        """
        part = self._part(self._queue(queue), handle)
        lease = None if part is None else part.leases.find(handle)
        if part is None or lease is None:
            raise Refusal(Reason.UNKNOWN_DELIVERY, "queue", queue)
        if visibility_ms <= 0:
            part.counters.requeued += 1
            self._tally.requeued(part.settings.type_name, 1)
        part.leases.change(lease, visibility_ms)

    def look(self, queue: str, handle: LeaseHandle, waiter: PeekWaiter) -> Peek:
        """Shows the record that a handle names, for `reject`: nothing, or another record, when it has gone."""
        found = self._queue(queue)
        part = self._part(found, handle) or found
        peek = Peek(self._core, [ledger_part(part, False)], 1, 1, waiter)
        peek.from_offset(handle.offset)
        return peek

    def reject(self, queue: str, handle: LeaseHandle, record: Record) -> bool:
        """The record (`look`) is dead: to the dead-letter target, or dropped. False: somebody else has been given it, or it is gone."""
        part = self._part(self._queue(queue), handle)
        lease = None if part is None else part.leases.find(handle)
        if part is None or lease is None or record.offset != lease.offset:
            return False
        part.leases.reject(lease, record)
        return True

    def counts(self, queue: str) -> QueueCounts:
        self._permits.demand_queue_counts(queue)
        found = self._found(queue)
        counts = QueueCounts(found.message_count(), 0, 0)
        for part in [found, *found.others]:
            ledger = part.ledger
            counts.in_flight += len(ledger.leased) + len(ledger.timed.out)
            counts.delayed += len(ledger.delayed)
        return counts

    def purge(self, queue: str) -> int:
        """Drops all that nobody has at a connection: ready, delayed and leased with a time. Returns how many."""
        with self._audit.doing("purge", "queue", queue) as act:
            found = self._queue(queue)
            count = int(found.purge() + found.purge_waiting())
            act.detail(f"{count} records")
            return count

    # Inside.

    def _queue(self, name: str) -> LedgerQueue:
        self._permits.demand_queue_read(name)
        return self._found(name)

    def _found(self, name: str) -> LedgerQueue:
        found = self._catalog.queue(self._space, name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        if found.owner is not None:
            raise Refusal(Reason.LOCKED, "queue", name)
        if not isinstance(found, LedgerQueue):
            raise Refusal(Reason.NOT_SUPPORTED, "queue", name, "a stream has no leases")
        return found

    def _part(self, queue: LedgerQueue, handle: LeaseHandle) -> LedgerQueue | None:
        if queue.log.log_id == handle.log_id:
            return queue
        for other in queue.others:
            if other.log.log_id == handle.log_id:
                return other
        return None

    def _holds(self, part: LedgerQueue, lease: TimedLease) -> bool:
        return int(lease.offset) in part.ledger.timed.out and lease.until_ms > self._core.now_ms
