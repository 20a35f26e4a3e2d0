"""Sets of offsets that cost memory by ranges, not by record. Flat lists hold [start, end) pairs, ascending, disjoint."""

from mypy_extensions import i64


class OffsetQueue:
    """Offsets in ascending order, taken from the front, added at the back. Ten million in a row are two numbers."""

    __slots__ = ("_rest", "_rest_at", "count", "front", "front_end")

    def __init__(self) -> None:
        self.count: i64 = 0
        self.front: i64 = 0
        self.front_end: i64 = 0
        self._rest: list[int] = []
        self._rest_at: i64 = 0

    def append(self, start: i64, end: i64) -> None:
        """Adds [start, end), which lies behind everything in the queue."""
        if end <= start:
            return
        self.count += end - start
        if self.front == self.front_end:
            self.front = start
            self.front_end = end
        elif not self._rest:
            if start == self.front_end:
                self.front_end = end
            else:
                self._rest.append(int(start))
                self._rest.append(int(end))
        elif self._rest[-1] == start:
            self._rest[-1] = int(end)
        else:
            self._rest.append(int(start))
            self._rest.append(int(end))

    def pop(self) -> i64:
        """The smallest offset, taken out. The queue must not be empty."""
        offset = self.front
        self.front = offset + 1
        self.count -= 1
        if self.front == self.front_end and self._rest:
            at = self._rest_at
            self.front = self._rest[at]
            self.front_end = self._rest[at + 1]
            at += 2
            if at == len(self._rest):
                self._rest = []
                at = 0
            elif at >= 4096:
                del self._rest[:at]
                at = 0
            self._rest_at = at
        return offset

    def pop_to(self, end: i64) -> i64:
        """Takes out what lies before `end` of the first run of offsets (one at least). Returns the offset after it."""
        stop = min(end, self.front_end)
        if stop > self.front + 1:
            self.count -= stop - 1 - self.front
            self.front = stop - 1
        return self.pop() + 1

    def ranges(self) -> list[int]:
        """Everything in the queue, as flat pairs."""
        if self.front == self.front_end:
            return []
        return [int(self.front), int(self.front_end), *self._rest[self._rest_at :]]

    def clear(self) -> None:
        self.count = 0
        self.front = 0
        self.front_end = 0
        self._rest = []
        self._rest_at = 0


def coalesced(pairs: list[int]) -> list[int]:
    """Any [start, end) pairs, in any order, as ascending disjoint ones."""
    spans: list[tuple[int, int]] = []
    for index in range(0, len(pairs), 2):
        if pairs[index] < pairs[index + 1]:
            spans.append((pairs[index], pairs[index + 1]))
    spans.sort()
    out: list[int] = []
    for start, end in spans:
        if out and start <= out[-1]:
            if end > out[-1]:
                out[-1] = end
        else:
            out.append(start)
            out.append(end)
    return out


def from_offsets(offsets: list[int]) -> list[int]:
    """Single offsets, in any order, as ranges."""
    out: list[int] = []
    for offset in sorted(offsets):
        if out and offset <= out[-1]:
            if offset == out[-1]:
                out[-1] = offset + 1
        else:
            out.append(offset)
            out.append(offset + 1)
    return out


def subtracted(pairs: list[int], holes: list[int]) -> list[int]:
    """`pairs` without `holes`; both ascending and disjoint."""
    out: list[int] = []
    at = 0
    for index in range(0, len(pairs), 2):
        start = pairs[index]
        end = pairs[index + 1]
        while at < len(holes) and holes[at + 1] <= start:
            at += 2
        look = at
        while look < len(holes) and holes[look] < end:
            if holes[look] > start:
                out.append(start)
                out.append(holes[look])
            if holes[look + 1] > start:
                start = holes[look + 1]
            look += 2
        if start < end:
            out.append(start)
            out.append(end)
    return out


def intersected(pairs: list[int], others: list[int]) -> list[int]:
    """What is in both; both ascending and disjoint."""
    out: list[int] = []
    first = 0
    second = 0
    while first < len(pairs) and second < len(others):
        start = max(pairs[first], others[second])
        end = min(pairs[first + 1], others[second + 1])
        if start < end:
            out.append(start)
            out.append(end)
        if pairs[first + 1] <= others[second + 1]:
            first += 2
        else:
            second += 2
    return out


def total(pairs: list[int]) -> int:
    """How many offsets the ranges hold."""
    count = 0
    for index in range(0, len(pairs), 2):
        count += pairs[index + 1] - pairs[index]
    return count


def _first_behind(pairs: list[int], offset: int) -> int:
    """Index into `pairs` of the first range that ends behind the offset; len(pairs) if there is none."""
    low = 0
    high = len(pairs) // 2
    while low < high:
        middle = (low + high) // 2
        if pairs[2 * middle + 1] <= offset:
            low = middle + 1
        else:
            high = middle
    return 2 * low


def contains(pairs: list[int], offset: int) -> bool:
    """Whether the offset lies in one of the ranges; ascending and disjoint."""
    at = _first_behind(pairs, offset)
    return at < len(pairs) and pairs[at] <= offset


def clipped(pairs: list[int], start: int, end: int) -> list[int]:
    """What of the ranges lies in [start, end). Costs what it finds, not what the ranges hold."""
    out: list[int] = []
    at = _first_behind(pairs, start)
    while start < end and at < len(pairs) and pairs[at] < end:
        out.append(max(pairs[at], start))
        out.append(min(pairs[at + 1], end))
        at += 2
    return out
