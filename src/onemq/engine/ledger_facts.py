"""What the next commit will say of a ledger's records: which were leased, which came back, which were settled.

Must not: change states (the ledger does), or note leases with a time (timed_leases.py does).
"""

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.engine.consumption import Delivery
from onemq.engine.facts import write_leased, write_returned, write_settled
from onemq.engine.offsets import coalesced, from_offsets, subtracted
from onemq.engine.timed_leases import TimedLeases


class RangeRun:
    """Collects single offsets into ranges, cheaply when they come in order."""

    __slots__ = ("end", "pairs", "start")

    def __init__(self) -> None:
        self.start: i64 = 0
        self.end: i64 = 0
        self.pairs: list[int] = []

    def add(self, offset: i64) -> None:
        if offset == self.end and self.end > self.start:
            self.end = offset + 1
            return
        if self.end > self.start:
            self.pairs.append(int(self.start))
            self.pairs.append(int(self.end))
        self.start = offset
        self.end = offset + 1

    def add_ranges(self, pairs: list[int]) -> None:
        self.pairs.extend(pairs)

    def take(self) -> list[int]:
        """What was collected, ascending and disjoint; empty afterwards."""
        pairs = self.pairs
        if self.end > self.start:
            pairs.append(int(self.start))
            pairs.append(int(self.end))
        self.pairs = []
        self.start = 0
        self.end = 0
        return pairs if len(pairs) == 2 else coalesced(pairs)


class LedgerFacts:
    """See the module. `settled_bytes`: values of `settled`."""

    __slots__ = ("_came_back", "leased", "settled", "settled_bytes")

    def __init__(self) -> None:
        self.leased = RangeRun()
        self.settled = RangeRun()
        self.settled_bytes: i64 = 0
        self._came_back: list[int] = []

    def came_back(self, offset: i64, attempts: i64, failures: i64) -> None:
        self._came_back.append(int(offset))
        self._came_back.append(int(attempts))
        self._came_back.append(int(failures))

    def write(self, facts: BytesWriter, log_id: int, out: dict[int, Delivery], timed: TimedLeases) -> None:
        """Writes it all; nothing is left. out: what is leased now."""
        leased = self.leased.take()
        settled = self.settled.take()
        leased = subtracted(leased, settled) if leased and settled else leased
        if leased:
            write_leased(facts, log_id, leased)
        if self._came_back:
            write_returned(facts, log_id, self._came_back)
            again: list[int] = []
            for index in range(0, len(self._came_back), 3):
                if self._came_back[index] in out:
                    again.append(self._came_back[index])
            self._came_back = []
            if again:
                # What came back and went out again in one turn is out: the last fact about it has to say so.
                write_leased(facts, log_id, from_offsets(again))
        # After what the turn's other leases and returns say: what is out or lapsed now was given to nobody else since.
        timed.write_facts(facts, log_id)
        if settled:
            write_settled(facts, log_id, self.settled_bytes, settled)
            self.settled_bytes = 0
