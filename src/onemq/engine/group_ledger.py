"""A ledger whose ready records are kept by group: strict (order per group) or fair (docs/decisions/0008). A record's key is its group.

Job: as ledger.py (states per record), with another answer to which record is next. Records without a key are each a group of
their own: they are kept as an ungrouped ledger keeps all of them. Keys are remembered, so that no record is loaded for its key.
Must not: decide about consumers, or know of queues.
Spec: Amazon SQS Developer Guide, "FIFO queue delivery logic" and "Amazon SQS fair queues".
"""

from array import array
from typing import Final

from librt.strings import BytesWriter, read_i64_be, write_i64_be
from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import Delivery
from onemq.engine.core import Agenda, Core
from onemq.engine.ledger import Ledger
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.offsets import coalesced, contains, from_offsets, subtracted
from onemq.engine.order_group import OrderGroup
from onemq.engine.order_groups import OrderGroups
from onemq.engine.timed_leases import TimedLease
from onemq.model.record import Record
from onemq.model.record_codec import decode_batch

TAKEN_OVER: Final = (
    "by_due",
    "reader",
    "ready",
    "leased",
    "delayed",
    "timed",
    "held",
    "returns",
    "ready_count",
    "leased_bytes",
    "delayed_bytes",
    "unsettled_bytes",
    "durable_bytes",
    "purged_to",
    "head_offset",
    "lost",
    "_head_lease",
    "_unwritten",
    "_replayed_settled",
    "_replayed_leases",
    "_replayed_returns",
)
"""All of a ledger's state: what core, log, agenda and priority_max are does not change."""


