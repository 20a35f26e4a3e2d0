"""The ready records of a ledger, by priority, in the order in which they are delivered: those that never went, as ranges, and those that
came back, each at its place among them.

Must not: load records, or count what others keep ready (the ledger does, for it may keep some by group).
"""

from heapq import heapify, heappop, heappush

from mypy_extensions import i64

from onemq.engine.offsets import OffsetQueue, coalesced, from_offsets, subtracted


class ReadyRecords:
    """See the module.

    Attributes:
        levels: what never went, by priority, in order of offset. returned: ready again (heaps), by priority.
        struck: offsets in `returned` that are not ready any more: they are passed over when their turn comes.
        offset, level, came_back: what the last successful `find` found.
    """

    __slots__ = ("came_back", "level", "levels", "offset", "returned", "returned_count", "struck")

    def __init__(self, priority_max: int) -> None:
        self.levels: list[OffsetQueue] = [OffsetQueue() for _ in range(priority_max + 1)]
        self.returned: list[list[int]] = [[] for _ in range(priority_max + 1)]
        self.returned_count: i64 = 0
        self.struck: dict[int, bool] = {}
        self.offset: i64 = 0
        self.level: i64 = 0
        self.came_back = False

    def count(self) -> i64:
        """How many there are; costs a look at each priority."""
        count = self.returned_count - len(self.struck)
        for level in self.levels:
            count += level.count
        return count

    # Records come.

    def add(self, start: i64, end: i64, level: i64) -> None:
        """Of [start, end), which lies behind all that never went, each is ready."""
        self.levels[level].append(start, end)

    def come_back(self, offset: i64, level: i64) -> None:
        """It is ready again, at its place."""
        if self.struck and self.struck.pop(offset, False):
            # It still stands there.
            return
        heappush(self.returned[level], int(offset))
        self.returned_count += 1

    # What is next.

    def find(self) -> bool:
        """Looks for what is next. False: nothing is ready."""
        level: i64 = len(self.levels) - 1
        while level >= 0:
            waiting = self.levels[level]
            if self.struck:
                self._pass_struck(level)
            if (
                self.returned_count
                and self.returned[level]
                # After a restart what came back before may stand among what never went.
                and (not waiting.count or self.returned[level][0] < waiting.front)
            ):
                self.offset = self.returned[level][0]
                self.level = level
                self.came_back = True
                return True
            if waiting.count:
                self.offset = waiting.front
                self.level = level
                self.came_back = False
                return True
            level -= 1
        return False

    def take(self) -> None:
        """Takes out what `find` found."""
        if self.came_back:
            heappop(self.returned[self.level])
            self.returned_count -= 1
        else:
            self.levels[self.level].pop()

    def take_to(self, end: i64) -> i64:
        """As `take`, of what never went, with what follows it without a gap before `end`. Returns the offset behind it."""
        return self.levels[self.level].pop_to(end)

    def front(self, level: i64) -> i64:
        """The first offset of a priority; -1: there is none."""
        waiting = self.levels[level]
        if self.struck:
            self._pass_struck(level)
        front: i64 = -1
        if waiting.count:
            front = waiting.front
        if self.returned[level]:
            first: i64 = self.returned[level][0]
            if front < 0 or first < front:
                front = first
        return front

    def oldest(self) -> i64:
        """The smallest offset of all; -1: there is none."""
        oldest: i64 = -1
        for level in range(len(self.levels)):
            front = self.front(level)
            if front >= 0 and (oldest < 0 or front < oldest):
                oldest = front
        return oldest

    # Records go, wherever they stand.

    def has_returned(self, offset: i64, level: i64) -> bool:
        """Whether it came back. Costs a look at all of its priority that did."""
        return self.returned_count > 0 and int(offset) in self.returned[level]

    def strike(self, offset: i64) -> None:
        """What came back is not ready any more: it is passed over where it waits."""
        self.struck[int(offset)] = True

    def _pass_struck(self, level: i64) -> None:
        heap = self.returned[level]
        while heap and heap[0] in self.struck:
            del self.struck[heappop(heap)]
            self.returned_count -= 1

    def _drop_struck(self) -> None:
        if self.struck:
            self._keep_returned(
                [[each for each in heap if each not in self.struck] for heap in self.returned]
            )
            self.struck = {}

    def _keep_returned(self, kept: list[list[int]]) -> None:
        for heap in kept:
            heapify(heap)
        self.returned = kept
        self.returned_count = sum([len(heap) for heap in kept])

    def take_ranges(self, gone: list[int]) -> i64:
        """Takes out what never went of these. Returns how many that were."""
        count: i64 = 0
        for index, level in enumerate(self.levels):
            rest = _queue_of(subtracted(level.ranges(), gone))
            count += level.count - rest.count
            self.levels[index] = rest
        return count

    def drop_before(self, start: i64) -> None:
        """Takes out all before `start`."""
        self.take_ranges([0, int(start)])
        self._drop_struck()
        self._keep_returned([[each for each in heap if each >= start] for heap in self.returned])

    def clear(self) -> None:
        self.struck = {}
        for level in self.levels:
            level.clear()
        for heap in self.returned:
            heap.clear()
        self.returned_count = 0

    # All of them.

    def by_level(self) -> list[list[int]]:
        """Ranges of each priority."""
        self._drop_struck()
        return [
            level.ranges() + from_offsets(heap)
            for level, heap in zip(self.levels, self.returned, strict=True)
        ]

    def ranges(self) -> list[int]:
        pairs: list[int] = []
        for level in self.by_level():
            pairs.extend(level)
        return coalesced(pairs)

    def add_among(self, offsets: list[int]) -> None:
        """These are ready, of the lowest priority, and take their places among what never went."""
        self.levels[0] = _queue_of(coalesced(self.levels[0].ranges() + from_offsets(offsets)))


def _queue_of(pairs: list[int]) -> OffsetQueue:
    queue = OffsetQueue()
    for at in range(0, len(pairs), 2):
        queue.append(pairs[at], pairs[at + 1])
    return queue
