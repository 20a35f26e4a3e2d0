"""The ledger: how a log's records go from one state to the next: ready, leased, delayed, out until a time, settled.

It decides nothing about consumers; `queue.py` does. What it changes durably it notes for the next commit.
"""

from heapq import heappop

from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import Delivery
from onemq.engine.core import Agenda, Core
from onemq.engine.ledger_facts import LedgerFacts
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.offsets import clipped, coalesced, contains, from_offsets, subtracted, total
from onemq.engine.record_states import RecordStates
from onemq.engine.timed_leases import TimedLease
from onemq.model.record import Record


class Ledger(RecordStates):
    """See the module.

    Attributes:
        head_offset: what the last successful `head` looked at. lost: records that should have been there and were not.
        purged_to: what comes before it was purged, also what is not visible yet.
    """

    def __init__(self, core: Core, log: Log, priority_max: int, agenda: Agenda) -> None:
        super().__init__(core, log, priority_max)
        self.agenda = agenda
        self.reader = LogReader(log)
        self.purged_to: i64 = 0
        self.head_offset: i64 = 0
        self.lost: i64 = 0
        self._head_lease: TimedLease | None = None
        self._unwritten = LedgerFacts()

    # Records come.

    def add_batch(self, batch: Batch) -> None:
        """The batch has become visible: its records are ready, or delayed."""
        if batch.special and (self.priority_max or self._has_delays(batch)):
            self._add_each(batch)
            return
        self.unsettled_bytes += batch.value_bytes
        if not batch.volatile:
            self.durable_bytes += batch.value_bytes
        self.ready.add(batch.base, batch.end, 0)
        self.ready_count += batch.end - batch.base

    def add_range(self, start: i64, end: i64, value_bytes: i64) -> None:
        """Records of a log that others keep are ready: [start, end), in which some offsets may hold none."""
        self.unsettled_bytes += value_bytes
        self.durable_bytes += value_bytes
        self.ready.add(start, end, 0)
        self.ready_count += end - start

    def forget_before(self, start: i64) -> bool:
        """The log begins at `start` now: what is ready before it is settled. True when there was something."""
        gone = clipped(self.ready_ranges(), 0, int(start))
        if not gone:
            return False
        self.ready.drop_before(start)
        for offset in [offset for offset in self.held if offset < start and offset not in self.leased]:
            del self.held[offset]
        lapsed = self.timed.lapsed
        for offset in [offset for offset in lapsed if offset < start]:
            # Its handle must not settle it once more.
            del lapsed[offset]
        if self.returns:
            for offset in [offset for offset in self.returns if offset < start and contains(gone, offset)]:
                del self.returns[offset]
        self.ready_count -= total(gone)
        self._unwritten.settled.add_ranges(gone)
        self._reset_bytes()
        return True

    def _reset_bytes(self) -> None:
        """Of a log that others keep only the batches' sizes are known, not the values': when nothing is left the sum is put right."""
        if self.log.kept and not (self.ready_count or self.leased or self.delayed or self.timed.out):
            self.unsettled_bytes = 0
            self.durable_bytes = 0

    def _has_delays(self, batch: Batch) -> bool:
        for record in batch.decoded(self.log.addresses):
            if record is not None and self._is_delayed(record):
                return True
        return False

    def _add_each(self, batch: Batch) -> None:
        for record in batch.decoded(self.log.addresses):
            if record is None:
                continue
            size = record.body_bytes()
            self.unsettled_bytes += size
            if not batch.volatile:
                self.durable_bytes += size
            level = self.level_of(record)
            if self._is_delayed(record):
                self._delay(record.not_before_ms, record.offset, level, size)
            else:
                self.ready.add(record.offset, record.offset + 1, level)
                self.ready_count += 1

    def release_due(self) -> bool:
        """Makes delayed records ready whose time has come; `by_due` one, if none is. True when there was one."""
        if self.by_due and self.ready_count:
            return False
        found = False
        now: i64 = self.core.now_ms
        delayed = self.delayed
        while delayed and delayed[0][0] <= now:
            _, offset, level, size = heappop(delayed)
            self.delayed_bytes -= size
            self._come_back(offset, level)
            found = True
            if self.by_due:
                break
        for lease in self.timed.due(now):
            self._lapse(lease)
            found = True
        return found

    def _lapse(self, lease: TimedLease) -> None:
        """It is over: its record is ready, and has been given to somebody so often."""
        self.timed.lapse(lease)
        self.returns[lease.offset] = int(lease.attempts << 32 | lease.failures)
        self._come_back(lease.offset, lease.level)

    def _come_back(self, offset: i64, level: i64) -> None:
        """The record is ready, at its place."""
        self.ready.come_back(offset, level)
        self.ready_count += 1

    def next_due_ms(self) -> i64:
        """When `release_due` has something to do next; 0 = never."""
        soonest = self.timed.next_ms()
        if self.delayed:
            due: i64 = self.delayed[0][0]
            if soonest == 0 or due < soonest:
                soonest = due
        return soonest

    # The head: what is delivered next.

    def head(self) -> Record | None:
        """The next ready record, not taken out yet. None: nothing is ready, or it is being loaded."""
        ready = self.ready
        while ready.find():
            offset = ready.offset
            record: Record | None = None
            if ready.came_back:
                record = self.held.get(offset)
            if record is None:
                record = self.reader.get(offset)
            self.head_offset = offset
            if record is not None or not self.reader.gone:
                return record
            if ready.came_back:
                self.take_head()
                self._lose(offset, offset + 1)
            else:
                # A log that was compacted has holes of any size: they go in one piece.
                end = ready.take_to(self.reader.gone_to)
                self.ready_count -= end - offset
                self._lose(offset, end)
        return None

    def oldest(self) -> Record | None:
        """What limits and expiry look at, as `head`; `take_head` takes it. Here they are the same."""
        return self.head()

    def begin_together(self) -> None:
        """What is leased until `end_together` goes to one and the same."""

    def end_together(self) -> None:
        """See `begin_together`."""

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> bool:
        """The store's answer. False: nobody waits for it."""
        reader = self.reader
        if not reader.loading or reader.ticket != ticket:
            return False
        reader.loaded(batches, next_offset)
        return True

    def _lose(self, offset: i64, end: i64) -> None:
        """Records that should be there are not (volatile ones after a restart): they count as settled."""
        self.lost += end - offset
        if end == offset + 1:
            self._unwritten.settled.add(offset)
        else:
            self._unwritten.settled.add_ranges([int(offset), int(end)])
        self._reset_bytes()
        self.core.will_commit = True
        self.core.need_write(self.agenda)

    def take_head(self) -> None:
        """Takes out what `head` returned."""
        ready = self.ready
        ready.take()
        self.ready_count -= 1
        if ready.came_back:
            if self.held:
                self.held.pop(ready.offset, None)
            if self.timed.lapsed:
                self._head_lease = self.timed.lapsed.pop(ready.offset, None)

    def may_take(self, record: Record) -> bool:
        """Whether a ready record may be taken out where it stands, past those before it."""
        return True

    def take_ready(self, records: list[Record]) -> None:
        """Takes out ready records, wherever they stand; by ascending offset."""
        waiting: list[int] = []
        for record in records:
            offset = int(record.offset)
            if self.ready.has_returned(offset, self.level_of(record)):
                self.timed.lapsed.pop(offset, None)
                self.held.pop(offset, None)
                self._strike(record.offset)
                self.ready_count -= 1
            else:
                waiting.append(offset)
        if waiting:
            self._take_ranges(from_offsets(waiting))

    # Records go.

    def lease(self, delivery: Delivery) -> None:
        """The record taken out is now in flight."""
        self.leased[delivery.offset] = delivery
        record = delivery.record
        self.leased_bytes += record.body_bytes()
        if not self.log.is_volatile(record):
            self._unwritten.leased.add(delivery.offset)

    def unlease(self, delivery: Delivery) -> bool:
        """The delivery is over. False when it was over before."""
        if delivery.settled:
            return False
        delivery.settled = True
        del self.leased[delivery.offset]
        self.leased_bytes -= delivery.record.body_bytes()
        return True

    def settle(self, record: Record) -> bool:
        """The record (taken out, not leased) is settled for good. True when a fact will be written."""
        return self._settle(record.offset, record.body_bytes(), self.log.is_volatile(record))

    def _settle(self, offset: i64, size: i64, volatile: bool) -> bool:
        if self.log.kept:
            # Only the batches' sizes are known of what waits: each record counts as the average of those that do.
            waiting = self.ready_count + len(self.leased) + len(self.delayed) + len(self.timed.out) + 1
            size = self.unsettled_bytes // waiting
        self.unsettled_bytes -= size
        if self.returns:
            self.returns.pop(offset, None)
        self.log.release(offset)
        if volatile:
            return False
        self.durable_bytes -= size
        self._unwritten.settled.add(offset)
        self._unwritten.settled_bytes += size
        self.core.will_commit = True
        self._reset_bytes()
        return True

    def put_back(self, record: Record, attempts: i64, failures: i64, due_ms: i64) -> bool:
        """The record is ready again at its place, or delayed until `due_ms`. True when a fact will be written."""
        offset = record.offset
        self.returns[offset] = int(attempts << 32 | failures)
        self._place_back(record, due_ms)
        self.held[offset] = record
        if self.log.is_volatile(record):
            return False
        self._unwritten.came_back(offset, attempts, failures)
        return True

    def _place_back(self, record: Record, due_ms: i64) -> None:
        level = self.level_of(record)
        if due_ms > self.core.now_ms:
            self._delay(due_ms, record.offset, level, record.body_bytes())
        else:
            self._come_back(record.offset, level)

    # Leases with a time (timed_leases.py).

    def lease_until(self, record: Record, until_ms: i64) -> TimedLease:
        """The record taken out is somebody's until then: one attempt more, and one failure unless it is settled."""
        offset = record.offset
        packed = self.returns.get(offset, 0) if self.returns else 0
        before = self._head_lease
        first_at_ms = self.core.now_ms
        if before is not None and before.offset == offset:
            first_at_ms = before.first_at_ms
        lease = TimedLease(
            offset,
            until_ms,
            (packed >> 32) + 1,
            (packed & 0xFFFFFFFF) + 1,
            first_at_ms,
            record.body_bytes(),
            self.level_of(record),
            self.log.is_volatile(record),
        )
        self.timed.add(lease)
        if not lease.volatile:
            self.core.will_commit = True
        return lease

    def change_lease(self, lease: TimedLease, until_ms: i64) -> None:
        """Another end of a lease that stands, or of one that lapsed while nobody else was given the record; now or before: it is ready."""
        offset = int(lease.offset)
        if offset in self.timed.lapsed:
            del self.timed.lapsed[offset]
            self.ready_count -= 1
            self._take_again(lease.offset)
            lease.until_ms = until_ms
            self.timed.add(lease)
        else:
            self.timed.change(lease, until_ms)
        if not lease.volatile:
            self.core.will_commit = True
        if until_ms <= self.core.now_ms:
            self._lapse(lease)

    def settle_leased(self, lease: TimedLease) -> bool:
        """What somebody has, or had last, is settled. True when a fact will be written."""
        offset = int(lease.offset)
        if offset in self.timed.out:
            self.timed.remove(lease)
        else:
            del self.timed.lapsed[offset]
            self.ready_count -= 1
            self._strike(lease.offset)
            if self.held:
                self.held.pop(offset, None)
        return self._settle(lease.offset, lease.size, lease.volatile)

    def _strike(self, offset: i64) -> None:
        """What came back by the clock is settled: it is passed over where it waits."""
        self.ready.strike(offset)

    def _take_again(self, offset: i64) -> None:
        """What came back by the clock is out once more: it is passed over where it waits."""
        self._strike(offset)

    # All at once.

    def purge(self) -> i64:
        """Settles everything that is ready, also what is not visible yet. Returns how many that were."""
        log = self.log
        pairs = self.ready_ranges()
        for index in range(0, len(pairs), 2):
            log.release_range(pairs[index], pairs[index + 1])
        if not log.kept:
            hidden_from = max(log.visible_end, self.purged_to)
            pairs = coalesced([*pairs, int(hidden_from), int(log.next_offset)])
            self.durable_bytes += log.drop_hidden()
            self.purged_to = log.next_offset
        kept_bytes = self._kept_bytes()
        stored = subtracted(pairs, log.volatile_ranges)
        if stored and log.durable:
            self._unwritten.settled.add_ranges(stored)
            self._unwritten.settled_bytes += self.durable_bytes - kept_bytes
            self.core.will_commit = True
        self.durable_bytes = kept_bytes
        self.unsettled_bytes = self.leased_bytes + self.delayed_bytes + self.timed.out_bytes
        self._forget_ready()
        return total(pairs)

    def _forget_ready(self) -> None:
        self.timed.lapsed = {}
        self.ready.clear()
        self.ready_count = 0
        self.held.clear()
        delayed: dict[int, bool] = {}
        for entry in self.delayed:
            delayed[entry[1]] = True
        returns: dict[int, int] = {}
        for offset, packed in self.returns.items():
            if offset in self.leased or offset in delayed or offset in self.timed.out:
                returns[offset] = packed
        self.returns = returns
        self.reader.forget()

    def purge_waiting(self) -> i64:
        """Settles what is delayed, or out with a time. Returns how many."""
        count: i64 = 0
        for lease in self.timed.clear():
            self._settle(lease.offset, lease.size, lease.volatile)
            count += 1
        delayed = self.delayed
        self.delayed = []
        self.delayed_bytes = 0
        volatile = self.log.volatile_ranges
        for _, offset, _, size in delayed:
            self._settle(offset, size, not self.log.durable or contains(volatile, offset))
            self.held.pop(offset, None)
            count += 1
        return count

    def write_facts(self) -> None:
        """Writes what was leased, returned and settled since the last commit."""
        self._unwritten.write(self.core.facts, self.log.log_id, self.leased, self.timed)
