"""Records of a queue that are leased until a time: taken, named by a handle, settled, rejected, given another end.

Job: a queue's side as what its receivers (receivers.py) get records from, over all its logs in turn, and what becomes of these leases.
Must not: authorise (leasing.py does), or keep the leases (the ledger does). docs/decisions/0008.
"""

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.engine.limited_queue import LimitedQueue
from onemq.engine.queue import DIED_REJECTED
from onemq.engine.receivers import ReceiveSource
from onemq.engine.receiving import LeaseHandle, Received
from onemq.engine.timed_leases import TimedLease
from onemq.model.record import Record


class RecordLeases(ReceiveSource):
    """See the module."""

    def __init__(self, queue: LimitedQueue) -> None:
        self._queue = queue
        self._parts: list[RecordLeases] = [self]
        """Of a queue over several logs: all of them, its own first."""
        self._first: i64 = 0

    def add_other(self, other: "RecordLeases") -> None:
        """One more log of the queue."""
        self._parts.append(other)

    def counters(self) -> Counters:
        return self._queue.counters

    def type_name(self) -> str:
        return self._queue.settings.type_name

    def queue_name(self) -> str:
        return self._queue.name

    def is_loading(self) -> bool:
        queue = self._queue
        return queue.is_loading() or (queue.core.delivery_bytes_left <= 0 and queue.ledger.ready_count > 0)

    def take(self, count: i64, until_ms: i64) -> list[Received]:
        """Leases up to `count` ready records; parts of a queue over several logs take turns in giving first."""
        found: list[Received] = []
        parts: i64 = len(self._parts)
        if parts == 1:
            self._take_into(found, count, until_ms)
            return found
        for step in range(parts):
            if len(found) >= count:
                break
            self._parts[(self._first + step) % parts]._take_into(found, count, until_ms)
        self._first = (self._first + 1) % parts
        return found

    def _take_into(self, found: list[Received], count: i64, until_ms: i64) -> None:
        queue = self._queue
        ledger = queue.ledger
        core = queue.core
        log_id = queue.log.log_id
        before: i64 = len(found)
        took = False
        redelivered: i64 = 0
        size: i64 = 0
        ledger.begin_together()
        while len(found) < count and ledger.ready_count and core.delivery_bytes_left > 0:
            record = ledger.head()
            if record is None:
                break
            if queue.dies_first(record, core.now_ms):
                continue
            ledger.take_head()
            if queue.duplicates is not None:
                queue.duplicates.give_again(queue, record)
            lease = ledger.lease_until(record, until_ms)
            core.delivery_bytes_left -= lease.size
            size += lease.size
            if lease.attempts > 1:
                redelivered += 1
            found.append(Received(record, log_id, lease.offset, lease.attempts, lease.first_at_ms, until_ms))
            took = True
        ledger.end_together()
        if took:
            counters = queue.counters
            counters.delivered += len(found) - before
            counters.delivered_bytes += size
            counters.redelivered += redelivered
            if until_ms <= core.now_ms:
                ledger.release_due()
            queue.last_used_ms = core.now_ms
            core.need_write(queue.agenda)
            queue.watch_delayed()

    def renew(self, found: list[Received], until_ms: i64) -> bool:
        """As `ReceiveSource.renew`. Not of a queue over several logs."""
        leases: list[TimedLease] = []
        for each in found:
            lease = self._queue.ledger.timed.out.get(each.offset)
            if lease is None or lease.attempts != each.attempts or each.log_id != self._queue.log.log_id:
                return False
            leases.append(lease)
        for lease in leases:
            self.change(lease, until_ms - self._queue.core.now_ms)
        return True

    def find(self, handle: LeaseHandle) -> TimedLease | None:
        """What the handle names, while nobody else has been given the record since; perhaps its time is over."""
        timed = self._queue.ledger.timed
        lease = timed.out.get(handle.offset)
        if lease is None:
            lease = timed.lapsed.get(handle.offset)
        if lease is None or lease.attempts != handle.attempt or lease.first_at_ms != handle.first_at_ms:
            return None
        return lease

    def settle(self, lease: TimedLease) -> None:
        queue = self._queue
        queue.counters.acknowledged += 1
        tracer = queue.core.tracer
        if tracer is not None:
            tracer.settled(int(queue.log.log_id), int(lease.offset), "ack")
        self._settle(lease)

    def reject(self, lease: TimedLease, record: Record) -> None:
        """The record, which the lease is of, is dead."""
        self._queue.keeper.bury(self._queue, record, DIED_REJECTED)
        self._settle(lease)

    def _settle(self, lease: TimedLease) -> None:
        queue = self._queue
        if queue.ledger.settle_leased(lease):
            queue.core.need_write(queue.agenda)
        if queue.ledger.ready_count:
            # Others of its group may be given now.
            queue.core.need_dispatch(queue.agenda)

    def change(self, lease: TimedLease, visibility_ms: i64) -> None:
        """Of a lease that stands: its end, from now. 0: it is ready again."""
        queue = self._queue
        queue.ledger.change_lease(lease, queue.core.now_ms + visibility_ms)
        queue.core.need_write(queue.agenda)
        queue.watch_delayed()
        queue.core.need_dispatch(queue.agenda)
