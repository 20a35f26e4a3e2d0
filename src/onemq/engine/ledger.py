"""The ledger: a state per record of a log: ready, leased, delayed or settled. Memory goes with ranges and with what is in flight.

It decides nothing about consumers; `queue.py` does. What is neither ready, leased nor delayed is settled.
"""

from heapq import heapify, heappop, heappush

from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import Delivery
from onemq.engine.core import Agenda, Core
from onemq.engine.facts import TIMED_FIELDS, write_leased, write_returned, write_settled
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.offsets import (
    OffsetQueue,
    clipped,
    coalesced,
    contains,
    from_offsets,
    subtracted,
    total,
)
from onemq.engine.timed_leases import TimedLease, TimedLeases
from onemq.model.record import Record


class RangeRun:
    """Collects single offsets into ranges, cheaply when they come in order."""

    __slots__ = ("end", "pairs", "start")

    def __init__(self) -> None:
        self.start: i64 = 0
        self.end: i64 = 0
        self.pairs: list[int] = []

    def add(self, offset: i64) -> None:
        if offset == self.end and self.end > self.start:
            self.end = offset + 1
            return
        if self.end > self.start:
            self.pairs.append(int(self.start))
            self.pairs.append(int(self.end))
        self.start = offset
        self.end = offset + 1

    def add_ranges(self, pairs: list[int]) -> None:
        self.pairs.extend(pairs)

    def take(self) -> list[int]:
        """What was collected, ascending and disjoint; empty afterwards."""
        pairs = self.pairs
        if self.end > self.start:
            pairs.append(int(self.start))
            pairs.append(int(self.end))
        self.pairs = []
        self.start = 0
        self.end = 0
        return pairs if len(pairs) == 2 else coalesced(pairs)


