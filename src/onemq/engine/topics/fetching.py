"""A fetch: whole batches of several partitions at once, from memory or from the store, waiting until there is enough.

Nothing here looks at a record. Source: Apache Kafka, "ReplicaManager.fetchMessages"; KIP-74 for the size rules.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.engine.counters import Tally
from onemq.engine.loads import LoadWaiter
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.producers import Aborted
from onemq.model.record_batch import base_offset, end_offset, record_count
from onemq.model.refusal import Reason

WAIT_MAX_MS: Final = 60_000
"""Longest wait: what waits costs memory even when its client has gone."""


class FetchPart:
    """What is wanted of one partition. `partition` None or `refused`: the answer is that, and counts as enough to answer at once."""

    __slots__ = ("bytes_max", "offset", "partition", "refused")

    def __init__(
        self, partition: Partition | None, offset: i64, bytes_max: i64, refused: Reason | None = None
    ) -> None:
        self.partition = partition
        self.offset: i64 = offset
        self.bytes_max: i64 = bytes_max
        self.refused = refused


class Fetched:
    """What one partition had. `aborted`: None unless only committed records were asked for. Offsets: -1 when refused."""

    __slots__ = ("aborted", "batches", "high_watermark", "refused", "stable_end", "start_offset")

    def __init__(self, refused: Reason | None) -> None:
        self.refused = refused
        self.batches: list[bytes] = []
        self.high_watermark: i64 = -1
        self.stable_end: i64 = -1
        self.start_offset: i64 = -1
        self.aborted: list[Aborted] | None = None

    def see(self, partition: Partition) -> None:
        """Where the partition begins and ends now."""
        if not partition.deleted:
            self.high_watermark = partition.log.visible_end
            self.stable_end = partition.stable_end
            self.start_offset = partition.log.start_offset


@mypyc_attr(allow_interpreted_subclasses=True)
class FetchWaiter:
    """Waits for one fetch."""

    @abstractmethod
    def fetched(self, results: list[Fetched]) -> None:
        """One result for each part, in order. Called once, perhaps before the fetch is returned; must not call the engine."""


class Fetch(Agenda):
    """One fetch under way."""

    def __init__(
        self,
        core: Core,
        parts: list[FetchPart],
        bytes_min: i64,
        bytes_max: i64,
        committed: bool,
        waiter: FetchWaiter,
        tally: Tally | None = None,
    ) -> None:
        super().__init__()
        self.core = core
        self._tally = tally
        self.done = False
        self._parts = parts
        self._bytes_min: i64 = bytes_min
        self._bytes_max: i64 = bytes_max
        self._committed = committed
        self._waiter: FetchWaiter | None = waiter
        self._results: list[Fetched] = []
        self._loads: dict[int, int] = {}
        self._watching = False
        self._has_loaded = False
        self._until_ms: i64 = 0
        self._reserved: i64 = 0
        self._load_waiter = _FetchLoads(self)

    def start(self, wait_ms: i64) -> None:
        """Answers now, or when there is enough, or after `wait_ms` (WAIT_MAX_MS at most)."""
        if wait_ms > 0:
            self._until_ms = self.core.now_ms + min(wait_ms, WAIT_MAX_MS)
        if wait_ms <= 0 or not self._parts or self._enough():
            self._gather()
            return
        self._watch()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.done = True
        self._unwatch()
        self._give_back()
        self._let_go()

    # Agenda.

    def dispatch(self, budget: i64) -> i64:
        if not self.done and self._watching and self._enough():
            self._gather()
        return 1

    def on_deadline(self) -> None:
        if not self.done and self._watching:
            self._gather()

    # Inside.

    def _end_of(self, partition: Partition) -> i64:
        return partition.stable_end if self._committed else partition.log.visible_end

    def _enough(self) -> bool:
        size: i64 = 0
        for part in self._parts:
            if self._refusal(part) is not None:
                return True
            partition = part.partition
            assert partition is not None
            size += partition.available(
                part.offset, self._end_of(partition), min(part.bytes_max, self._bytes_min - size)
            )
            if size >= self._bytes_min:
                return True
        return False

    def _refusal(self, part: FetchPart) -> Reason | None:
        if part.refused is not None:
            return part.refused
        partition = part.partition
        if partition is None or partition.deleted:
            return Reason.NOT_FOUND
        log = partition.log
        if part.offset < log.start_offset or part.offset > log.visible_end:
            return Reason.OFFSET_OUT_OF_RANGE
        return None

    def _watch(self) -> None:
        self._watching = True
        for part in self._parts:
            if part.partition is not None:
                part.partition.watchers[self] = True
        self.core.schedule(self, self._until_ms)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            # The time that a client would have waited may be weeks.
            self.core.unschedule(self)
            for part in self._parts:
                if part.partition is not None:
                    part.partition.watchers.pop(self, None)

    def _gather(self) -> None:
        """Takes what is in memory, asks for what is not."""
        self._unwatch()
        core = self.core
        room = max(min(self._bytes_max, core.fetch_bytes_left), 0)
        self._reserved = room
        core.fetch_bytes_left -= room
        nothing_yet = True
        for index in range(len(self._parts)):
            part = self._parts[index]
            refused = self._refusal(part)
            result = Fetched(refused)
            self._results.append(result)
            partition = part.partition
            if partition is None:
                continue
            result.see(partition)
            if refused is not None:
                continue
            if self._committed:
                result.aborted = []
            if room <= 0 and not nothing_yet:
                continue
            end = self._end_of(partition)
            size = min(part.bytes_max, room)
            batches = partition.read(part.offset, size, end, nothing_yet)
            if batches is None:
                ticket = partition.load(part.offset, size, self._load_waiter)
                self._loads[ticket] = index
                # What is on disk is there in plenty: the room counts as used, and a load brings one batch at least.
                room -= max(size, partition.batch_bytes_max())
                nothing_yet = False
                continue
            if batches:
                nothing_yet = False
                self._take(result, part, partition, batches)
                for data in batches:
                    room -= len(data)
        if not self._loads:
            self._answer()

    def _take(self, result: Fetched, part: FetchPart, partition: Partition, batches: list[bytes]) -> None:
        result.batches = batches
        records: i64 = 0
        size: i64 = 0
        for data in batches:
            records += record_count(data)
            size += len(data)
        counters = partition.counters
        counters.delivered_no_ack += records
        counters.delivered_bytes += size
        counters.delivered_batches += len(batches)
        if self._tally is not None:
            self._tally.fetched(records, size, len(batches))
            tracer = self.core.tracer
            if tracer is not None and batches:
                protocol = self._tally.protocol.name
                tracer.batches_delivered(
                    batches, int(part.offset), protocol, partition.name, int(partition.index)
                )
        if self._committed and batches:
            result.aborted = partition.aborted_in(part.offset, end_offset(batches[-1]))

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        index = self._loads.pop(ticket, -1)
        if index < 0 or self.done:
            return
        part = self._parts[index]
        partition = part.partition
        assert partition is not None
        end = self._end_of(partition)
        wanted: list[bytes] = []
        for data in batches:
            if base_offset(data) >= end:
                break
            wanted.append(data)
        if not wanted and next_offset > part.offset and next_offset < end:
            # A hole (compaction, settled records of a queue): what follows it is the answer.
            part.offset = next_offset
            again = partition.read(next_offset, part.bytes_max, end, True)
            if again is None:
                self._loads[partition.load(next_offset, part.bytes_max, self._load_waiter)] = index
                return
            wanted = again
        self._has_loaded = True
        # What has become visible meanwhile may be among it: an answer must not reach beyond the end that it names.
        self._results[index].see(partition)
        if not wanted:
            part.offset = max(part.offset, min(next_offset, end))
        self._take(self._results[index], part, partition, wanted)
        if not self._loads:
            self._answer()

    def _give_back(self) -> None:
        """What was reserved; the waiter counts what it was given, until it has left."""
        self.core.fetch_bytes_left += self._reserved
        self._reserved = 0

    def _answer(self) -> None:
        self._give_back()
        if (
            self._has_loaded
            and self._bytes_min > 0
            and self.core.now_ms < self._until_ms
            and self._is_empty()
        ):
            # The store had nothing but a hole where something was expected: a client told so at once would ask again at once.
            self._has_loaded = False
            self._results = []
            self._watch()
            self.core.need_dispatch(self)
            return
        self.done = True
        results = self._results
        waiter = self._waiter
        self._let_go()
        if waiter is not None:
            waiter.fetched(results)

    def _is_empty(self) -> bool:
        for result in self._results:
            if result.batches or result.refused is not None:
                return False
        return True

    def _let_go(self) -> None:
        """The deadline may keep this object for a while, and it stands in a circle with its side of loads until the garbage collector
        comes by, which is seldom: it must not keep what it held, nor the waiter with the answer's batches."""
        self._results = []
        self._parts = []
        self._waiter = None


class _FetchLoads(LoadWaiter):
    """A fetch's side as the one who waits for loads."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._fetch.loaded(ticket, batches, next_offset)
