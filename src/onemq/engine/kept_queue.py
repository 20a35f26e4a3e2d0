"""A queue whose records stay after they were read (a stream): every consumer has its own position; retention takes the old ones."""

from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import (
    START_FIRST,
    START_LAST,
    START_OFFSET,
    START_TIME,
    Consumer,
    Delivery,
    GetResult,
    Sink,
)
from onemq.engine.core import Core
from onemq.engine.facts import write_kept_from
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.queue import Keeper, Queue
from onemq.model.entities import QueueSettings
from onemq.model.record import Record
from onemq.model.record_batch import max_timestamp_ms
from onemq.model.refusal import Reason, Refusal

RETENTION_CHECK_MS = 10_000
RETENTION_CHECK_MIN_MS = 1_000
RETENTION_CHECKS = 4
"""A log's age is looked at so often in its retention time, within the bounds above."""
MARKS_PER_LOG = 64
"""A log's retention works in steps of 1/64 of what it may hold."""


class KeptReader:
    """One consumer's place."""

    __slots__ = ("consumer", "finding", "reader")

    def __init__(self, consumer: Consumer, reader: LogReader) -> None:
        self.consumer = consumer
        self.reader = reader
        self.finding = 0


class KeptQueue(Queue):
    """See the module.

    `marks` are places where retention may cut: flat (offset, bytes of values before it, newest time before it in ms).
    """

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(core, namespace, name, settings, log, keeper)
        self.readers: dict[Consumer, KeptReader] = {}
        self.leased: dict[Delivery, bool] = {}
        self.value_bytes: i64 = 0
        self.marks: list[int] = []
        self.newest_seen_ms: i64 = 0
        self._cut = False
        self.watch_retention()

    def configure(self, settings: QueueSettings) -> None:
        super().configure(settings)
        self.watch_retention()

    def watch_retention(self) -> None:
        """Looks at the oldest records' age from time to time, if that counts."""
        age = self.settings.retention_ms
        if age is not None:
            wait: i64 = min(max(age // RETENTION_CHECKS, RETENTION_CHECK_MIN_MS), RETENTION_CHECK_MS)
            self.core.schedule(self.agenda, self.core.now_ms + wait)

    def readable_end(self) -> i64:
        """Readers see what lies before."""
        return self.log.visible_end

    def number(self) -> int:
        """Which of its topic's partitions it is; 0 for a stream."""
        return 0

    def new_reader(self) -> LogReader:
        return LogReader(self.log)

    def start_moved(self) -> None:
        """The log begins later now."""

    def ready_count(self) -> i64:
        return self.log.visible_end - self.log.start_offset

    def full(self, record: Record) -> bool:
        return False

    def is_loading(self) -> bool:
        return False

    def purge(self) -> i64:
        raise Refusal(Reason.NOT_SUPPORTED, "queue", self.name, "purge")

    def try_get(self, sink: Sink, no_ack: bool) -> GetResult | None:
        raise Refusal(Reason.NOT_SUPPORTED, "queue", self.name, "basic.get")

    # Records in; retention.

    def add_visible(self, batch: Batch) -> None:
        self.value_bytes += batch.value_bytes
        marks = self.marks
        data = batch.data
        newest = self.core.now_ms if data is None else max_timestamp_ms(data)
        self.newest_seen_ms = max(self.newest_seen_ms, newest)
        if not marks or self.value_bytes - marks[-2] >= self._mark_bytes():
            marks.extend((int(batch.end), int(self.value_bytes), int(self.newest_seen_ms)))
        limit = self.settings.retention_bytes
        if limit is not None and self.value_bytes > limit:
            self._apply_retention()

    def mark_end(self) -> None:
        """Retention may cut at the end of what is visible now."""
        marks = self.marks
        end = self.log.visible_end
        if end <= self.log.start_offset or (marks and marks[-3] >= end):
            return
        age = self.settings.retention_ms
        newest = self.newest_seen_ms
        step: i64 = 0 if age is None else age // MARKS_PER_LOG
        all_old = age is not None and newest + age < self.core.now_ms
        if not marks or all_old or newest - marks[-1] >= step:
            marks.extend((int(end), int(self.value_bytes), int(self.newest_seen_ms)))

    def _mark_bytes(self) -> i64:
        limit = self.settings.retention_bytes
        segment = self.settings.segment_bytes
        step: i64 = 8 << 20
        if segment is not None:
            step = segment
        if limit is not None:
            step = min(step, max(limit // MARKS_PER_LOG, 1))
        return step

    def _apply_retention(self) -> None:
        """Cuts at the last mark before which everything is too old or too much."""
        marks = self.marks
        limit = self.settings.retention_bytes
        age = self.settings.retention_ms
        end = self.retained_from()
        gone: i64 = 0
        drop = 0
        for at in range(0, len(marks), 3):
            too_much = limit is not None and self.cut_is_due(limit, gone, marks[at + 1])
            too_old = age is not None and marks[at + 2] + age < self.core.now_ms
            if not (too_much or too_old) or marks[at] > end:
                break
            if limit is not None and not too_old and self.value_bytes - marks[at + 1] <= 0:
                break
            gone = marks[at + 1]
            drop = at + 3
        if drop:
            self._cut_at(drop)
            self._cut = True
            self.core.need_write(self.agenda)

    def retained_from(self) -> i64:
        """Retention takes nothing at this offset and behind it."""
        return self.log.visible_end

    def cut_is_due(self, limit: i64, gone: i64, gone_then: i64) -> bool:
        """Whether a cut that takes `gone_then` bytes after one that took `gone` is due for `limit`."""
        return self.value_bytes - gone > limit

    def cut_before(self, offset: i64) -> None:
        """Everything before `offset` goes."""
        self.replay_cut(offset)
        self._cut = True
        # Whoever is told of it waits for the commit that this makes.
        self.core.will_commit = True
        self.core.need_write(self.agenda)

    def _cut_at(self, drop: int) -> None:
        """Everything up to the last of the first `drop` // 3 marks goes."""
        marks = self.marks
        start: i64 = marks[drop - 3]
        gone: i64 = marks[drop - 2]
        del marks[:drop]
        for at in range(0, len(marks), 3):
            marks[at + 1] -= int(gone)
        self.value_bytes -= gone
        self._begin_at(start)

    def _begin_at(self, start: i64) -> None:
        log = self.log
        log.released_spilled += max(min(start, log.spilled_to) - log.start_offset, 0)
        log.start_offset = start
        log.release_before(start)
        self.start_moved()

    def replay_cut(self, start: i64) -> None:
        """Retention has taken what lies before `start`."""
        drop = 0
        while drop < len(self.marks) and self.marks[drop] <= start:
            drop += 3
        if drop:
            self._cut_at(drop)
        if start > self.log.start_offset:
            self._begin_at(start)

    # Consumers.

    def add_consumer(self, consumer: Consumer) -> None:
        reader = KeptReader(consumer, self.new_reader())
        self.readers[consumer] = reader
        self._place(reader)
        super().add_consumer(consumer)

    def remove_consumer(self, consumer: Consumer) -> None:
        self.readers.pop(consumer, None)
        super().remove_consumer(consumer)

    def _place(self, reader: KeptReader) -> None:
        log = self.log
        start = reader.consumer.start
        position = log.visible_end
        if start is not None:
            if start.kind == START_FIRST:
                position = log.start_offset
            elif start.kind == START_LAST:
                position = self._last_chunk()
            elif start.kind == START_OFFSET:
                position = max(start.value, log.start_offset)
            elif start.kind == START_TIME:
                position = self._at_time(reader, start.value)
        reader.consumer.position = position

    def _last_chunk(self) -> i64:
        log = self.log
        for index in range(len(log.tail) - 1, -1, -1):
            batch = log.tail[index]
            if batch.end <= log.visible_end:
                return max(batch.base, log.start_offset)
        return max(log.visible_end - 1, log.start_offset)

    def _at_time(self, reader: KeptReader, time_ms: i64) -> i64:
        log = self.log
        if log.spilled_to > log.start_offset:
            reader.finding = self.core.ticket()
            self.core.store.find_time(reader.finding, log.log_id, int(time_ms))
            return log.spilled_to
        return self._at_time_in_tail(time_ms)

    def _at_time_in_tail(self, time_ms: i64) -> i64:
        log = self.log
        for batch in log.tail:
            data = batch.data
            if batch.live <= 0 or (data is not None and max_timestamp_ms(data) < time_ms):
                continue
            for record in batch.decoded(log.addresses):
                if record is not None and record.timestamp_ms >= time_ms:
                    return max(record.offset, log.start_offset)
        return log.visible_end

    def found(self, ticket: int, offset: i64) -> None:
        """The store's answer to a search by time."""
        for reader in self.readers.values():
            if reader.finding == ticket:
                reader.finding = 0
                # -1: not among what was spilled when it was asked for; the reader stands behind that.
                found = offset if offset >= 0 else reader.consumer.position
                reader.consumer.position = max(found, self.log.start_offset)
                self.core.need_dispatch(self.agenda)

    # Records out.

    def dispatch(self, budget: i64) -> i64:
        count: i64 = 0
        share = max(budget // max(len(self.consumers), 1), 1)
        more = False
        for consumer in self.consumers:
            reader = self.readers[consumer]
            if reader.finding or reader.reader.loading:
                continue
            given = self._serve(consumer, reader.reader, share)
            count += given
            if given >= share or self.core.delivery_bytes_left <= 0:
                more = True
        if more:
            self.core.need_dispatch(self.agenda)
        return count

    def _serve(self, consumer: Consumer, reader: LogReader, budget: i64) -> i64:
        log = self.log
        given: i64 = 0
        if consumer.position < log.start_offset:
            consumer.position = log.start_offset
        start = consumer.start
        from_time: i64 = start.value if start is not None and start.kind == START_TIME else 0
        core = self.core
        while given < budget and core.delivery_bytes_left > 0:
            if consumer.position >= self.readable_end() or not consumer.open():
                break
            record = reader.get(consumer.position)
            if record is None:
                if not reader.gone:
                    break
                consumer.position = max(min(reader.gone_to, self.readable_end()), consumer.position + 1)
                continue
            consumer.position += 1
            given += 1
            if record.timestamp_ms < from_time:
                continue
            size = record.body_bytes()
            core.delivery_bytes_left -= size
            tracer = core.tracer
            if tracer is not None:
                # A reader settles nothing: what it acknowledges is its window.
                tracer.delivered(record, consumer.sink.protocol.name, self.name, int(self.log.log_id), False)
            if consumer.no_ack:
                for counters in (self.counters, consumer.sink.counters, consumer.totals):
                    counters.delivered_no_ack += 1
                    counters.delivered_bytes += size
                consumer.sink.deliver(consumer, record, 0, 0, None)
                continue
            for counters in (self.counters, consumer.sink.counters, consumer.totals):
                counters.delivered += 1
                counters.delivered_bytes += size
            delivery = Delivery(record, self.leaser, consumer.sink, consumer, 0, 0, self.core.now_ms)
            self.leased[delivery] = True
            if self.leaser not in consumer.sink.leased_from:
                consumer.sink.leased_from[self.leaser] = True
            consumer.demand.in_flight += 1
            group = consumer.group_demand
            if group is not None:
                group.in_flight += 1
            consumer.sink.deliver(consumer, record, 0, 0, delivery)
        return given

    def _end(self, delivery: Delivery) -> bool:
        """False: it was over before."""
        if delivery.settled:
            return False
        delivery.settled = True
        self.leased.pop(delivery, None)
        consumer = delivery.consumer
        if consumer is not None:
            consumer.demand.in_flight -= 1
            group = consumer.group_demand
            if group is not None:
                group.in_flight -= 1
                for other in consumer.sink.consumers:
                    other.queue.wake()
        self.core.need_dispatch(self.agenda)
        return True

    def settle(self, delivery: Delivery) -> None:
        if self._end(delivery):
            self.counters.acknowledged += 1
            delivery.sink.counters.acknowledged += 1
            delivery.sink.protocol.stream.acknowledged += 1

    def give_back(self, delivery: Delivery, failed: bool) -> None:
        self._end(delivery)

    def reject(self, delivery: Delivery) -> None:
        self._end(delivery)

    def give_back_all(self, sink: Sink) -> None:
        for delivery in list(self.leased):
            if delivery.sink is sink:
                self._end(delivery)

    def give_back_consumer(self, consumer: Consumer) -> None:
        for delivery in list(self.leased):
            if delivery.consumer is consumer:
                self._end(delivery)

    def on_deadline(self) -> None:
        if self.check_unused():
            return
        if self.settings.retention_ms is not None or self.settings.retention_bytes is not None:
            self._apply_retention()
        self.watch_retention()

    # Store.

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        for reader in self.readers.values():
            if reader.reader.loading and reader.reader.ticket == ticket:
                reader.reader.loaded(batches, next_offset)
                self.core.need_dispatch(self.agenda)

    def write_facts(self) -> None:
        if self._cut:
            self._cut = False
            write_kept_from(self.core.facts, self.log.log_id, self.log.start_offset)

    def live_ranges(self) -> list[int]:
        return [int(self.log.start_offset), int(self.log.visible_end)]

    def state(self) -> dict[str, object]:
        # Records whose commit is under way belong to it: a snapshot of now stands for their facts.
        size = self.value_bytes + self.log.hidden_bytes
        seen = int(self.newest_seen_ms)
        for batch in self.log.pending:
            data = batch.data
            seen = max(seen, int(self.core.now_ms if data is None else max_timestamp_ms(data)))
        start = int(self.log.start_offset)
        return {"start": start, "bytes": int(size), "marks": list(self.marks), "seen": seen}

    def restore(self, start: int, size: int, marks: list[int], newest_seen_ms: int) -> None:
        self.log.start_offset = start
        self.newest_seen_ms = newest_seen_ms
        self.value_bytes = size
        self.marks = marks

    def finish_recovery(self) -> None:
        self.log.release_before(self.log.start_offset)
        self.watch_unused()
