"""Peeking: looks at records of a queue or a topic without taking them, from memory or from the store.

A peek is bounded in records, bytes, and records passed over; it answers once, at once or when the store has answered. Of a queue it shows
what is not settled, of a topic or stream what lies in its logs.
Must not: change anything, authorise (inspection.py does).
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Core
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger import Ledger
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.loads import FindWaiter, LoadWaiter
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
from onemq.engine.offsets import clipped
from onemq.engine.queue import Queue
from onemq.model.record import Record
from onemq.model.record_batch import max_timestamp_ms

READY: Final = "ready"
LEASED: Final = "leased"
DELAYED: Final = "delayed"
KEPT: Final = "kept"
"""States of what is shown: KEPT is all of a topic's or a stream's, whoever has read it."""

COUNT_MAX: Final = 10_000
PASSED_MAX: Final = 20_000
"""Records that one peek may pass over, because they are too old or have gone."""


class Peeked:
    """One record that was looked at. partition: of a topic; 0 elsewhere. attempts, failures: as in `Sink.deliver`."""

    __slots__ = ("attempts", "failures", "partition", "record", "state")

    def __init__(self, record: Record, state: str, partition: int, attempts: int, failures: int) -> None:
        self.record = record
        self.state = state
        self.partition = partition
        self.attempts = attempts
        self.failures = failures


@mypyc_attr(allow_interpreted_subclasses=True)
class PeekWaiter:
    """Waits for one peek."""

    @abstractmethod
    def peeked(self, found: list[Peeked], more: bool) -> None:
        """What was found, in order. more: there is more than was asked for, or than one peek may look at. Called once, perhaps
        before the peek is returned; must not call the engine."""


class PeekPart:
    """One log's part of a peek: where it stands. ranges: what to show, flat pairs; of a kept log only its end counts."""

    __slots__ = ("at", "delayed", "end", "ledger", "log", "partition", "ranges", "reader", "step")

    def __init__(self, log: Log, reader: LogReader, partition: int, ledger: Ledger | None) -> None:
        self.log = log
        self.reader = reader
        self.partition = partition
        self.ledger = ledger
        self.at: i64 = 0
        self.end: i64 = 0
        self.ranges: list[int] = []
        self.step = 0
        self.delayed: dict[int, bool] = {}

    def begin(self, offset: i64) -> None:
        """Nothing before `offset` is shown."""
        self.at = max(self.at, offset)
        if self.ledger is not None:
            self.ranges = clipped(self.ranges, int(self.at), int(self.end))
        self._to_range()

    def go_to(self, offset: i64) -> None:
        self.at = offset
        self._to_range()

    def is_over(self) -> bool:
        return self.at >= self.end

    def _to_range(self) -> None:
        if self.ledger is None:
            return
        ranges = self.ranges
        while self.step < len(ranges) and ranges[self.step + 1] <= self.at:
            self.step += 2
        self.at = self.end if self.step >= len(ranges) else max(self.at, ranges[self.step])

    def record(self) -> Record | None:
        """What stands at `at`; None: not there (any more), or on its way (`reader.loading`)."""
        ledger = self.ledger
        if ledger is not None:
            delivery = ledger.leased.get(int(self.at))
            if delivery is not None:
                return delivery.record
            held = ledger.held.get(int(self.at))
            if held is not None:
                return held
        return self.reader.get(self.at)

    def state(self) -> str:
        ledger = self.ledger
        if ledger is None:
            return KEPT
        offset = int(self.at)
        if offset in ledger.leased or offset in ledger.timed.out:
            return LEASED
        return DELAYED if offset in self.delayed else READY


def ledger_part(queue: LedgerQueue, ready_only: bool) -> PeekPart:
    """Of a queue's records in one log."""
    ledger = queue.ledger
    reader = LogReader(queue.log)
    reader.producers = ledger.reader.producers
    partition = 0
    kept = queue.partition
    if isinstance(kept, KeptQueue):
        partition = kept.number()
    part = PeekPart(queue.log, reader, partition, ledger)
    part.ranges = ledger.ready_ranges() if ready_only else ledger.unsettled_ranges()
    if not ready_only:
        for entry in ledger.delayed:
            part.delayed[entry[1]] = True
    part.end = part.ranges[-1] if part.ranges else 0
    part.begin(0)
    return part


def kept_part(queue: KeptQueue) -> PeekPart:
    """Of a topic's partition, or of a stream."""
    part = PeekPart(queue.log, queue.new_reader(), queue.number(), None)
    part.end = queue.readable_end()
    part.begin(queue.log.start_offset)
    return part


def parts_of(queue: Queue, ready_only: bool) -> list[PeekPart]:
    if isinstance(queue, LedgerQueue):
        return [ledger_part(each, ready_only) for each in [queue, *queue.others]]
    assert isinstance(queue, KeptQueue)
    return [kept_part(queue)]


