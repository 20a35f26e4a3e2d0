"""A partition: a log that is read and written in whole record batches, as Kafka's clients make them, and whose records stay until
retention takes them. A queue of the same name may settle the same records one by one; a stream's consumers read it as well.

Producers' sequences, transactions and the last stable offset are folds over its batches. Sources: KIP-98, KIP-107, KIP-360.
"""

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.arrivals import Arrivals, step_ms
from onemq.engine.batch import Batch, find_batch
from onemq.engine.core import Agenda, Core
from onemq.engine.facts import write_arrived
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.loads import FindWaiter, LoadWaiter
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.queue import Keeper
from onemq.engine.topics.producers import NO_DUPLICATE, Aborted, Producers
from onemq.engine.topics.validation import validated
from onemq.model.control_batch import control_batch
from onemq.model.entities import QueueSettings
from onemq.model.record import NATIVE_NONE, Record
from onemq.model.record_batch import (
    attributes_of,
    base_offset,
    end_offset,
    max_timestamp_ms,
    producer_id,
    record_count,
)
from onemq.model.refusal import Reason, Refusal

if TYPE_CHECKING:
    from onemq.engine.topics.topic import Topic

LEADER_EPOCH: Final = 0
PRODUCER_IDLE_MS: Final = 86_400_000
"""As Kafka's producer.id.expiration.ms."""
PRODUCER_CHECK_MS: Final = 600_000
"""As Kafka's producer.id.expiration.check.interval.ms."""


class Appended:
    """Answer to an append. `append_time_ms`: -1 when the producer's times stand. `duplicate`: it had been appended before."""

    __slots__ = ("append_time_ms", "base_offset", "duplicate")

    def __init__(self, base: i64, append_time_ms: i64, duplicate: bool) -> None:
        self.base_offset: i64 = base
        self.append_time_ms: i64 = append_time_ms
        self.duplicate = duplicate


@mypyc_attr(allow_interpreted_subclasses=True)
class PartitionWatcher:
    """Is told what is appended."""

    def dirtied(self, partition: "Partition", size: i64) -> None:
        raise NotImplementedError