class Ledger:
    """State per record.

    Attributes:
        by_due: what is delayed becomes ready in the order of the due times, one record at a time, however late it is looked at
            (after a restart); otherwise each has its place by its offset.
        levels: ready records by priority, in order of offset. returned: ready again (heaps), at their place among those of their level.
        leased: deliveries out, by offset, in order of leasing. delayed: heap of (due, offset, level, bytes).
        timed: records out until a time.
        held: records of returned offsets, kept so that they need not be loaded again.
        returns: per unsettled offset that came back: deliveries << 32 | failures. Of what is out until a time its lease knows more.
        ready_count, ready_bytes: what may be delivered. unsettled_bytes: all that is not settled.
        head_offset: what the last successful `head` looked at.
    """

    def __init__(self, core: Core, log: Log, priority_max: int, agenda: Agenda) -> None:
        self.core = core
        self.log = log
        self.agenda = agenda
        self.reader = LogReader(log)
        self.priority_max: i64 = priority_max
        self.by_due = False
        self.levels: list[OffsetQueue] = [OffsetQueue() for _ in range(priority_max + 1)]
        self.returned: list[list[int]] = [[] for _ in range(priority_max + 1)]
        self.returned_count: i64 = 0
        self.leased: dict[int, Delivery] = {}
        self.delayed: list[tuple[int, int, int, int]] = []
        self.timed = TimedLeases()
        self.held: dict[int, Record] = {}
        self.returns: dict[int, int] = {}
        self.ready_count: i64 = 0
        self.leased_bytes: i64 = 0
        self.delayed_bytes: i64 = 0
        self.unsettled_bytes: i64 = 0
        self.durable_bytes: i64 = 0
        self.purged_to: i64 = 0
        self.head_offset: i64 = 0
        self.lost: i64 = 0
        self._head_level: i64 = 0
        self._head_returned = False
        self._head_lease: TimedLease | None = None
        self._settled = RangeRun()
        self._settled_bytes: i64 = 0
        self._leases = RangeRun()
        self._came_back: list[int] = []
        self._struck: dict[int, bool] = {}
        """Offsets in `returned` that were settled since they came back."""
        self.replayed_settled: list[int] = []
        self.replayed_leases: list[int] = []
        self.replayed_returns: dict[int, int] = {}

    def ready_bytes(self) -> i64:
        """Bytes of the values that may be delivered."""
        return self.unsettled_bytes - self.leased_bytes - self.delayed_bytes - self.timed.out_bytes

    def unacked_count(self) -> i64:
        """Records out: at consumers, or leased with a time."""
        return len(self.leased) + len(self.timed.out)

    def unacked_bytes(self) -> i64:
        return self.leased_bytes + self.timed.out_bytes

    def oldest_ready(self) -> i64:
        """Offset of the oldest ready record; -1: nothing is ready. Loads nothing."""
        oldest: i64 = -1
        for level in range(len(self.levels)):
            ready = self.levels[level]
            if ready.count and (oldest < 0 or ready.front < oldest):
                oldest = ready.front
            if self._struck:
                self._pass_struck(level)
            if self.returned[level]:
                first: i64 = self.returned[level][0]
                if oldest < 0 or first < oldest:
                    oldest = first
        return oldest

    def level_of(self, record: Record) -> i64:
        priority: i64 = record.priority
        return priority if priority < self.priority_max else self.priority_max

    # Records come.

    def add_batch(self, batch: Batch) -> None:
        """The batch has become visible: its records are ready, or delayed."""
        if batch.special and (self.priority_max or self._has_delays(batch)):
            self._add_each(batch)
            return
        self.unsettled_bytes += batch.value_bytes
        if not batch.volatile:
            self.durable_bytes += batch.value_bytes
        self.levels[0].append(batch.base, batch.end)
        self.ready_count += batch.end - batch.base

    def add_range(self, start: i64, end: i64, value_bytes: i64) -> None:
        """Records of a log that others keep are ready: [start, end), in which some offsets may hold none."""
        self.unsettled_bytes += value_bytes
        self.durable_bytes += value_bytes
        self.levels[0].append(start, end)
        self.ready_count += end - start

    def forget_before(self, start: i64) -> bool:
        """The log begins at `start` now: what is ready before it is settled. True when there was something."""
        self._drop_struck()
        gone = clipped(self.ready_ranges(), 0, int(start))
        if not gone:
            return False
        self.levels = [_without(level, gone) for level in self.levels]
        for index in range(len(self.returned)):
            self.returned[index] = [offset for offset in self.returned[index] if offset >= start]
        self.returned_count = sum([len(heap) for heap in self.returned])
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
        self._settled.add_ranges(gone)
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

    def _is_delayed(self, record: Record) -> bool:
        due_ms = record.not_before_ms
        return due_ms > self.core.now_ms or (self.by_due and due_ms > 0)

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
                self.levels[level].append(record.offset, record.offset + 1)
                self.ready_count += 1

    def _delay(self, due_ms: i64, offset: i64, level: i64, size: i64) -> None:
        heappush(self.delayed, (int(due_ms), int(offset), int(level), int(size)))
        self.delayed_bytes += size

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
        if self._struck and self._struck.pop(offset, False):
            # It still stands there.
            self.ready_count += 1
            return
        heappush(self.returned[level], int(offset))
        self.returned_count += 1
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
        level: i64 = self.priority_max
        while level >= 0:
            ready = self.levels[level]
            if self._struck:
                self._pass_struck(level)
            if (
                self.returned_count
                and self.returned[level]
                # After a restart what came back before may stand among what never went.
                and (not ready.count or self.returned[level][0] < ready.front)
            ):
                offset: i64 = self.returned[level][0]
                record = self.held.get(offset)
                if record is None:
                    record = self.reader.get(offset)
                self._head_returned = True
            elif ready.count:
                offset = ready.front
                record = self.reader.get(offset)
                self._head_returned = False
            else:
                level -= 1
                continue
            self.head_offset = offset
            self._head_level = level
            if record is not None or not self.reader.gone:
                return record
            if self._head_returned:
                self.take_head()
                self._lose(offset, offset + 1)
            else:
                # A log that was compacted has holes of any size: they go in one piece.
                count = ready.count
                end = ready.pop_to(self.reader.gone_to)
                self.ready_count -= count - ready.count
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
            self._settled.add(offset)
        else:
            self._settled.add_ranges([int(offset), int(end)])
        self._reset_bytes()
        self.core.will_commit = True
        self.core.need_write(self.agenda)

    def take_head(self) -> None:
        """Takes out what `head` returned."""
        if self._head_returned:
            offset = heappop(self.returned[self._head_level])
            self.returned_count -= 1
            if self.held:
                self.held.pop(offset, None)
            if self.timed.lapsed:
                self._head_lease = self.timed.lapsed.pop(offset, None)
        else:
            self.levels[self._head_level].pop()
        self.ready_count -= 1

    def may_take(self, record: Record) -> bool:
        """Whether a ready record may be taken out where it stands, past those before it."""
        return True

    def take_ready(self, records: list[Record]) -> None:
        """Takes out ready records, wherever they stand; by ascending offset."""
        waiting: list[int] = []
        for record in records:
            offset = int(record.offset)
            if self.returned_count and offset in self.returned[self.level_of(record)]:
                self.timed.lapsed.pop(offset, None)
                self.held.pop(offset, None)
                self._strike(record.offset)
                self.ready_count -= 1
            else:
                waiting.append(offset)
        if waiting:
            self._take_from_levels(from_offsets(waiting))

    # Records go.

    def lease(self, delivery: Delivery) -> None:
        """The record taken out is now in flight."""
        self.leased[delivery.offset] = delivery
        record = delivery.record
        self.leased_bytes += record.body_bytes()
        if not self.log.is_volatile(record):
            self._leases.add(delivery.offset)

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
        self._settled.add(offset)
        self._settled_bytes += size
        self.core.will_commit = True
        self._reset_bytes()
        return True

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
        self._struck[int(offset)] = True

    def _take_again(self, offset: i64) -> None:
        """What came back by the clock is out once more: it is passed over where it waits."""
        self._strike(offset)

    def _pass_struck(self, level: i64) -> None:
        heap = self.returned[level]
        while heap and heap[0] in self._struck:
            del self._struck[heappop(heap)]
            self.returned_count -= 1

    def _drop_struck(self) -> None:
        if not self._struck:
            return
        for index in range(len(self.returned)):
            kept = [offset for offset in self.returned[index] if offset not in self._struck]
            heapify(kept)
            self.returned[index] = kept
        self.returned_count = sum([len(heap) for heap in self.returned])
        self._struck = {}

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

    def put_back(self, record: Record, attempts: i64, failures: i64, due_ms: i64) -> bool:
        """The record is ready again at its place, or delayed until `due_ms`. True when a fact will be written."""
        offset = record.offset
        self.returns[offset] = int(attempts << 32 | failures)
        self._place_back(record, due_ms)
        self.held[offset] = record
        if self.log.is_volatile(record):
            return False
        self._came_back.append(int(offset))
        self._came_back.append(int(attempts))
        self._came_back.append(int(failures))
        return True

    def _place_back(self, record: Record, due_ms: i64) -> None:
        level = self.level_of(record)
        if due_ms > self.core.now_ms:
            self._delay(due_ms, record.offset, level, record.body_bytes())
        else:
            self._come_back(record.offset, level)

    def attempts(self, offset: i64) -> i64:
        """How often the record was given to somebody, the time that it is out until a time included."""
        if self.timed.out:
            lease = self.timed.out.get(offset)
            if lease is not None:
                return lease.attempts
        return self.returns.get(offset, 0) >> 32

    def failures(self, offset: i64) -> i64:
        """How many of `attempts` failed."""
        if self.timed.out:
            lease = self.timed.out.get(offset)
            if lease is not None:
                return lease.failures
        return self.returns.get(offset, 0) & 0xFFFFFFFF

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
            self._settled.add_ranges(stored)
            self._settled_bytes += self.durable_bytes - kept_bytes
            self.core.will_commit = True
        self.durable_bytes = kept_bytes
        self.unsettled_bytes = self.leased_bytes + self.delayed_bytes + self.timed.out_bytes
        self._forget_ready()
        return total(pairs)

    def _kept_bytes(self) -> i64:
        """Bytes of the durable values that a purge leaves: leased and delayed."""
        size: i64 = 0
        if not self.log.durable:
            return size
        for delivery in self.leased.values():
            if not self.log.is_volatile(delivery.record):
                size += delivery.record.body_bytes()
        volatile = self.log.volatile_ranges
        for entry in self.delayed:
            if not contains(volatile, entry[1]):
                size += entry[3]
        for lease in self.timed.out.values():
            if not lease.volatile:
                size += lease.size
        return size

    def _forget_ready(self) -> None:
        self._struck = {}
        self.timed.lapsed = {}
        for level in self.levels:
            level.clear()
        for heap in self.returned:
            heap.clear()
        self.returned_count = 0
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

    def ready_ranges(self) -> list[int]:
        """Offsets of all that is ready."""
        self._drop_struck()
        pairs: list[int] = []
        for level in self.levels:
            pairs.extend(level.ranges())
        for heap in self.returned:
            pairs.extend(from_offsets(heap))
        return coalesced(pairs)

    def unsettled_ranges(self) -> list[int]:
        """Offsets of all that is visible and not settled."""
        pairs = self.ready_ranges()
        pairs.extend(from_offsets(list(self.leased)))
        pairs.extend(from_offsets(list(self.timed.out)))
        pairs.extend(from_offsets([entry[1] for entry in self.delayed]))
        return coalesced(pairs)

    # Facts.

    def write_facts(self) -> None:
        """Writes what was leased, returned and settled since the last commit."""
        facts = self.core.facts
        log_id = self.log.log_id
        leases = self._leases.take()
        settled = self._settled.take()
        leases = subtracted(leases, settled) if leases and settled else leases
        if leases:
            write_leased(facts, log_id, leases)
        if self._came_back:
            write_returned(facts, log_id, self._came_back)
            again: list[int] = []
            for index in range(0, len(self._came_back), 3):
                if self._came_back[index] in self.leased:
                    again.append(self._came_back[index])
            self._came_back = []
            if again:
                # What came back and went out again in one turn is out: the last fact about it has to say so.
                write_leased(facts, log_id, from_offsets(again))
        # After what the turn's other leases and returns say: what is out or lapsed now was given to nobody else since.
        self.timed.write_facts(facts, log_id)
        if settled:
            write_settled(facts, log_id, self._settled_bytes, settled)
            self._settled_bytes = 0

    # Snapshot and recovery.

    def state(
        self, hidden: list[Batch], start: i64 = 0, end: i64 = 0, value_bytes: i64 = 0
    ) -> dict[str, object]:
        """What a restart needs of the durable records, as plain values: a snapshot of now stands for the facts of those whose commit
        is under way. They are in the batches of `hidden`, and in [start, end) as in `add_range`."""
        log = self.log
        self._drop_struck()
        if log.volatile_ranges:
            log.keep_volatile(self.unsettled_ranges())
        volatile = log.volatile_ranges
        levels: list[list[int]] = []
        for index in range(len(self.levels)):
            levels.append(self.levels[index].ranges() + from_offsets(self.returned[index]))
        leased: list[int] = []
        for delivery in self.leased.values():
            if not log.is_volatile(delivery.record):
                levels[self.level_of(delivery.record)].extend(
                    (int(delivery.offset), int(delivery.offset) + 1)
                )
                leased.append(int(delivery.offset))
        for lease in self.timed.out.values():
            # Somebody else may be given it after its time: then it is no more in `timed`.
            if not lease.volatile:
                levels[lease.level].extend((int(lease.offset), int(lease.offset) + 1))
        returns: list[int] = []
        for offset, packed in self.returns.items():
            if offset not in self.timed.out and not contains(volatile, offset):
                returns.extend((offset, packed >> 32, packed & 0xFFFFFFFF))
        for lease in self.timed.out.values():
            if not lease.volatile:
                returns.extend((int(lease.offset), int(lease.attempts), int(lease.failures)))
        delayed: list[int] = []
        for entry in self.delayed:
            if not contains(volatile, entry[1]):
                delayed.extend(entry)
        hidden_bytes = self._hidden_state(hidden, levels, delayed) + value_bytes
        if start < end:
            looked_at: list[int] = []
            for batch in hidden:
                looked_at.extend((int(batch.base), int(batch.end)))
            levels[0].extend(subtracted([int(start), int(end)], coalesced(looked_at)))
        return {
            "levels": [subtracted(coalesced(pairs), volatile) for pairs in levels],
            "leased": leased,
            "returns": returns,
            "delayed": delayed,
            "timed": self.timed.state(),
            "bytes": int(self.durable_bytes + hidden_bytes),
        }

    def _hidden_state(self, hidden: list[Batch], levels: list[list[int]], delayed: list[int]) -> i64:
        """Adds the durable records among `hidden`. Returns the bytes of their values."""
        size: i64 = 0
        for batch in hidden:
            if batch.volatile or batch.live <= 0:
                continue
            size += batch.value_bytes
            if not batch.special:
                levels[0].extend((int(batch.base), int(batch.end)))
                continue
            for record in batch.decoded(self.log.addresses):
                if record is None:
                    continue
                offset = int(record.offset)
                level = int(self.level_of(record))
                if self._is_delayed(record):
                    delayed.extend((int(record.not_before_ms), offset, level, int(record.body_bytes())))
                else:
                    levels[level].extend((offset, offset + 1))
        return size

    def restore(
        self,
        levels: list[list[int]],
        leased: list[int],
        returns: list[int],
        delayed: list[int],
        size: int,
        timed: list[int],
        groups: list[list[bytes]],
    ) -> None:
        """Takes over what `state` said."""
        assert not groups, "groups in the state of a ledger without"
        for index, pairs in enumerate(levels):
            level = self.levels[min(index, len(self.levels) - 1)]
            for at in range(0, len(pairs), 2):
                level.append(pairs[at], pairs[at + 1])
                self.ready_count += pairs[at + 1] - pairs[at]
        self.replayed_leases = from_offsets(leased)
        for at in range(0, len(returns), 3):
            self.returns[returns[at]] = returns[at + 1] << 32 | returns[at + 2]
        for at in range(0, len(delayed), 4):
            self._delay(delayed[at], delayed[at + 1], delayed[at + 2], delayed[at + 3])
        self.timed.replay(timed)
        self.unsettled_bytes = size
        self.durable_bytes = size

    def replay_returned(self, offset: int, attempts: int, failures: int) -> None:
        self.returns[offset] = attempts << 32 | failures
        self.replayed_returns[offset] = len(self.replayed_leases)

    def replay_leased(self, pairs: list[int]) -> None:
        self.replayed_leases.extend(pairs)
        if self.timed.replayed:
            self.timed.replay_taken(pairs)

    def replay_timed(self, fields: list[int]) -> None:
        """What a TIMED fact says: it ends whatever was said of these records before."""
        self.timed.replay(fields)
        for at in range(0, len(fields), TIMED_FIELDS):
            self.replay_returned(fields[at], fields[at + 3], fields[at + 4])

    def finish_recovery(self) -> None:
        """Everything has been replayed: takes out what was settled, counts what was in flight as delivered once more."""
        settled = coalesced(self.replayed_settled)
        self.replayed_settled = []
        self.ready_count = 0
        for index in range(len(self.levels)):
            level = _without(self.levels[index], settled)
            self.levels[index] = level
            self.ready_count += level.count
        self._settle_delayed(settled)
        self._take_timed(settled)
        unsettled = self.unsettled_ranges()
        self._count_interrupted(unsettled)
        self._count_live(unsettled)
        if not unsettled:
            self.unsettled_bytes = 0
            self.durable_bytes = 0

    def _settle_delayed(self, settled: list[int]) -> None:
        delayed = self.delayed
        self.delayed = []
        self.delayed_bytes = 0
        waiting: list[int] = []
        for due_ms, offset, level, size in delayed:
            if not contains(settled, offset):
                self._delay(due_ms, offset, level, size)
                waiting.append(offset)
        if waiting:
            self._take_from_levels(from_offsets(waiting))

    def _take_timed(self, settled: list[int]) -> None:
        """Leases with a time go on. What is over lapses with the first look at the clock."""
        replayed = self.timed.replayed
        self.timed.replayed = {}
        for offset, lease in replayed.items():
            if not contains(settled, offset):
                self.timed.restore(lease)
        if self.timed.out:
            waiting = from_offsets(list(self.timed.out))
            self._take_from_levels(waiting)
            delayed = [entry for entry in self.delayed if entry[1] not in self.timed.out]
            self.delayed_bytes -= sum([entry[3] for entry in self.delayed]) - sum(
                [entry[3] for entry in delayed]
            )
            heapify(delayed)
            self.delayed = delayed

    def _take_from_levels(self, waiting: list[int]) -> None:
        """Records that are delayed again after they were ready are not ready."""
        for index in range(len(self.levels)):
            level = _without(self.levels[index], waiting)
            self.ready_count += level.count - self.levels[index].count
            self.levels[index] = level

    def _count_interrupted(self, unsettled: list[int]) -> None:
        leases = self.replayed_leases
        self.replayed_leases = []
        for at in range(0, len(leases), 2):
            found = clipped(unsettled, leases[at], leases[at + 1])
            for place in range(0, len(found), 2):
                for offset in range(found[place], found[place + 1]):
                    if self.replayed_returns.get(offset, 0) <= at:
                        packed = self.returns.get(offset, 0)
                        self.returns[offset] = ((packed >> 32) + 1) << 32 | ((packed & 0xFFFFFFFF) + 1)
        self.replayed_returns = {}
        alive: dict[int, int] = {}
        for offset, packed in self.returns.items():
            if contains(unsettled, offset):
                alive[offset] = packed
        self.returns = alive

    def _count_live(self, unsettled: list[int]) -> None:
        log = self.log
        if log.kept:
            return
        for batch in log.tail:
            batch.live = total(clipped(unsettled, int(batch.base), int(batch.end)))
            if batch.live <= 0:
                log._drop_cost(batch)
        log.squeeze()


def _without(level: OffsetQueue, gone: list[int]) -> OffsetQueue:
    pairs = subtracted(level.ranges(), gone)
    rest = OffsetQueue()
    for at in range(0, len(pairs), 2):
        rest.append(pairs[at], pairs[at + 1])
    return rest
