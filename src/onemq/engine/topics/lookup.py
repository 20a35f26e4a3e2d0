"""Which offset belongs to a time: the first record at or after it. Source: Apache Kafka, ListOffsets; KIP-79, KIP-734."""

from abc import abstractmethod

from mypy_extensions import i64, mypyc_attr

from onemq.engine.batch import find_batch
from onemq.engine.loads import FindWaiter, LoadWaiter
from onemq.engine.topics.partition import Partition
from onemq.model.record_batch import CorruptBatch, max_timestamp_ms
from onemq.model.record_codec import decode_batch
from onemq.model.reserved_header import AddressCache

NONE_FOUND = -1


@mypyc_attr(allow_interpreted_subclasses=True)
class LookupWaiter:
    """Waits for one look-up."""

    @abstractmethod
    def looked_up(self, offset: int, time_ms: int) -> None:
        """-1, -1: no record is that young. Called once, perhaps at once; must not call the engine."""


class Lookup:
    """The first record at or after a time, or the first of the latest time of all."""

    def __init__(self, partition: Partition, end: i64, waiter: LookupWaiter) -> None:
        """`end`: records at and behind it do not count."""
        self._partition = partition
        self._end: i64 = end
        self._waiter = waiter
        self._time_ms: i64 = 0
        self._looked_to: i64 = 0
        self._waits = _LookupWaits(self)
        self.cancelled = False

    def by_time(self, time_ms: i64) -> None:
        self._time_ms = time_ms
        log = self._partition.log
        if log.spilled_to > log.start_offset and not self._all_in_memory():
            self._looked_to = log.spilled_to
            self._partition.find(time_ms, self._waits.finds)
            return
        self._in_memory(log.start_offset)

    def latest(self) -> None:
        """The first record that has the partition's latest time."""
        partition = self._partition
        if partition.newest_base < partition.log.start_offset or partition.newest_ms < 0:
            self._answer(NONE_FOUND, NONE_FOUND)
            return
        self._time_ms = partition.newest_ms
        self._from(partition.newest_base)

    def _all_in_memory(self) -> bool:
        return self._is_in_memory(self._partition.log.start_offset)

    def _is_in_memory(self, offset: i64) -> bool:
        log = self._partition.log
        return log.tail_at < len(log.tail) and log.tail[log.tail_at].base <= offset

    def found(self, offset: i64) -> None:
        if offset < 0:
            # More may have been spilled since it was asked.
            self._in_memory(max(self._looked_to, self._partition.log.start_offset))
        else:
            self._from(max(offset, self._partition.log.start_offset))

    def _from(self, offset: i64) -> None:
        """The batch at `offset` may hold it; otherwise it comes later."""
        batches = self._partition.read(offset, 1, self._partition.log.visible_end, True)
        if batches is None:
            self._partition.load(offset, 1, self._waits)
            return
        if not self._search(batches):
            self._in_memory(offset)

    def loaded(self, batches: list[bytes], next_offset: i64) -> None:
        if self._search(batches):
            return
        # Its batch's latest record has been taken away meanwhile, or the time lies in the memory's part.
        if batches and next_offset < self._end:
            self._from(next_offset)
        else:
            self._in_memory(max(next_offset, self._partition.log.start_offset))

    def _in_memory(self, start: i64) -> None:
        log = self._partition.log
        if start < min(log.spilled_to, self._end) and not self._is_in_memory(start):
            self._partition.load(start, 1, self._waits)
            return
        index = find_batch(log.tail, log.tail_at, start)
        while index < len(log.tail):
            data = log.tail[index].data
            index += 1
            if data is not None and max_timestamp_ms(data) >= self._time_ms and self._search([data]):
                return
        self._answer(NONE_FOUND, NONE_FOUND)

    def _search(self, batches: list[bytes]) -> bool:
        start = self._partition.log.start_offset
        for data in batches:
            try:
                records = decode_batch(data, 0, AddressCache())
            except CorruptBatch:
                # Its producer wrote no records in it. Others must be found all the same.
                continue
            for record in records:
                if record.offset >= self._end:
                    self._answer(NONE_FOUND, NONE_FOUND)
                    return True
                if record.timestamp_ms >= self._time_ms and record.offset >= start:
                    self._answer(int(record.offset), int(record.timestamp_ms))
                    return True
        return False

    def _answer(self, offset: int, time_ms: int) -> None:
        if not self.cancelled:
            self.cancelled = True
            self._waiter.looked_up(offset, time_ms)


class _LookupWaits(LoadWaiter):
    """A look-up's side as the one who waits."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.finds = _LookupFinds(lookup)

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._lookup.loaded(batches, next_offset)


class _LookupFinds(FindWaiter):
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def found(self, ticket: int, offset: i64) -> None:
        self._lookup.found(offset)
