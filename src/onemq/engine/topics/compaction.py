"""Compaction: of the records of one key only the last stays, in partitions whose cleanup.policy says so. In the background, in
bounded steps, one partition at a time; offsets stay as they are.

A pass has two rounds. The first reads what is new since the last pass and notes each key's last offset. The second reads the log
from its start and takes out what has a later record of its key, what was aborted, and tombstones whose time is over. Nothing of it
is durable state: after a restart the whole log counts as new. A crash at any point leaves records that are superseded, never fewer.
Source: Apache Kafka documentation, "Log Compaction"; KIP-58 (lag), KIP-354.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.batch import find_batch
from onemq.engine.core import Agenda, Core
from onemq.engine.loads import LoadWaiter
from onemq.engine.topics.partition import Partition, PartitionWatcher
from onemq.model.record_batch import CorruptBatch, attributes_of, base_offset, end_offset, max_timestamp_ms
from onemq.model.record_walk import decode_keys, keep_live

IDLE: Final = 0
NOTING: Final = 1
CLEANING: Final = 2

OFFSETS_END: Final = 1 << 62
CHECK_MS: Final = 1_000
BACKOFF_MS: Final = 15_000
"""As Kafka's log.cleaner.backoff.ms."""
HORIZONS_MAX: Final = 64
GATHERED_MAX: Final = 200_000
"""Numbers of what stays, gathered before the store is asked to rewrite segments."""


class Cleaning:
    """What compaction remembers of a partition between passes.

    Attributes:
        cleaned_to: the first round has seen what lies before.
        dirty_bytes: appended since. dirty_since_ms: when the first of it was noticed.
        horizons: (end, time): tombstones before `end` were seen by a pass at that time. One that is the log's last record stays
            until there is another: a log whose end has gone could not be read to its end.
    """

    __slots__ = ("cleaned_to", "dirty_bytes", "dirty_since_ms", "horizons")

    def __init__(self) -> None:
        self.cleaned_to: i64 = 0
        self.dirty_bytes: i64 = 0
        self.dirty_since_ms: i64 = 0
        self.horizons: list[tuple[int, int]] = []


