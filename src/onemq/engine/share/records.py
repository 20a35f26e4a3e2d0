"""States of a share partition's records, as runs of offsets that have the same state.

Job: hold what is between the start (all before is done with) and the end (nothing behind has been delivered).
Must not: decide which state follows which (transitions.py does), or write facts.
Spec: KIP-932, "In-flight records"; numbers of states are Kafka's.
"""

from typing import Final

from mypy_extensions import i64

AVAILABLE: Final = 0
ACQUIRED: Final = 1
ACKNOWLEDGED: Final = 2
ARCHIVING: Final = 3
"""It is not delivered any more, but has yet to be copied to the dead-letter topic."""
ARCHIVED: Final = 4

NOT_STARTED: Final = -1
NO_CAUSE: Final = 0
REJECTED: Final = 1
DELIVERY_LIMIT: Final = 2
"""Why a record is archived with a copy."""
ROW: Final = 6
"""Numbers in a row: first offset, end, state, deliveries, until, cause."""


class Run:
    """Offsets [start, end) of one state.

    Attributes:
        deliveries: how often they were delivered, this time included. member: who has acquired them, else "".
        until_ms: acquired: end of the lock; available: not before; 0 = at once.
        cause: of those being archived.
    """

    __slots__ = ("cause", "deliveries", "end", "member", "start", "state", "until_ms")

    def __init__(
        self, start: i64, end: i64, state: i64, deliveries: i64, until_ms: i64, member: str, cause: i64
    ) -> None:
        self.start: i64 = start
        self.end: i64 = end
        self.state: i64 = state
        self.deliveries: i64 = deliveries
        self.until_ms: i64 = until_ms
        self.member = member
        self.cause: i64 = cause

    def continues(self, other: "Run") -> bool:
        """Nothing but the offsets tells it from the run before it."""
        return (
            self.state == other.state
            and self.deliveries == other.deliveries
            and self.until_ms == other.until_ms
            and self.cause == other.cause
            and self.member == other.member
        )

    def is_over(self) -> bool:
        return self.state == ACKNOWLEDGED or self.state == ARCHIVED

    def row(self) -> list[object]:
        """As it stands after a restart: locks are gone, deliveries stay."""
        held = self.state == ACQUIRED
        return [
            int(self.start),
            int(self.end),
            AVAILABLE if held else int(self.state),
            int(self.deliveries),
            0 if held else int(self.until_ms),
            int(self.cause),
        ]


class ShareRecords:
    """See the module.

    Attributes:
        start: first offset that is not done with; NOT_STARTED until somebody has said where. end: behind the last one touched.
        runs: ascending, without holes, from start to end.
    """

    __slots__ = ("end", "runs", "start")

    def __init__(self) -> None:
        self.start: i64 = NOT_STARTED
        self.end: i64 = NOT_STARTED
        self.runs: list[Run] = []

    def begin(self, offset: i64) -> None:
        """Forgets everything: from `offset` on nothing has been delivered."""
        self.start = offset
        self.end = offset
        self.runs = []

    def index_of(self, offset: i64) -> i64:
        """The run that holds the offset, which is at or behind the start; their number when it lies behind the end."""
        low: i64 = 0
        high: i64 = len(self.runs)
        while low < high:
            middle = (low + high) >> 1
            if self.runs[middle].end <= offset:
                low = middle + 1
            else:
                high = middle
        return low

    def within(self, start: i64, end: i64) -> list[Run]:
        """Copies of what lies in [start, end), cut to it."""
        found: list[Run] = []
        at = self.index_of(start)
        while at < len(self.runs):
            run = self.runs[at]
            if run.start >= end:
                break
            found.append(
                Run(
                    max(run.start, start),
                    min(run.end, end),
                    run.state,
                    run.deliveries,
                    run.until_ms,
                    run.member,
                    run.cause,
                )
            )
            at += 1
        return found

    def put(
        self, start: i64, end: i64, state: i64, deliveries: i64, until_ms: i64, member: str, cause: i64
    ) -> None:
        """[start, end) is in that state from now on; what lies before the start is passed over, what was never touched between the
        end and `start` stays available. The start moves on behind what is done with."""
        if start < self.start:
            start = self.start
        if end <= start:
            return
        if start > self.end:
            self._add(Run(self.end, start, AVAILABLE, 0, 0, "", NO_CAUSE))
            self.end = start
        new = Run(start, end, state, deliveries, until_ms, member, cause)
        if start == self.end:
            self._add(new)
            self.end = end
        else:
            first = self._split(start)
            if end > self.end:
                self.end = end
                last: i64 = len(self.runs)
            else:
                last = self._split(end)
            self.runs[first:last] = [new]
            self._join(first + 1)
            self._join(first)
        self._advance()

    def _add(self, run: Run) -> None:
        if self.runs and run.continues(self.runs[-1]):
            self.runs[-1].end = run.end
        else:
            self.runs.append(run)

    def _split(self, offset: i64) -> i64:
        """Makes a run begin at the offset; returns its index."""
        at = self.index_of(offset)
        if at == len(self.runs):
            return at
        run = self.runs[at]
        if run.start == offset:
            return at
        self.runs.insert(
            at, Run(run.start, offset, run.state, run.deliveries, run.until_ms, run.member, run.cause)
        )
        run.start = offset
        return at + 1

    def _join(self, at: i64) -> None:
        if 0 < at < len(self.runs) and self.runs[at].continues(self.runs[at - 1]):
            self.runs[at - 1].end = self.runs[at].end
            del self.runs[at]

    def _advance(self) -> None:
        """What is done with at the front goes."""
        gone = 0
        for run in self.runs:
            if not run.is_over():
                break
            gone += 1
            self.start = run.end
        if gone:
            del self.runs[:gone]

    def cut_before(self, offset: i64) -> None:
        """The log begins at `offset` now."""
        if offset <= self.start or self.start == NOT_STARTED:
            return
        if offset >= self.end:
            self.begin(offset)
            return
        at = self._split(offset)
        del self.runs[:at]
        self.start = offset
        self._advance()

    def done_count(self) -> int:
        """Records behind the start that are done with."""
        count: i64 = 0
        for run in self.runs:
            if run.is_over():
                count += run.end - run.start
        return int(count)

    def rows(self) -> list[object]:
        """Flat rows that `put_rows` makes it from again."""
        found: list[object] = []
        for run in self.runs:
            found.extend(run.row())
        return found

    def put_rows(self, rows: list[object]) -> None:
        for at in range(0, len(rows), ROW):
            start, end, state, deliveries, until_ms, cause = rows[at : at + ROW]
            assert isinstance(start, int) and isinstance(end, int) and isinstance(state, int)
            assert isinstance(deliveries, int) and isinstance(until_ms, int) and isinstance(cause, int)
            self.put(start, end, state, deliveries, until_ms, "", cause)
