"""States of a log's records: each is ready, leased, delayed, out until a time, or settled. What is none of the others is settled.

Job: hold them, in memory that goes with ranges and with what is in flight; counts and bytes of each; a snapshot of them, and recovery from
one with the facts behind it. Must not: decide which state follows which; `ledger.py` does.
"""

from heapq import heapify, heappush

from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import Delivery
from onemq.engine.core import Core
from onemq.engine.facts import TIMED_FIELDS
from onemq.engine.log import Log
from onemq.engine.offsets import clipped, coalesced, contains, from_offsets, subtracted, total
from onemq.engine.ready_records import ReadyRecords
from onemq.engine.timed_leases import TimedLeases
from onemq.model.record import Record


class RecordStates:
    """See the module.

    Attributes:
        by_due: what is delayed becomes ready in the order of the due times, one record at a time, however late it is looked at
            (after a restart); otherwise each has its place by its offset.
        ready: what may be delivered, in order. ready_count: how many that are, those that are kept by group included.
        leased: deliveries out, by offset, in order of leasing. delayed: heap of (due, offset, level, bytes).
        timed: records out until a time.
        held: records of returned offsets, kept so that they need not be loaded again.
        returns: per unsettled offset that came back: deliveries << 32 | failures. Of what is out until a time its lease knows more.
        unsettled_bytes: all that is not settled. durable_bytes: what of that a restart brings back.
    """

    def __init__(self, core: Core, log: Log, priority_max: int) -> None:
        self.core = core
        self.log = log
        self.priority_max: i64 = priority_max
        self.by_due = False
        self.ready = ReadyRecords(priority_max)
        self.ready_count: i64 = 0
        self.leased: dict[int, Delivery] = {}
        self.delayed: list[tuple[int, int, int, int]] = []
        self.timed = TimedLeases()
        self.held: dict[int, Record] = {}
        self.returns: dict[int, int] = {}
        self.leased_bytes: i64 = 0
        self.delayed_bytes: i64 = 0
        self.unsettled_bytes: i64 = 0
        self.durable_bytes: i64 = 0
        self._replayed_settled: list[int] = []
        self._replayed_leases: list[int] = []
        self._replayed_returns: dict[int, int] = {}

    def level_of(self, record: Record) -> i64:
        priority: i64 = record.priority
        return priority if priority < self.priority_max else self.priority_max

    def _is_delayed(self, record: Record) -> bool:
        due_ms = record.not_before_ms
        return due_ms > self.core.now_ms or (self.by_due and due_ms > 0)

    def _delay(self, due_ms: i64, offset: i64, level: i64, size: i64) -> None:
        heappush(self.delayed, (int(due_ms), int(offset), int(level), int(size)))
        self.delayed_bytes += size

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

    # Counts and ranges.

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
        return self.ready.oldest()

    def ready_ranges(self) -> list[int]:
        """Offsets of all that is ready."""
        return self.ready.ranges()

    def unsettled_ranges(self) -> list[int]:
        """Offsets of all that is visible and not settled."""
        pairs = self.ready_ranges()
        pairs.extend(from_offsets(list(self.leased)))
        pairs.extend(from_offsets(list(self.timed.out)))
        pairs.extend(from_offsets([entry[1] for entry in self.delayed]))
        return coalesced(pairs)

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

    # Snapshot.

    def state(
        self, hidden: list[Batch], start: i64 = 0, end: i64 = 0, value_bytes: i64 = 0
    ) -> dict[str, object]:
        """What a restart needs of the durable records, as plain values: a snapshot of now stands for the facts of those whose commit
        is under way. They are in the batches of `hidden`, and in [start, end) as in `add_range`."""
        log = self.log
        if log.volatile_ranges:
            log.keep_volatile(self.unsettled_ranges())
        volatile = log.volatile_ranges
        levels = self.ready.by_level()
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
            level = min(index, self.priority_max)
            for at in range(0, len(pairs), 2):
                self.ready.add(pairs[at], pairs[at + 1], level)
                self.ready_count += pairs[at + 1] - pairs[at]
        self._replayed_leases = from_offsets(leased)
        for at in range(0, len(returns), 3):
            self.returns[returns[at]] = returns[at + 1] << 32 | returns[at + 2]
        for at in range(0, len(delayed), 4):
            self._delay(delayed[at], delayed[at + 1], delayed[at + 2], delayed[at + 3])
        self.timed.replay(timed)
        self.unsettled_bytes = size
        self.durable_bytes = size

    # Recovery.

    def replay_settled(self, pairs: list[int], size: i64) -> None:
        self.unsettled_bytes -= size
        self.durable_bytes -= size
        self._replayed_settled.extend(pairs)

    def replay_returned(self, offset: int, attempts: int, failures: int) -> None:
        self.returns[offset] = attempts << 32 | failures
        self._replayed_returns[offset] = len(self._replayed_leases)

    def replay_leased(self, pairs: list[int]) -> None:
        self._replayed_leases.extend(pairs)
        if self.timed.replayed:
            self.timed.replay_taken(pairs)

    def replay_timed(self, fields: list[int]) -> None:
        """What a TIMED fact says: it ends whatever was said of these records before."""
        self.timed.replay(fields)
        for at in range(0, len(fields), TIMED_FIELDS):
            self.replay_returned(fields[at], fields[at + 3], fields[at + 4])

    def finish_recovery(self) -> None:
        """Everything has been replayed: takes out what was settled, counts what was in flight as delivered once more."""
        settled = coalesced(self._replayed_settled)
        self._replayed_settled = []
        self.ready.take_ranges(settled)
        self.ready_count = self.ready.count()
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
            self._take_ranges(from_offsets(waiting))

    def _take_timed(self, settled: list[int]) -> None:
        """Leases with a time go on. What is over lapses with the first look at the clock."""
        replayed = self.timed.replayed
        self.timed.replayed = {}
        for offset, lease in replayed.items():
            if not contains(settled, offset):
                self.timed.restore(lease)
        if self.timed.out:
            self._take_ranges(from_offsets(list(self.timed.out)))
            delayed = [entry for entry in self.delayed if entry[1] not in self.timed.out]
            self.delayed_bytes -= sum([entry[3] for entry in self.delayed]) - sum(
                [entry[3] for entry in delayed]
            )
            heapify(delayed)
            self.delayed = delayed

    def _take_ranges(self, pairs: list[int]) -> None:
        """What never went of these is not ready any more."""
        self.ready_count -= self.ready.take_ranges(pairs)

    def _count_interrupted(self, unsettled: list[int]) -> None:
        leases = self._replayed_leases
        self._replayed_leases = []
        for at in range(0, len(leases), 2):
            found = clipped(unsettled, leases[at], leases[at + 1])
            for place in range(0, len(found), 2):
                for offset in range(found[place], found[place + 1]):
                    if self._replayed_returns.get(offset, 0) <= at:
                        packed = self.returns.get(offset, 0)
                        self.returns[offset] = ((packed >> 32) + 1) << 32 | ((packed & 0xFFFFFFFF) + 1)
        self._replayed_returns = {}
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