class Compactor(Agenda):
    """See the module. Partitions announce themselves with `dirtied`."""

    def __init__(self, core: Core) -> None:
        super().__init__()
        self.core = core
        self.passes: i64 = 0
        self._known: dict[Partition, Cleaning] = {}
        self._state = IDLE
        self._partition: Partition | None = None
        self._cleaning = Cleaning()
        self._end: i64 = 0
        self._at: i64 = 0
        self._last: dict[bytes, int] = {}
        self._tombstones_to: i64 = 0
        self._loads = _CompactorLoads(self)
        self._ticket = 0
        self._stored_live: list[int] = []
        self._stored_start = 0
        self._stored_end = 0
        self._stored_dropped = False

    def dirtied(self, partition: Partition, size: i64) -> None:
        """Something was appended to a partition that is compacted."""
        cleaning = self._known.get(partition)
        if cleaning is None:
            cleaning = Cleaning()
            self._known[partition] = cleaning
        if not cleaning.dirty_bytes:
            cleaning.dirty_since_ms = self.core.now_ms
        cleaning.dirty_bytes += size
        if self._state == IDLE:
            self.core.schedule(self, self.core.now_ms + CHECK_MS)

    # Agenda.

    def on_deadline(self) -> None:
        if self._state == IDLE:
            self._choose()
        else:
            self.core.need_dispatch(self)

    def dispatch(self, budget: i64) -> i64:
        """One step in a turn: it takes the whole budget."""
        if self._state == IDLE or self._ticket:
            return 0
        partition = self._partition
        if partition is None or partition.deleted or not self._is_compacted(partition):
            self._finish()
            return 1
        self._step(partition)
        return budget

    # Choosing.

    def _is_compacted(self, partition: Partition) -> bool:
        topic = partition.topic
        return topic is not None and topic.config.compact

    def _choose(self) -> None:
        """Begins a pass over the dirtiest partition that is due; looks again later while there is anything to come."""
        best: Partition | None = None
        best_ratio = -1.0
        look_again: i64 = 0
        for partition, cleaning in list(self._known.items()):
            if partition.deleted or not self._is_compacted(partition):
                del self._known[partition]
                continue
            if not cleaning.dirty_bytes and not self._has_tombstones(partition, cleaning):
                continue
            ratio = self._due(partition, cleaning)
            if ratio < 0:
                at = self._due_later(partition, cleaning)
                look_again = at if look_again == 0 else min(look_again, at)
            if ratio > best_ratio:
                best = partition
                best_ratio = ratio
        if best is not None:
            self._begin(best)
        elif look_again:
            self.core.schedule(self, max(look_again, self.core.now_ms + CHECK_MS))

    def _due_later(self, partition: Partition, cleaning: Cleaning) -> i64:
        """When to look at a partition again that is not due, if nothing is appended meanwhile."""
        topic = partition.topic
        assert topic is not None
        if cleaning.dirty_bytes:
            return self.core.now_ms + BACKOFF_MS
        return cleaning.horizons[0][1] + topic.config.delete_retention_ms + 1

    def _has_tombstones(self, partition: Partition, cleaning: Cleaning) -> bool:
        """Some that go when their time is over."""
        return len(cleaning.horizons) > 0 and cleaning.horizons[0][0] < partition.log.visible_end

    def _are_tombstones_due(self, partition: Partition, cleaning: Cleaning) -> bool:
        topic = partition.topic
        assert topic is not None
        return (
            self._has_tombstones(partition, cleaning)
            and cleaning.horizons[0][1] + topic.config.delete_retention_ms < self.core.now_ms
        )

    def _due(self, partition: Partition, cleaning: Cleaning) -> float:
        """The dirty part of the partition; -1 when no pass is due."""
        topic = partition.topic
        assert topic is not None
        config = topic.config
        now = self.core.now_ms
        if self._are_tombstones_due(partition, cleaning):
            return 1.0
        if not cleaning.dirty_bytes or self._cleanable_end(partition) <= cleaning.cleaned_to:
            return -1.0
        total = max(partition.log.tail_cost + self.core.store.log_bytes(partition.log.log_id), 1)
        ratio = min(float(cleaning.dirty_bytes) / float(total), 1.0)
        if ratio >= config.min_cleanable_ratio:
            return ratio
        if cleaning.dirty_since_ms + config.max_compaction_lag_ms < now:
            return ratio
        return -1.0

    def _cleanable_end(self, partition: Partition) -> i64:
        """Before it lies what is stable and old enough, as far as memory tells: what the store has is looked at when it is read."""
        topic = partition.topic
        assert topic is not None
        end = partition.stable_end
        lag = topic.config.min_compaction_lag_ms
        if lag <= 0:
            return end
        log = partition.log
        for batch in log.tail:
            data = batch.data
            if data is not None and max_timestamp_ms(data) > self.core.now_ms - lag:
                return min(end, batch.base)
        return end

    def _begin(self, partition: Partition) -> None:
        cleaning = self._known[partition]
        topic = partition.topic
        assert topic is not None
        self._partition = partition
        self._cleaning = cleaning
        self._state = NOTING
        self._last = {}
        self._end = self._cleanable_end(partition)
        self._at = max(cleaning.cleaned_to, partition.log.start_offset)
        self._tombstones_to = 0
        while self._are_tombstones_due(partition, cleaning):
            self._tombstones_to = cleaning.horizons[0][0]
            del cleaning.horizons[0]
        cleaning.dirty_bytes = 0
        self.core.need_dispatch(self)

    def _finish(self) -> None:
        self._state = IDLE
        self._partition = None
        self._last = {}
        self._forget_stored()
        self.passes += 1
        self.core.schedule(self, self.core.now_ms + CHECK_MS)

    # A step: some batches, from memory or from the store.

    def _step(self, partition: Partition) -> None:
        log = partition.log
        if log.spilling_to:
            # What is on its way to the store must not change meanwhile.
            self.core.schedule(self, self.core.now_ms + 1)
            return
        self._at = max(self._at, log.start_offset)
        if self._at >= self._end:
            self._round_over(partition)
            return
        size = self.core.settings.load_bytes
        batches = partition.read(self._at, size, self._end, True)
        if batches is None:
            self._ticket = partition.load(self._at, size, self._loads)
            return
        self._take(partition, batches, self._end if not batches else end_offset(batches[-1]))

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        if ticket != self._ticket:
            return
        self._ticket = 0
        partition = self._partition
        if self._state == IDLE or partition is None or partition.deleted:
            self._finish()
            return
        wanted: list[bytes] = []
        for data in batches:
            if base_offset(data) >= self._end:
                # From here on nobody has looked at keys: it must not count as seen.
                next_offset = base_offset(data)
                break
            wanted.append(data)
        self._take(partition, wanted, max(next_offset, self._at + 1))

    def _take(self, partition: Partition, batches: list[bytes], next_offset: i64) -> None:
        if self._state == NOTING:
            self._note_keys(partition, batches)
        else:
            self._clean(partition, batches, next_offset)
        self._at = max(next_offset, self._at)
        self.core.need_dispatch(self)

    def _round_over(self, partition: Partition) -> None:
        cleaning = self._cleaning
        if self._state == NOTING and (self._end > cleaning.cleaned_to or self._tombstones_to):
            self._state = CLEANING
            self._at = partition.log.start_offset
            self.core.need_dispatch(self)
            return
        self._reclaim(partition)
        cleaning.cleaned_to = max(cleaning.cleaned_to, self._end)
        if cleaning.dirty_bytes == 0:
            # What lies behind the pass's end waits for its time, or for a transaction's end.
            cleaning.dirty_bytes = partition.available(self._end, partition.log.visible_end, OFFSETS_END)
            cleaning.dirty_since_ms = self.core.now_ms
        partition.shrink_to(self.core.store.log_bytes(partition.log.log_id) + partition.unspilled_bytes())
        self._finish()

    # The first round.

    def _note_keys(self, partition: Partition, batches: list[bytes]) -> None:
        last = self._last
        most = self.core.settings.compaction_keys_max
        topic = partition.topic
        assert topic is not None
        lag = topic.config.min_compaction_lag_ms
        for data in batches:
            if lag > 0 and max_timestamp_ms(data) > self.core.now_ms - lag:
                self._end = min(self._end, base_offset(data))
                return
            if len(last) >= most:
                # What did not fit is for the next pass.
                self._end = min(self._end, base_offset(data))
                self._cleaning.dirty_bytes += 1
                return
            if attributes_of(data) & 0x20 or partition.producers.is_aborted(data):
                continue
            try:
                for entry in decode_keys(data):
                    key = entry.key
                    if key is not None:
                        last[key] = int(entry.offset)
                        if not entry.has_value:
                            self._saw_tombstone(entry.offset, partition.log.visible_end)
            except CorruptBatch:
                # Its producer wrote no records in it: nothing to compact.
                continue

    def _saw_tombstone(self, offset: i64, log_end: i64) -> None:
        horizons = self._cleaning.horizons
        now = int(self.core.now_ms)
        together = len(horizons) > 0 and horizons[-1][1] == now and offset + 1 < log_end
        if together or len(horizons) >= HORIZONS_MAX:
            horizons[-1] = (int(offset) + 1, now)
        else:
            horizons.append((int(offset) + 1, now))

    # The second round.

    def _clean(self, partition: Partition, batches: list[bytes], next_offset: i64) -> None:
        """Takes out what has to go between `_at` and `next_offset`, in memory and in the store."""
        live: list[int] = []
        dropped = False
        for data in batches:
            if self._live_in(partition, data, live):
                dropped = True
        start = int(self._at)
        end = int(next_offset)
        self._gather(partition, live, start, end, dropped)
        if dropped:
            self._clean_memory(partition, live, start, end)

    def _gather(self, partition: Partition, live: list[int], start: int, end: int, dropped: bool) -> None:
        """The store rewrites whole segments: it is asked once for many steps."""
        if start >= partition.log.spilled_to:
            return
        if not self._stored_end:
            self._stored_start = start
        for at in range(0, len(live), 2):
            _add(self._stored_live, live[at], live[at + 1])
        self._stored_end = end
        self._stored_dropped = self._stored_dropped or dropped
        if len(self._stored_live) >= GATHERED_MAX:
            self._reclaim(partition)

    def _reclaim(self, partition: Partition) -> None:
        if self._stored_dropped:
            start = self._stored_start
            pairs = [0, start] if start else []
            pairs.extend(self._stored_live)
            pairs.extend((self._stored_end, OFFSETS_END))
            self.core.store.reclaim(partition.log.log_id, pairs, True)
        self._forget_stored()

    def _forget_stored(self) -> None:
        self._stored_live = []
        self._stored_start = 0
        self._stored_end = 0
        self._stored_dropped = False

    def _clean_memory(self, partition: Partition, live: list[int], start: int, end: int) -> None:
        log = partition.log
        index = find_batch(log.tail, log.tail_at, start)
        while index < len(log.tail):
            batch = log.tail[index]
            index += 1
            if batch.base >= end:
                break
            data = batch.data
            if data is None or batch.live <= 0:
                continue
            rest = keep_live(data, live)
            if len(rest) != len(data):
                log.replace_data(batch, rest)
        log.squeeze()

    def _live_in(self, partition: Partition, data: bytes, live: list[int]) -> bool:
        """Adds the offsets of the batch that stay to `live`; True when some do not."""
        base = int(base_offset(data))
        end = int(end_offset(data))
        if attributes_of(data) & 0x20 or end > self._end:
            _add(live, base, end)
            return False
        if partition.producers.is_aborted(data):
            return True
        try:
            entries = decode_keys(data)
        except CorruptBatch:
            _add(live, base, end)
            return False
        dropped = False
        for entry in entries:
            key = entry.key
            last = -1 if key is None else self._last.get(key, -1)
            stays = last <= entry.offset and (entry.has_value or entry.offset >= self._tombstones_to)
            if stays:
                _add(live, int(entry.offset), int(entry.offset) + 1)
            else:
                dropped = True
        return dropped


def _add(live: list[int], start: int, end: int) -> None:
    if live and live[-1] == start:
        live[-1] = end
    else:
        live.append(start)
        live.append(end)


class CompactorEar(PartitionWatcher):
    """The compactor's side as the one who is told."""

    def __init__(self, compactor: Compactor) -> None:
        self._compactor = compactor

    def dirtied(self, partition: Partition, size: i64) -> None:
        self._compactor.dirtied(partition, size)


class _CompactorLoads(LoadWaiter):
    """The compactor's side as the one who waits for loads."""

    def __init__(self, compactor: Compactor) -> None:
        self._compactor = compactor

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._compactor.loaded(ticket, batches, next_offset)
