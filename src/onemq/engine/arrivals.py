"""When records reached a partition, or the queue over it: producers say of a record when it was made, and may say anything.

Job: bounds of the arrival for each offset, so that a queue's time to live counts from then on. Every record whose own time may be
its producer's has a mark that covers it.
Must not: decide what expires (ledger_queue.py does), or write facts (topics/partition.py does).
"""

from typing import Final

from mypy_extensions import i64

STEPS_PER_LIFE: Final = 256
"""A mark stands for this part of a time to live. That is kept to within two of them: a producer is believed a time that is one mark's
earlier than the arrival, so that one that tells the truth counts exactly."""
STEP_MIN_MS: Final = 10
STEP_UNKNOWN_MS: Final = 3_600_000
"""While the queue has no time to live: it may get one."""
MARKS_MAX: Final = 512


class Arrivals:
    """Marks, ascending; flat: offset, time, and until when what follows came by the same mark. A record at the offset or behind it,
    before the next mark's, came at the time or later, and not after `until`."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        self.marks: list[int] = []

    def is_due(self, now_ms: i64) -> bool:
        """What comes now is not covered by the last mark."""
        marks = self.marks
        # A clock that was put back makes a mark, too.
        return not marks or now_ms > marks[-1] or now_ms < marks[-2]

    def note(self, offset: int, at_ms: int, until_ms: int) -> None:
        """From `offset` on."""
        marks = self.marks
        while marks and marks[-3] >= offset:
            del marks[-3:]
        marks.extend((offset, at_ms, until_ms))
        if len(marks) > 3 * MARKS_MAX:
            self._thin_out()

    def _thin_out(self) -> None:
        """Each two become one, which says less precisely the same."""
        marks = self.marks
        kept: list[int] = []
        for at in range(0, len(marks) - 3, 6):
            kept.extend((marks[at], marks[at + 1], marks[at + 5]))
        if len(marks) % 6:
            kept.extend(marks[-3:])
        self.marks = kept

    def clear(self) -> None:
        self.marks = []

    def came_at(self, offset: i64, said_ms: i64) -> i64:
        """When the record at `offset` came, as nearly as it is known. said_ms: when it was made, by its producer, or when it came, by us:
        believed where the marks do not show it wrong: it is not later than they say, and earlier by no more than one mark stands for."""
        marks = self.marks
        if not marks:
            return said_ms
        low = 0
        high = len(marks) // 3
        while low < high:
            middle = (low + high) >> 1
            if marks[3 * middle] <= offset:
                low = middle + 1
            else:
                high = middle
        if 3 * low < len(marks):
            # The next one came later, whatever this one says.
            said_ms = min(said_ms, i64(marks[3 * low + 1]))
        if low == 0:
            return said_ms
        at_ms: i64 = marks[3 * low - 2]
        until_ms: i64 = marks[3 * low - 1]
        return min(said_ms, until_ms) if said_ms >= at_ms - (until_ms - at_ms) else until_ms


def step_ms(life_ms: i64) -> i64:
    """How long one mark stands for what comes. life_ms: the queue's time to live, negative for none."""
    return STEP_UNKNOWN_MS if life_ms < 0 else max(life_ms // STEPS_PER_LIFE, STEP_MIN_MS)