class Peek:
    """One look, part after part. Several parts are joined by the records' times."""

    def __init__(
        self, core: Core, parts: list[PeekPart], count: int, bytes_max: int, waiter: PeekWaiter
    ) -> None:
        self._core = core
        self._parts = parts
        self._count = min(count, COUNT_MAX)
        self._bytes_left: i64 = bytes_max
        self._waiter: PeekWaiter | None = waiter
        self._passed: i64 = 0
        self._from_ms: i64 = 0
        self._index = 0
        self._in_part = 0
        self._found: list[Peeked] = []
        self._more = False
        self._ticket = 0
        self._waits = _PeekWaits(self)
        self._finds = _PeekFinds(self)

    def from_head(self) -> None:
        self._go_on()

    def from_offset(self, offset: i64) -> None:
        for part in self._parts:
            part.begin(offset)
        self._go_on()

    def from_time(self, time_ms: i64) -> None:
        """Records of that time and later."""
        self._from_ms = time_ms
        self._find_next()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._waiter = None
        self._core.load_waiters.pop(self._ticket, None)
        self._core.find_waiters.pop(self._ticket, None)

    # Where a time begins, part after part.

    def _find_next(self) -> None:
        core = self._core
        while self._index < len(self._parts):
            part = self._parts[self._index]
            log = part.log
            if not part.is_over() and part.at < log.spilled_to and log.find(part.at) is None:
                self._ticket = core.ticket()
                core.find_waiters[self._ticket] = self._finds
                core.store.find_time(self._ticket, log.log_id, int(self._from_ms))
                return
            part.begin(_first_in_tail(log, self._from_ms))
            self._index += 1
        self._index = 0
        self._go_on()

    def found(self, offset: i64) -> None:
        """The store's answer for the part at hand; -1: not among what it has."""
        part = self._parts[self._index]
        part.begin(offset if offset >= 0 else min(part.log.spilled_to, part.end))
        self._index += 1
        self._find_next()

    # Records.

    def loaded(self, batches: list[bytes], next_offset: i64) -> None:
        self._parts[self._index].reader.loaded(batches, next_offset)
        self._go_on()

    def _go_on(self) -> None:
        while self._index < len(self._parts):
            if not self._look(self._parts[self._index]):
                return
            self._index += 1
            self._in_part = 0
        self._answer()

    def _look(self, part: PeekPart) -> bool:
        """False: the store has been asked; `loaded` follows."""
        while not part.is_over():
            if self._in_part >= self._count or self._bytes_left <= 0 or self._passed >= PASSED_MAX:
                self._more = True
                return True
            record = part.record()
            if record is None:
                reader = part.reader
                if reader.loading:
                    self._ticket = reader.ticket
                    self._core.load_waiters[self._ticket] = self._waits
                    return False
                self._passed += 1
                part.go_to(max(reader.gone_to if reader.gone else part.at + 1, part.at + 1))
                continue
            if record.timestamp_ms < self._from_ms:
                self._passed += 1
            else:
                self._take(part, record)
            part.go_to(part.at + 1)
        return True

    def _take(self, part: PeekPart, record: Record) -> None:
        attempts = 0
        failures = 0
        ledger = part.ledger
        if ledger is not None:
            attempts = int(ledger.attempts(record.offset))
            failures = int(ledger.failures(record.offset))
        self._found.append(Peeked(record, part.state(), part.partition, attempts, failures))
        self._in_part += 1
        self._bytes_left -= record.body_bytes()

    def _answer(self) -> None:
        waiter = self._waiter
        self._waiter = None
        if waiter is None:
            return
        found = self._found
        if len(self._parts) > 1:
            found.sort(key=_place)
        if len(found) > self._count:
            self._more = True
            found = found[: self._count]
        waiter.peeked(found, self._more)


def _place(each: Peeked) -> tuple[int, int, int]:
    return (int(each.record.timestamp_ms), each.partition, int(each.record.offset))


def _first_in_tail(log: Log, time_ms: i64) -> i64:
    """Where the part in memory may hold the first record of that time: no batch before has one."""
    for batch in log.tail:
        if batch.live <= 0:
            continue
        data = batch.data
        if data is not None:
            if max_timestamp_ms(data) >= time_ms:
                return batch.base
            continue
        # Records that were not stored as they came have the broker's times, which do not go back.
        for record in reversed(batch.records or []):
            if record is not None:
                if record.timestamp_ms >= time_ms:
                    return batch.base
                break
    return log.visible_end


class _PeekWaits(LoadWaiter):
    """A peek's side as the one who waits for batches."""

    def __init__(self, peek: Peek) -> None:
        self._peek = peek

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._peek.loaded(batches, next_offset)


class _PeekFinds(FindWaiter):
    """The same for an offset."""

    def __init__(self, peek: Peek) -> None:
        self._peek = peek

    def found(self, ticket: int, offset: i64) -> None:
        self._peek.found(offset)
