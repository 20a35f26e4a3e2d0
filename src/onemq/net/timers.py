"""Deadlines of connections: idle checks, login limits, lingering closes. One heap, one loop timer (which turns.py keeps).

Nothing here happens per message: a connection has one entry, and works out its next deadline only when that one is due.
"""

from heapq import heappop, heappush

from mypy_extensions import i64

from onemq.net.party import Party


class Deadline:
    """The one next deadline of a connection.

    Attributes:
        armed_ms: when it will be called; 0 = not at all.
    """

    __slots__ = ("armed_ms", "timed")

    def __init__(self, timed: Party) -> None:
        self.armed_ms: i64 = 0
        self.timed: Party | None = timed

    def cancel(self) -> None:
        """Never call again."""
        self.armed_ms = 0
        self.timed = None


class Timers:
    """All deadlines, soonest first. Entries that an earlier one has overtaken stay in the heap and are skipped."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Deadline]] = []
        self._count = 0

    def arm(self, deadline: Deadline, at_ms: i64) -> None:
        """Makes sure that it is called at that time or earlier. 0: nothing is wanted."""
        if at_ms == 0 or deadline.timed is None or (deadline.armed_ms != 0 and deadline.armed_ms <= at_ms):
            return
        deadline.armed_ms = at_ms
        self._count += 1
        heappush(self._heap, (int(at_ms), self._count, deadline))

    def next_ms(self) -> i64:
        """The soonest deadline, 0 if there is none. May be one that turns out to be overtaken."""
        return self._heap[0][0] if self._heap else 0

    def run(self, now_ms: i64) -> None:
        """Calls everything that is due."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            at_ms, _count, deadline = heappop(heap)
            timed = deadline.timed
            if deadline.armed_ms != at_ms or timed is None:
                continue
            deadline.armed_ms = 0
            self.arm(deadline, timed.due(now_ms))