class Partition(KeptQueue):
    """See the module.

    Attributes:
        topic, index: which it is; a stream that no topic has taken over has none.
        part: the queue that settles its records one by one, or None.
        stable_end: last stable offset: what readers of committed records may see ends here.
        newest_ms, newest_base: latest time of a record, and its batch; -1 when there is none.
        watchers: told (dispatched) when something becomes visible.
        arrivals: when what the queue has to settle came, as far as producers' own times are concerned.
        compactor: is told what is appended, for topics that are compacted.
    """

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(core, namespace, name, settings, log, keeper)
        self.topic: Topic | None = None
        self.index: int = 0
        self.producers = Producers()
        self.part: LedgerQueue | None = None
        self.stable_end: i64 = 0
        self.newest_ms: i64 = -1
        self.newest_base: i64 = -1
        self.watchers: dict[Agenda, bool] = {}
        self.compactor: PartitionWatcher | None = None
        self.arrivals = Arrivals()
        self._arrived: list[int] = []
        self._fed_to: i64 = 0
        self._unfed: list[Batch] = []
        self._unfed_bytes: i64 = 0
        self._loads: dict[int, tuple[LoadWaiter, int]] = {}
        self._finds: dict[int, FindWaiter] = {}

    # Appending.

    def append_batches(self, data: bytes) -> Appended:
        """Appends one producer's batch. Raises Refusal as `checked` and `append_checked`."""
        return self.append_checked(self.checked(data))

    def checked(self, data: bytes) -> bytes:
        """The batch as this partition would store it. Raises Refusal CORRUPT, BAD_RECORDS, BAD_TIMESTAMP, TOO_LARGE."""
        topic = self.topic
        assert topic is not None, "batches are appended to partitions of topics"
        return validated(data, topic.config, self.core.now_ms)

    def append_checked(self, batch: bytes) -> Appended:
        """Appends what `checked` gave. Raises Refusal OUT_OF_SEQUENCE, PRODUCER_EPOCH_STALE."""
        topic = self.topic
        assert topic is not None
        now = self.core.now_ms
        config = topic.config
        if producer_id(batch) >= 0:
            known = self.producers.check(batch)
            if known != NO_DUPLICATE:
                return Appended(known, now if config.log_append_time else -1, True)
        base = self._store(batch)
        counters = self.counters
        counters.published += record_count(batch)
        counters.published_bytes += len(batch)
        counters.published_batches += 1
        return Appended(base, now if config.log_append_time else -1, False)

    def append_marker(self, producer: i64, epoch: i64, commit: bool, coordinator_epoch: int = 0) -> None:
        """Ends the producer's transaction here. Raises Refusal PRODUCER_EPOCH_STALE."""
        self.producers.check_marker(producer, epoch)
        self._store(
            control_batch(self.log.next_offset, self.core.now_ms, producer, epoch, commit, coordinator_epoch)
        )

    def append(self, record: Record) -> bool:
        if record.native_kind == NATIVE_NONE:
            # Nothing in it tells it from a producer's later.
            self._watch_arrival(self.log.next_offset)
        return super().append(record)

    def _store(self, batch: bytes) -> i64:
        self.core.need_seal(self.agenda)
        base = self.log.append_batch(batch)
        self._watch_arrival(base)
        self._fold(batch, base, self.core.now_ms)
        return base

    def _watch_arrival(self, offset: i64) -> None:
        """Something comes at the offset now."""
        part = self.part
        if part is not None and self.arrivals.is_due(self.core.now_ms):
            self._note_arrival(offset, step_ms(part.message_ttl_ms))

    def _note_arrival(self, offset: i64, lasts_ms: i64) -> None:
        """What comes from `offset` on within `lasts_ms` comes about now; durable with this turn's commit."""
        now = self.core.now_ms
        mark = (int(offset), int(now), int(now + lasts_ms))
        self.arrivals.note(*mark)
        if self.log.durable:
            self._arrived.extend(mark)
            self.core.need_write(self.agenda)

    def write_facts(self) -> None:
        super().write_facts()
        arrived = self._arrived
        if arrived:
            self._arrived = []
            for at in range(0, len(arrived), 3):
                write_arrived(self.core.facts, self.log.log_id, arrived[at], arrived[at + 1], arrived[at + 2])

    def _fold(self, data: bytes, base: i64, now_ms: i64) -> None:
        if producer_id(data) >= 0:
            self.producers.applied(data, base, now_ms)
            self._watch_producers()

    def _watch_producers(self) -> None:
        """Idle producers are forgotten although retention may never look here."""
        if self.producers.states and self.agenda.deadline_ms == 0:
            self.core.schedule(self.agenda, self.core.now_ms + PRODUCER_CHECK_MS)

    def _see_newest(self, data: bytes) -> None:
        """Markers have a time, but are no records."""
        newest = max_timestamp_ms(data)
        if newest > self.newest_ms and not attributes_of(data) & 0x20:
            self.newest_ms = newest
            self.newest_base = base_offset(data)

    def replayed(self, data: bytes) -> None:
        """A batch was found in the journal; `add_visible` follows."""
        self._fold(data, base_offset(data), self.core.now_ms)

    # What readers see.

    def readable_end(self) -> i64:
        return self.stable_end

    def number(self) -> int:
        return self.index

    def new_reader(self) -> LogReader:
        reader = super().new_reader()
        reader.producers = self.producers
        return reader

    def durable_up_to(self, position: i64) -> bool:
        more = super().durable_up_to(position)
        part = self.part
        if part is not None:
            # A get may wait for the sync alone: what became visible need not be for the queue's readers.
            self.core.need_dispatch(part.agenda)
        return more

    def add_visible(self, batch: Batch) -> None:
        super().add_visible(batch)
        if batch.data is not None:
            self._see_newest(batch.data)
        if self.part is not None:
            self._unfed_bytes += batch.value_bytes
            if batch.special:
                self._unfed.append(_kept_copy(batch))
        # What became visible with it, behind it, is still to come: the queue has to look into some batches first.
        self._advance(batch.end)
        self._tell_compactor(batch.value_bytes)

    def _tell_compactor(self, size: i64) -> None:
        compactor = self.compactor
        topic = self.topic
        if compactor is not None and topic is not None and topic.config.compact:
            compactor.dirtied(self, size)

    def _advance(self, seen_end: i64) -> None:
        """What is visible has grown: moves the last stable offset, feeds the queue up to `seen_end`, tells those who wait."""
        self.producers.saw(self.log.visible_end)
        self.stable_end = self._stable_before(self.log.visible_end)
        if self.part is not None:
            self._feed(self.part, min(self.stable_end, seen_end))
        for watcher in self.watchers:
            self.core.need_dispatch(watcher)

    def _stable_before(self, end: i64) -> i64:
        """The last stable offset of a reader who sees what lies before `end`; never before the log's start, as in Kafka."""
        if not self.producers.has_open():
            return end
        return max(self.producers.first_unstable(end), min(self.log.start_offset, end))

    def _feed(self, part: LedgerQueue, end: i64) -> None:
        while self._unfed and self._unfed[0].end <= end:
            batch = self._unfed[0]
            del self._unfed[0]
            if batch.base < self._fed_to:
                # It belonged to an earlier queue, or retention has taken it.
                continue
            part.add_range(self._fed_to, batch.base, 0)
            self._fed_to = batch.end
            self._unfed_bytes -= batch.value_bytes
            part.add_visible(batch)
        if self._fed_to < end:
            part.add_range(self._fed_to, end, self._unfed_bytes)
            self._unfed_bytes = 0
            self._fed_to = end

    def attach(self, part: LedgerQueue, start: i64) -> None:
        """From now on the queue settles what lies at `start` and behind."""
        self.part = part
        part.partition = self
        part.arrivals = self.arrivals
        part.ledger.reader.producers = self.producers
        self._fed_to = max(start, self.log.start_offset)
        self._unfed_bytes = self.value_bytes
        if not self.keeper.replays():
            # What was in the topic before has come to the queue now.
            self._note_arrival(self._fed_to, 0)
            before = part.counters.copy()
            self._advance(self.log.visible_end)
            # What was here already has not come now.
            part.counters.published = before.published
            part.counters.published_bytes = before.published_bytes

    def take_over(self, part: LedgerQueue) -> None:
        """The queue had the log for itself so far: what is visible it has seen."""
        self.part = part
        part.partition = self
        part.arrivals = self.arrivals
        part.regroup()
        part.ledger.reader.producers = self.producers
        self._fed_to = self.log.visible_end
        self.stable_end = self.log.visible_end
        self.value_bytes = max(part.ledger.unsettled_bytes, 0)
        for batch in self.log.tail:
            if batch.data is not None and batch.end <= self.log.visible_end:
                self._see_newest(batch.data)

    def detach(self) -> i64:
        """The queue has gone, and all that was stable with it. Returns where one made later begins: a replay comes to the same place."""
        self.part = None
        self.arrivals.clear()
        self._arrived = []
        self._unfed = []
        self._unfed_bytes = 0
        return max(self._fed_to, self._stable_before(self.log.next_offset))

    # Reading in whole batches.

    def read(self, offset: i64, bytes_max: i64, end: i64, least: bool) -> list[bytes] | None:
        """Whole batches from the one that holds `offset` on, of those that begin before `end`: about `bytes_max` bytes; one at
        least when `least`. None: they are not in memory, `load` brings them."""
        log = self.log
        found: list[bytes] = []
        if offset >= end:
            return found
        tail = log.tail
        if offset < log.spilled_to and (log.tail_at >= len(tail) or offset < tail[log.tail_at].base):
            return None
        index = find_batch(tail, log.tail_at, offset)
        size: i64 = 0
        while index < len(tail):
            batch = tail[index]
            index += 1
            if batch.base >= end or batch.end > log.visible_end:
                break
            data = batch.data
            if data is None or end_offset(data) <= offset:
                # The last records of a queue's batch may have gone before a topic took it over.
                continue
            size += len(data)
            if size > bytes_max and not (least and not found):
                break
            found.append(data)
        return found

    def available(self, offset: i64, end: i64, enough: i64) -> i64:
        """Bytes that a reader at `offset` could have, counted up to `enough`."""
        log = self.log
        if offset >= end:
            return 0
        tail = log.tail
        if offset < log.spilled_to and (log.tail_at >= len(tail) or offset < tail[log.tail_at].base):
            return enough
        index = find_batch(tail, log.tail_at, offset)
        size: i64 = 0
        while index < len(tail) and size < enough:
            batch = tail[index]
            index += 1
            if batch.base >= end or batch.end > log.visible_end:
                break
            data = batch.data
            if data is not None and end_offset(data) > offset:
                size += len(data)
        return size

    def batch_bytes_max(self) -> i64:
        """What one batch can have, as far as the topic's settings are concerned."""
        topic = self.topic
        return 0 if topic is None else topic.config.message_bytes_max

    def load(self, offset: i64, bytes_max: i64, waiter: LoadWaiter) -> int:
        """Asks the store; the waiter is told under the ticket returned."""
        ticket = self.core.ticket()
        self._loads[ticket] = (waiter, int(self.log.spilled_to))
        self.core.store.load(ticket, self.log.log_id, int(offset), int(bytes_max))
        return ticket

    def find(self, time_ms: i64, waiter: FindWaiter) -> int:
        """Asks the store for the first batch spilled that may hold a record of that time or later."""
        ticket = self.core.ticket()
        self._finds[ticket] = waiter
        self.core.store.find_time(ticket, self.log.log_id, int(time_ms))
        return ticket

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        asked = self._loads.pop(ticket, None)
        if asked is not None:
            waiter, spilled_to = asked
            # Nothing found: there is nothing up to where the store's part ended when it was asked.
            waiter.loaded(ticket, batches, next_offset if batches else max(next_offset, spilled_to))
            return
        part = self.part
        if part is not None:
            part.loaded(ticket, batches, next_offset)
        super().loaded(ticket, batches, next_offset)

    def found(self, ticket: int, offset: i64) -> None:
        waiter = self._finds.pop(ticket, None)
        if waiter is not None:
            waiter.found(ticket, offset)
            return
        super().found(ticket, offset)

    def aborted_in(self, start: i64, end: i64) -> list[Aborted]:
        return self.producers.aborted_in(start, end)

    # Retention.

    def delete_before(self, offset: i64) -> None:
        """Records before `offset` are gone from now on. Raises Refusal OFFSET_OUT_OF_RANGE."""
        log = self.log
        if offset > log.visible_end or offset < 0:
            raise Refusal(Reason.OFFSET_OUT_OF_RANGE, "partition", self.name, str(offset))
        if offset > log.start_offset:
            self.cut_before(offset)

    def retained_from(self) -> i64:
        """What waits in a queue whose log became a topic's does not go of age, unless the topic says of its own what its age is."""
        end = self.log.visible_end
        topic = self.topic
        part = self.part
        if part is None or topic is None or topic.taken_from < 0 or topic.config.explicit("retention.ms"):
            return end
        unsettled = part.ledger.unsettled_ranges()
        return min(end, unsettled[0]) if unsettled else end

    def cut_is_due(self, limit: i64, gone: i64, gone_then: i64) -> bool:
        """As Kafka has it: what is left is never less than retention.bytes."""
        return self.value_bytes - gone_then >= limit

    def on_deadline(self) -> None:
        if self.topic is not None:
            self.mark_end()
            self.producers.forget_before(self.log.start_offset, self.core.now_ms - PRODUCER_IDLE_MS)
        super().on_deadline()
        self._watch_producers()

    def start_moved(self) -> None:
        start = self.log.start_offset
        self.producers.forget_before(start, self.core.now_ms - PRODUCER_IDLE_MS)
        self.stable_end = max(self.stable_end, min(start, self.log.visible_end))
        part = self.part
        if part is not None:
            part.forget_before(start)
            self._fed_to = max(self._fed_to, start)
        # Whoever waits behind the new start is out of range now.
        for watcher in self.watchers:
            self.core.need_dispatch(watcher)

    def retire(self) -> None:
        """The topic is deleted: whoever waits here is woken once more."""
        while self._finds:
            ticket, finder = self._finds.popitem()
            finder.found(ticket, -1)
        while self._loads:
            ticket, asked = self._loads.popitem()
            # There is nothing up to the end: whoever would go on from there is done.
            asked[0].loaded(ticket, [], self.log.visible_end)
        for watcher in self.watchers:
            self.core.need_dispatch(watcher)

    def unspilled_bytes(self) -> i64:
        """Bytes of the batches that only memory has."""
        log = self.log
        size: i64 = 0
        index = find_batch(log.tail, log.tail_at, log.spilled_to)
        while index < len(log.tail):
            data = log.tail[index].data
            if data is not None:
                size += len(data)
            index += 1
        return size

    def shrink_to(self, size: i64) -> None:
        """Compaction has left `size` bytes: retention by size counts them, not what there was."""
        before = self.value_bytes
        if size >= before or before <= 0:
            return
        for at in range(1, len(self.marks), 3):
            self.marks[at] = int(self.marks[at] * size // before)
        self.value_bytes = size

    def configured(self) -> None:
        """The topic's settings have changed."""
        topic = self.topic
        assert topic is not None
        config = topic.config
        settings = self.settings
        settings.retention_ms = config.retention_ms if config.delete and config.retention_ms >= 0 else None
        settings.retention_bytes = (
            config.retention_bytes if config.delete and config.retention_bytes >= 0 else None
        )
        settings.segment_bytes = config.segment_bytes
        self.watch_retention()
        if self.value_bytes:
            self._tell_compactor(self.value_bytes)

    def live_ranges(self) -> list[int]:
        return [int(self.log.start_offset), int(self.log.visible_end)]

    # Snapshot.

    def state(self) -> dict[str, object]:
        state = super().state()
        state["producers"] = self.producers.to_plain()
        newest = [int(self.newest_ms), int(self.newest_base)]
        for pending in self.log.pending:
            data = pending.data
            if data is not None and max_timestamp_ms(data) > newest[0] and not attributes_of(data) & 0x20:
                newest = [int(max_timestamp_ms(data)), int(base_offset(data))]
        state["newest"] = newest
        part = self.part
        if part is None:
            return state
        state["arrivals"] = list(self.arrivals.marks)
        # What a restart will find visible: everything appended.
        stable = max(self._stable_before(self.log.next_offset), self._fed_to)
        hidden: list[Batch] = []
        unfed: list[list[object]] = []
        for batch in [*self._unfed, *self.log.pending]:
            if not batch.special or batch.base < self._fed_to:
                continue
            if batch.end <= stable:
                hidden.append(batch)
            elif batch.data is not None:
                unfed.append([int(batch.value_bytes), batch.data])
        state["part"] = part.ledger.state(hidden, int(self._fed_to), int(stable), int(self._unfed_bytes))
        state["fed_to"] = int(stable)
        state["unfed"] = unfed
        return state

    def restore_state(self, state: dict[str, object]) -> None:
        start = state["start"]
        size = state["bytes"]
        marks = state["marks"]
        assert isinstance(start, int) and isinstance(size, int) and isinstance(marks, list)
        # Not in what version 1 wrote: what it kept is as old as this start, no older.
        seen = state.get("seen", int(self.core.now_ms))
        assert isinstance(seen, int)
        self.restore(start, size, marks, seen)
        producers = state.get("producers", {"producers": [], "aborted": []})
        newest = state.get("newest", [-1, -1])
        assert isinstance(producers, dict) and isinstance(newest, list)
        self.producers.restore(producers)
        self.newest_ms = newest[0]
        self.newest_base = newest[1]
        self.stable_end = self._stable_before(self.log.visible_end)
        arrivals = state.get("arrivals", [])
        assert isinstance(arrivals, list)
        self.arrivals.marks = arrivals
        part = self.part
        saved = state.get("part")
        if part is not None and isinstance(saved, dict):
            part.ledger.restore(
                saved["levels"],
                saved["leased"],
                saved["returns"],
                saved["delayed"],
                saved["bytes"],
                saved.get("timed", []),
                saved.get("groups", []),
            )
            fed_to = state["fed_to"]
            assert isinstance(fed_to, int)
            self._fed_to = fed_to
            self._unfed_bytes = 0
            unfed = state.get("unfed", [])
            assert isinstance(unfed, list)
            for size_of_values, data in unfed:
                batch = Batch(base_offset(data), end_offset(data), None, data)
                batch.special = True
                batch.value_bytes = size_of_values
                self._unfed.append(batch)

    def finish_recovery(self) -> None:
        super().finish_recovery()
        self._advance(self.log.visible_end)
        if self.value_bytes:
            self._tell_compactor(self.value_bytes)
        part = self.part
        if part is not None:
            part.finish_recovery()


def _kept_copy(batch: Batch) -> Batch:
    """The batch, whatever the log drops from memory before a queue gets it."""
    copy = Batch(batch.base, batch.end, None, batch.data)
    copy.special = True
    copy.volatile = batch.volatile
    copy.value_bytes = batch.value_bytes
    return copy