class GroupLedger(Ledger):
    """See the module. `replaying`: facts are being folded, `finish_recovery` will follow."""

    def __init__(self, core: Core, log: Log, agenda: Agenda, strict: bool, replaying: bool) -> None:
        super().__init__(core, log, 0, agenda)
        self.strict = strict
        self._groups = OrderGroups(strict)
        self._grouped = True
        self._replaying = replaying
        self._replayed_keys: dict[bytes, array[int]] = {}
        self._head_group: OrderGroup | None = None
        self._age_reader = LogReader(log)

    # Records come.

    def add_batch(self, batch: Batch) -> None:
        if not self._grouped:
            super().add_batch(batch)
            return
        if self._replaying:
            super().add_batch(batch)
            self._note_keys(batch)
            return
        for record in batch.decoded(self.log.addresses):
            if record is not None and record.key is not None:
                self._add_each(batch)
                return
        super().add_batch(batch)

    def _add_each(self, batch: Batch) -> None:
        if not self._grouped or self._replaying:
            super()._add_each(batch)
            return
        groups = self._groups
        self.unsettled_bytes += batch.value_bytes
        if not batch.volatile:
            self.durable_bytes += batch.value_bytes
        for record in batch.decoded(self.log.addresses):
            if record is None:
                continue
            offset = record.offset
            key = record.key
            if record.not_before_ms > self.core.now_ms:
                self._delay(record.not_before_ms, offset, 0, record.body_bytes())
                if key is not None:
                    groups.arrive_later(key, offset)
                continue
            self.ready_count += 1
            if key is None:
                self.ready.add(offset, offset + 1, 0)
            else:
                groups.arrive(key, offset)

    def _come_back(self, offset: i64, level: i64) -> None:
        if self._grouped and self._groups.due(offset):
            self.ready_count += 1
        else:
            super()._come_back(offset, level)

    def _place_back(self, record: Record, due_ms: i64) -> None:
        key = record.key
        if key is None or not self._grouped:
            super()._place_back(record, due_ms)
        elif due_ms > self.core.now_ms:
            self._delay(due_ms, record.offset, 0, record.body_bytes())
            self._groups.give_back_later(key, record.offset)
        else:
            self._groups.give_back(key, record.offset)
            self.ready_count += 1

    # What is next.

    def head(self) -> Record | None:
        while True:
            group = self._groups.next()
            pool = self.ready.front(0)
            if group is None or (pool >= 0 and self._pool_first(group, pool)):
                self._head_group = None
                record = super().head()
                if record is not None or self.reader.loading or group is None:
                    return record
                # What stood before the group has gone.
                continue
            offset = group.head()
            record = self._look(offset, self.reader)
            if record is not None or not self.reader.gone:
                self._head_group = group
                self.head_offset = offset
                return record
            self._lose_head(group, offset)

    def _pool_first(self, group: OrderGroup, pool: i64) -> bool:
        """Whether the first record without a key comes before the head of the group."""
        if group is self._groups.current:
            return False
        if not self.strict and group.out:
            return True
        return pool < group.head()

    def _look(self, offset: i64, reader: LogReader) -> Record | None:
        """None: it is being loaded, or (`reader.gone`) not there."""
        if self.held:
            record = self.held.get(offset)
            if record is not None:
                return record
        return reader.get(offset)

    def _lose_head(self, group: OrderGroup, offset: i64) -> None:
        self._take(group, offset)
        self._groups.tidy(group.key)
        self._lose(offset, offset + 1)

    def _take(self, group: OrderGroup, offset: i64) -> None:
        self._groups.take(group)
        self.ready_count -= 1
        if self.held:
            self.held.pop(offset, None)
        if self.timed.lapsed:
            self._head_lease = self.timed.lapsed.pop(offset, None)

    def take_head(self) -> None:
        group = self._head_group
        if group is None:
            super().take_head()
        else:
            self._take(group, self.head_offset)

    def may_take(self, record: Record) -> bool:
        key = record.key
        return key is None or not self._grouped or self._groups.may_pick(key, record.offset)

    def take_ready(self, records: list[Record]) -> None:
        of_no_group: list[Record] = []
        for record in records:
            key = record.key
            if key is None or not self._groups.pick(key, record.offset):
                of_no_group.append(record)
                continue
            offset = int(record.offset)
            self.ready_count -= 1
            self.held.pop(offset, None)
            self.timed.lapsed.pop(offset, None)
        super().take_ready(of_no_group)

    def oldest(self) -> Record | None:
        """As `head`, of the records that nobody may be given as well."""
        while True:
            group = self._groups.oldest()
            pool = self.ready.front(0)
            if group is None or 0 <= pool < group.head():
                self._head_group = None
                record = super().head()
                if record is not None or self.reader.loading or group is None:
                    return record
                continue
            offset = group.head()
            # What is next anyway need not be loaded twice.
            reader = self.reader if self._groups.next() is group else self._age_reader
            record = self._look(offset, reader)
            if record is not None or not reader.gone:
                self._head_group = group
                self.head_offset = offset
                return record
            self._lose_head(group, offset)

    def oldest_ready(self) -> i64:
        oldest = super().oldest_ready()
        group = self._groups.oldest()
        if group is not None and (oldest < 0 or group.head() < oldest):
            oldest = group.head()
        return oldest

    def begin_together(self) -> None:
        self._groups.begin_together()

    def end_together(self) -> None:
        self._groups.end_together()

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> bool:
        reader = self._age_reader
        if reader.loading and reader.ticket == ticket:
            reader.loaded(batches, next_offset)
            return True
        return super().loaded(ticket, batches, next_offset)

    # Records go.

    def lease(self, delivery: Delivery) -> None:
        super().lease(delivery)
        key = delivery.record.key
        if key is not None and self._grouped:
            self._groups.lend(key, delivery.offset)

    def unlease(self, delivery: Delivery) -> bool:
        if not super().unlease(delivery):
            return False
        if delivery.record.key is not None:
            self._groups.end(delivery.offset)
        return True

    def settle(self, record: Record) -> bool:
        key = record.key
        if key is not None:
            self._groups.tidy(key)
        return super().settle(record)

    def lease_until(self, record: Record, until_ms: i64) -> TimedLease:
        key = record.key
        if key is not None and self._grouped:
            self._groups.lend(key, record.offset)
        return super().lease_until(record, until_ms)

    def settle_leased(self, lease: TimedLease) -> bool:
        # Nothing to do for one that has come back; it is struck out.
        self._groups.end(lease.offset)
        return super().settle_leased(lease)

    def _strike(self, offset: i64) -> None:
        if not self._groups.strike(offset):
            super()._strike(offset)

    def _take_again(self, offset: i64) -> None:
        if not self._groups.lend_again(offset):
            super()._strike(offset)

    def purge_waiting(self) -> i64:
        count = super().purge_waiting()
        self._groups.drop_later(list(self.leased))
        return count

    def _forget_ready(self) -> None:
        super()._forget_ready()
        self._groups.drop_ready()
        self._age_reader.forget()

    def ready_ranges(self) -> list[int]:
        pairs = super().ready_ranges()
        waiting = self._groups.waiting()
        return coalesced(pairs + from_offsets(waiting)) if waiting else pairs

    # Without groups, and with them after all.

    def take_over(self, plain: Ledger) -> None:
        """Goes on where an ungrouped ledger of the log was. What is there already has no group."""
        for name in TAKEN_OVER:
            setattr(self, name, getattr(plain, name))

    def group_again(self) -> None:
        """What comes from now on is grouped by its key."""
        self._grouped = True

    def ungroup(self) -> None:
        """From now on as any ledger: what waits is ready in order of offset."""
        if not self._grouped:
            return
        self._grouped = False
        self._replayed_keys = {}
        came_back: dict[int, bool] = {}
        for group in self._groups.by_key.values():
            for offset in group.returned_offsets():
                came_back[offset] = True
                self.ready.come_back(offset, 0)
        self.ready.add_among([offset for offset in self._groups.waiting() if offset not in came_back])
        self._groups = OrderGroups(self.strict)
        self._head_group = None

    # Snapshot and recovery.

    def state(
        self, hidden: list[Batch], start: i64 = 0, end: i64 = 0, value_bytes: i64 = 0
    ) -> dict[str, object]:
        state = super().state(hidden, start, end, value_bytes)
        if self._grouped:
            state["groups"] = self._groups_state(hidden)
        return state

    def _groups_state(self, hidden: list[Batch]) -> list[object]:
        """List of [key, ranges as octets] of what is not settled: ready, put off, or out."""
        found: list[object] = []
        for group in self._groups.by_key.values():
            offsets = group.offsets()
            if offsets:
                self._add_ranges(found, group.key, offsets)
        apart: dict[bytes, list[int]] = {}
        for place, group in self._groups.lent.items():
            apart.setdefault(group.key, []).append(place)
        for place, group in self._groups.put_off.items():
            apart.setdefault(group.key, []).append(place)
        for batch in hidden:
            if batch.volatile or batch.live <= 0:
                continue
            for record in batch.decoded(self.log.addresses):
                if record is not None and record.key is not None:
                    apart.setdefault(record.key, []).append(int(record.offset))
        for key, offsets in apart.items():
            self._add_ranges(found, key, offsets)
        return found

    def _add_ranges(self, found: list[object], key: bytes, offsets: list[int]) -> None:
        pairs = from_offsets(offsets)
        if self.log.volatile_ranges:
            pairs = subtracted(pairs, self.log.volatile_ranges)
        if not pairs:
            return
        out = BytesWriter()
        for number in pairs:
            write_i64_be(out, number)
        found.append([key, out.getvalue()])

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
        merged: list[int] = self._restore_keys(groups)
        for pairs in levels:
            merged.extend(pairs)
        super().restore([coalesced(merged)], leased, returns, delayed, size, timed, [])

    def _restore_keys(self, groups: list[list[bytes]]) -> list[int]:
        """Takes over the keys. Returns their offsets as ranges: `levels` has them not."""
        pairs: list[int] = []
        for key, octets in groups:
            offsets = self._keys_of(key)
            at: i64 = 0
            while at < len(octets):
                start = read_i64_be(octets, at)
                end = read_i64_be(octets, at + 8)
                at += 16
                pairs.append(int(start))
                pairs.append(int(end))
                while start < end:
                    offsets.append(int(start))
                    start += 1
        return pairs

    def _keys_of(self, key: bytes) -> "array[int]":
        offsets = self._replayed_keys.get(key)
        if offsets is None:
            offsets = array("q")
            self._replayed_keys[key] = offsets
        return offsets

    def _note_keys(self, batch: Batch) -> None:
        """Of a batch of the journal. It stays as stored: only its keys are of interest."""
        data = batch.data
        if data is not None:
            for found in decode_batch(data, 0, self.log.addresses):
                if found.key is not None:
                    self._keys_of(found.key).append(int(found.offset))
            return
        for record in batch.decoded(self.log.addresses):
            if record is not None and record.key is not None:
                self._keys_of(record.key).append(int(record.offset))

    def finish_recovery(self) -> None:
        super().finish_recovery()
        self._replaying = False
        replayed = self._replayed_keys
        self._replayed_keys = {}
        if not replayed:
            return
        ready = self.ready.ranges()
        later: dict[int, bool] = {}
        for entry in self.delayed:
            later[entry[1]] = True
        moved: list[int] = []
        for key, offsets in replayed.items():
            self._regroup(key, offsets, ready, later, moved)
        self.ready.take_ranges(from_offsets(moved))

    def _regroup(
        self, key: bytes, offsets: "array[int]", ready: list[int], later: dict[int, bool], moved: list[int]
    ) -> None:
        """The records of one group take their places."""
        groups = self._groups
        last = -1
        for offset in sorted(offsets):
            if offset == last:
                continue
            last = offset
            if offset in later:
                groups.arrive_later(key, offset)
            elif offset in self.timed.out:
                groups.lend(key, offset)
            elif contains(ready, offset):
                groups.arrive(key, offset)
                moved.append(offset)
