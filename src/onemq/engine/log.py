"""The log: an append-only sequence of records with offsets. Its tail is in memory, older records are spilled to the store.

A turn's appends become batches when the log is sealed; a durable batch becomes visible when its commit is durable, a volatile
one at once, always in order of offset. The log knows nothing of who reads it.
"""

from collections import deque

from mypy_extensions import i64

from onemq.engine.batch import Batch, find_batch
from onemq.engine.core import Core
from onemq.engine.facts import SPECIAL
from onemq.engine.offsets import coalesced, contains, intersected
from onemq.engine.spill_times import SpillTimes
from onemq.model.record import Record
from onemq.model.record_batch import end_offset, placed_batch
from onemq.model.record_codec import encode_batch
from onemq.model.reserved_header import AddressCache

RECORD_OVERHEAD_BYTES = 360
"""What one record costs in memory beyond its own bytes (measured with compiled objects, rounded up)."""


class Log:
    """One log.

    Attributes:
        durable: whether its persistent records are stored. persists_all: transient records count as persistent.
        kept: records stay until retention takes them, whoever has read them.
        raw: batches are kept as stored, since they are read as such.
        next_offset: the next record's. visible_end: what readers may see ends here. start_offset: first one kept.
        spilled_to: every live record before it can be loaded from the store.
        tail: batches in memory, by offset; those before `spilled_to` may be dropped at any time.
        made_ms: when it was made, or brought back by a restart.
        may_expire: records with an expiry of their own have been appended.
    """

    def __init__(self, core: Core, log_id: int, durable: bool, persists_all: bool, kept: bool) -> None:
        self.core = core
        self.log_id = log_id
        self.durable = durable and core.persistent
        self.persists_all = persists_all
        self.kept = kept
        self.raw = False
        self.next_offset: i64 = 0
        self.visible_end: i64 = 0
        self.start_offset: i64 = 0
        self.spilled_to: i64 = 0
        self.tail: list[Batch] = []
        self.tail_at: i64 = 0
        self.tail_cost: i64 = 0
        self.pending: deque[Batch] = deque()
        self.may_expire = False
        self.volatile_ranges: list[int] = []
        self.released_spilled: i64 = 0
        self.spilling_to: i64 = 0
        self.hidden_bytes: i64 = 0
        self.made_ms: i64 = core.now_ms
        self._spill_times = SpillTimes()
        self.addresses = AddressCache()
        self._hint: i64 = 0
        self._dead: i64 = 0
        self._open: list[Record | None] = []
        self._open_volatile = False
        self._open_special = False
        self._open_value_bytes: i64 = 0
        self._sealed: list[Batch] = []

    # Appending.

    def is_volatile(self, record: Record) -> bool:
        """Whether this log keeps the record in memory only."""
        if not self.durable:
            return True
        if record.volatile and self.persists_all and self.volatile_ranges:
            # Taken in before a topic took the log over.
            return contains(self.volatile_ranges, record.offset)
        return record.volatile and not self.persists_all

    def append(self, record: Record) -> bool:
        """Gives the record its offset and time. Returns True when it will be durable with this turn's commit."""
        core = self.core
        volatile = not self.durable or (record.volatile and not self.persists_all)
        if self._open and volatile != self._open_volatile:
            self._close_run()
        self._open_volatile = volatile
        offset = self.next_offset
        record.offset = offset
        record.timestamp_ms = core.now_ms
        self.next_offset = offset + 1
        if record.expires_at_ms:
            self.may_expire = True
            self._open_special = True
        if record.priority or record.not_before_ms:
            self._open_special = True
        self._open.append(record)
        value = record.value
        if value is not None:
            self._open_value_bytes += len(value)
        if not volatile:
            core.will_commit = True
        return not volatile

    def append_batch(self, data: bytes) -> i64:
        """Takes a whole, valid batch as its producer made it. Returns the offset of its first record; the rest is as for `append`."""
        if self._open:
            self._close_run()
        base = self.next_offset
        placed = placed_batch(data, base)
        end = end_offset(placed)
        batch = Batch(base, end, None, placed)
        batch.keeps_data = self.raw
        batch.volatile = not self.durable
        batch.value_bytes = len(placed)
        batch.cost = len(placed) + 400
        self._sealed.append(batch)
        self.next_offset = end
        if self.durable:
            self.core.will_commit = True
        return base

    def has_open(self) -> bool:
        """True when records were appended since the last seal."""
        return len(self._open) > 0 or len(self._sealed) > 0

    def _close_run(self) -> None:
        records = self._open
        count: i64 = len(records)
        batch = Batch(self.next_offset - count, self.next_offset, records, None)
        batch.volatile = self._open_volatile
        batch.special = self._open_special
        batch.value_bytes = self._open_value_bytes
        cost: i64 = self._open_value_bytes + count * 360
        for record in records:
            if record is not None:
                cost += len(record.native)
        batch.cost = cost
        self._open = []
        self._open_special = False
        self._open_value_bytes = 0
        self._sealed.append(batch)

    def seal(self) -> list[Batch]:
        """Closes what was appended; writes the facts of durable batches. Returns the batches visible at once."""
        if self._open:
            self._close_run()
        visible: list[Batch] = []
        core = self.core
        for batch in self._sealed:
            self.tail.append(batch)
            self.tail_cost += batch.cost
            core.tail_bytes += batch.cost
            self.hidden_bytes += batch.value_bytes
            if self.raw:
                self._store_encoded(batch)
            if batch.volatile:
                if self.durable:
                    self._note_volatile(batch)
                if self.pending:
                    self.pending.append(batch)
                else:
                    self._show(batch, visible)
            else:
                flags = SPECIAL if batch.special else 0
                core.write_batch(self.log_id, flags, batch.value_bytes, batch.encoded())
                core.will_commit = True
                batch.position = core.last_position + 1
                self.pending.append(batch)
        self._sealed = []
        return visible

    def _store_encoded(self, batch: Batch) -> None:
        """From now on the batch is there as stored, and only so."""
        before = batch.cost
        if batch.data is None:
            batch.data = batch.encoded()
            batch.records = None
        batch.keeps_data = True
        batch.sparse = False
        batch.cost = len(batch.data) + 400
        self.tail_cost += batch.cost - before
        self.core.tail_bytes += batch.cost - before

    def replace_data(self, batch: Batch, data: bytes) -> None:
        """The batch has fewer records now, at their offsets; b"": none."""
        if not data:
            self._kill(batch)
            return
        before = batch.cost
        batch.data = data
        batch.cost = len(data) + 400
        self.tail_cost += batch.cost - before
        self.core.tail_bytes += batch.cost - before

    def make_raw(self) -> None:
        """From now on the log's batches are read as stored."""
        self.raw = True
        for batch in self.tail:
            if batch.live > 0:
                self._store_encoded(batch)

    def _note_volatile(self, batch: Batch) -> None:
        ranges = self.volatile_ranges
        if ranges and ranges[-1] == batch.base:
            ranges[-1] = int(batch.end)
        else:
            ranges.append(int(batch.base))
            ranges.append(int(batch.end))

    def keep_volatile(self, unsettled: list[int]) -> None:
        """Of what is visible, only `unsettled` need be remembered as volatile."""
        wanted = [*unsettled, int(self.visible_end), int(self.next_offset)]
        self.volatile_ranges = intersected(self.volatile_ranges, coalesced(wanted))

    def durable_up_to(self, position: i64) -> list[Batch]:
        """Batches that become visible now that `position` is durable, in order."""
        visible: list[Batch] = []
        pending = self.pending
        while pending and pending[0].position <= position:
            self._show(pending.popleft(), visible)
        return visible

    def _show(self, batch: Batch, visible: list[Batch]) -> None:
        self.visible_end = batch.end
        self.hidden_bytes -= batch.value_bytes
        # One that was purged before it could be seen has nothing left to show.
        if batch.live > 0:
            visible.append(batch)

    def invisible_bytes(self) -> i64:
        """Bytes of the values that were appended and cannot be seen yet."""
        return self.hidden_bytes + self._open_value_bytes

    def drop_hidden(self) -> i64:
        """Everything sealed that cannot be seen yet goes; returns the bytes of the durable values among it."""
        durable_bytes: i64 = 0
        for batch in self.pending:
            if batch.live > 0:
                self._kill(batch)
                if not batch.volatile:
                    durable_bytes += batch.value_bytes
            self.hidden_bytes -= batch.value_bytes
            batch.value_bytes = 0
        self._trim()
        return durable_bytes

    def add_recovered(self, base: i64, end: i64, data: bytes, special: bool, value_bytes: i64) -> Batch:
        """A batch replayed from the store: in memory as stored, visible. Offsets left out before it were never durable."""
        batch = Batch(base, end, None, data)
        batch.special = special
        batch.keeps_data = self.raw
        batch.value_bytes = value_bytes
        batch.cost = len(data) + 400
        self.tail.append(batch)
        self.tail_cost += batch.cost
        self.core.tail_bytes += batch.cost
        self.next_offset = end
        self.visible_end = end
        return batch

    # Reading and releasing.

    def find(self, offset: i64) -> Batch | None:
        """The batch in memory that covers the offset."""
        tail = self.tail
        hint = self._hint
        if hint < len(tail):
            batch = tail[hint]
            if batch.base <= offset < batch.end:
                return batch
            hint += 1
            if hint < len(tail):
                batch = tail[hint]
                if batch.base <= offset < batch.end:
                    self._hint = hint
                    return batch
        index = find_batch(tail, self.tail_at, offset)
        if index < len(tail):
            batch = tail[index]
            if batch.base <= offset:
                self._hint = index
                return batch
        return None

    def release(self, offset: i64) -> None:
        """The record is settled for good: its memory goes."""
        if self.kept:
            return
        if offset < self.spilled_to or offset < self.spilling_to:
            self.released_spilled += 1
        batch = self.find(offset)
        if batch is None:
            return
        batch.live -= 1
        if batch.live <= 0:
            self._kill(batch)
            self._trim()
            return
        records = batch.records
        if records is not None and not batch.sparse:
            index = offset - batch.base
            record = records[index]
            if record is not None:
                cost: i64 = 360 + len(record.native) + record.body_bytes()
                records[index] = None
                if cost > batch.cost:
                    cost = batch.cost
                batch.cost -= cost
                self.tail_cost -= cost
                self.core.tail_bytes -= cost

    def _kill(self, batch: Batch) -> None:
        """Nothing in the batch is needed any more; its shell stays in the tail until it is trimmed."""
        batch.live = 0
        self._dead += 1
        self._drop_cost(batch)

    def _drop_cost(self, batch: Batch) -> None:
        self.tail_cost -= batch.cost
        self.core.tail_bytes -= batch.cost
        batch.cost = 0
        batch.records = None
        batch.data = None

    def _trim(self) -> None:
        """Passes over dead batches at the front; the list is rebuilt when half of it is dead, so that the cost is spread."""
        tail = self.tail
        at = self.tail_at
        size: i64 = len(tail)
        while at < size and tail[at].live <= 0:
            at += 1
        if at == size:
            self.tail = []
            self.tail_at = 0
            self._hint = 0
            self._dead = 0
            return
        self.tail_at = at
        if self._dead > 64 and self._dead * 2 > size:
            self.squeeze()

    def squeeze(self) -> None:
        """Drops dead batches from the middle as well (one record that stays must not keep their shells)."""
        kept: list[Batch] = []
        for batch in self.tail:
            if batch.live > 0:
                kept.append(batch)
        self.tail = kept
        self.tail_at = 0
        self._hint = 0
        self._dead = 0

    def release_before(self, offset: i64) -> None:
        """Everything before `offset` is gone: batches wholly before it leave memory."""
        for batch in self.tail:
            if batch.end > offset:
                break
            if batch.live > 0:
                self._kill(batch)
        self._trim()

    def release_range(self, start: i64, end: i64) -> None:
        """Everything in [start, end), none of it released before and all of it visible, is settled for good."""
        if self.kept:
            return
        if start < self.spilled_to or start < self.spilling_to:
            self.released_spilled += end - start
        tail = self.tail
        index = find_batch(tail, self.tail_at, start)
        touched: list[Batch] = []
        while index < len(tail) and tail[index].base < end:
            touched.append(tail[index])
            index += 1
        for batch in touched:
            if batch.base >= start and batch.end <= end:
                if batch.live > 0:
                    self._kill(batch)
                continue
            at = max(start, batch.base)
            stop = min(end, batch.end)
            while at < stop:
                self.release(at)
                at += 1
        self._trim()

    def drop(self) -> None:
        """The log is deleted."""
        for batch in self.tail:
            self._drop_cost(batch)
        self.tail = []
        self.tail_at = 0
        self._hint = 0
        self._dead = 0
        self.pending.clear()
        self._open = []
        self._sealed = []

    # Spilling: the store takes over what memory cannot hold, and what a checkpoint must not lose.

    def evict(self) -> i64:
        """Drops batches that the store has; returns the bytes that this gave back."""
        before = self.tail_cost
        cut: i64 = 0
        for batch in self.tail:
            if batch.end > self.spilled_to:
                break
            if batch.live <= 0:
                self._dead -= 1
            elif batch.cost:
                self._drop_cost(batch)
            cut += 1
        if cut:
            del self.tail[:cut]
            self.tail_at = 0
            self._hint = 0
        return before - self.tail_cost

    def unspilled(self, limit: i64) -> bool:
        """True when memory holds live visible records before `limit` that the store cannot load yet."""
        index = find_batch(self.tail, self.tail_at, self.spilled_to)
        while index < len(self.tail):
            batch = self.tail[index]
            if batch.base >= limit or batch.end > self.visible_end:
                return False
            if batch.live > 0:
                return True
            index += 1
        return False

    def start_spill(self, limit: i64, bytes_max: i64, encode_bytes_max: i64) -> list[bytes]:
        """The next live records to spill (of batches that begin before `limit`), at most about `bytes_max`, of which
        `encode_bytes_max` are records that are encoded now.

        `spilling_to` says up to where; `finish_spill` takes effect.
        """
        out: list[bytes] = []
        run: list[Record] = []
        run_volatile = False
        run_bytes: i64 = 0
        size: i64 = 0
        encoded: i64 = 0
        end = self.spilled_to
        index = find_batch(self.tail, self.tail_at, self.spilled_to)
        while index < len(self.tail) and size < bytes_max and encoded < encode_bytes_max:
            batch = self.tail[index]
            index += 1
            if batch.base >= limit or batch.end > self.visible_end:
                break
            end = batch.end
            if batch.live <= 0:
                continue
            self._spill_times.note(batch.base, batch.time_at(batch.base))
            data = batch.data
            if data is not None or batch.volatile != run_volatile or run_bytes >= 65536:
                if run:
                    out.append(encode_batch(run, run_volatile))
                    run = []
                    run_bytes = 0
                if data is not None:
                    out.append(data)
                    size += len(data)
                    continue
                run_volatile = batch.volatile
            size += batch.cost
            encoded += batch.cost
            run_bytes += batch.cost
            for record in batch.records or []:
                if record is not None:
                    run.append(record)
        if run:
            out.append(encode_batch(run, run_volatile))
        self.spilling_to = end
        return out

    def time_at(self, offset: i64) -> i64:
        """When the record at the offset was appended, ms since the epoch, or somewhat earlier; asks the store for nothing. Of what was
        spilled before a restart that is not known: then it is the time of the restart."""
        tail = self.tail
        index = find_batch(tail, self.tail_at, offset)
        if index < len(tail) and tail[index].base <= offset:
            return tail[index].time_at(offset)
        return self._spill_times.before(offset, self.made_ms)

    def finish_spill(self) -> None:
        self.spilled_to = max(self.spilled_to, self.spilling_to)
        self.spilling_to = 0
