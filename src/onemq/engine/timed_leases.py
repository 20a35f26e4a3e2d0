"""Leases with a time: records that somebody has taken until then, under the number of that attempt. Part of a ledger's state.

Job: which records are out, which came back because their time was over, and the facts and snapshot of that. Must not: know queues,
consumers, or where a record that comes back goes; the ledger does (docs/decisions/0008).
"""

from heapq import heappop, heappush

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.engine.facts import TIMED_FIELDS, write_timed


class TimedLease:
    """One record given to somebody until a time.

    Attributes:
        attempts: how often it has been given to somebody, this time included: the number that a handle names.
        failures: those that count as failed, this time included: only settling it says otherwise.
        first_at_ms: when it was given to somebody with a time first. size: bytes of its value. level: its priority's.
        volatile: the log keeps it in memory only.
    """

    __slots__ = ("attempts", "failures", "first_at_ms", "level", "offset", "size", "until_ms", "volatile")

    def __init__(
        self,
        offset: i64,
        until_ms: i64,
        attempts: i64,
        failures: i64,
        first_at_ms: i64,
        size: i64,
        level: i64,
        volatile: bool,
    ) -> None:
        self.offset: i64 = offset
        self.until_ms: i64 = until_ms
        self.attempts: i64 = attempts
        self.failures: i64 = failures
        self.first_at_ms: i64 = first_at_ms
        self.size: i64 = size
        self.level: i64 = level
        self.volatile = volatile


class TimedLeases:
    """See the module.

    Attributes:
        out: by offset, what somebody has. lapsed: what was given out last with a time, and is ready again: its handle
            still settles it. out_bytes: values of `out`.
        replayed: by offset, what the facts say so far.
    """

    def __init__(self) -> None:
        self.out: dict[int, TimedLease] = {}
        self.lapsed: dict[int, TimedLease] = {}
        self.out_bytes: i64 = 0
        self.replayed: dict[int, TimedLease] = {}
        self._ends: list[tuple[int, int]] = []
        self._touched: dict[int, bool] = {}

    def add(self, lease: TimedLease) -> None:
        offset = int(lease.offset)
        self.out[offset] = lease
        self.out_bytes += lease.size
        self._set_end(lease)

    def restore(self, lease: TimedLease) -> None:
        """It stood before the restart: nothing to write."""
        offset = int(lease.offset)
        self.out[offset] = lease
        self.out_bytes += lease.size
        heappush(self._ends, (int(lease.until_ms), offset))

    def change(self, lease: TimedLease, until_ms: i64) -> None:
        """Another end for one that is out."""
        lease.until_ms = until_ms
        self._set_end(lease)

    def _set_end(self, lease: TimedLease) -> None:
        heappush(self._ends, (int(lease.until_ms), int(lease.offset)))
        if len(self._ends) > 2 * len(self.out) + 1000:
            # Most are of leases that were changed or settled: they would stay until their time.
            self._ends = [(int(each.until_ms), int(each.offset)) for each in self.out.values()]
            self._ends.sort()
        if not lease.volatile:
            self._touched[int(lease.offset)] = True

    def remove(self, lease: TimedLease) -> None:
        """It is settled."""
        del self.out[int(lease.offset)]
        self.out_bytes -= lease.size

    def lapse(self, lease: TimedLease) -> None:
        """It is ready again."""
        self.remove(lease)
        self.lapsed[int(lease.offset)] = lease

    def next_ms(self) -> i64:
        """When the next one ends; 0 = none is out."""
        ends = self._ends
        while ends:
            at_ms, offset = ends[0]
            lease = self.out.get(offset)
            if lease is not None and lease.until_ms == at_ms:
                return at_ms
            heappop(ends)
        return 0

    def due(self, now_ms: i64) -> TimedLease | None:
        """One whose time is over, or None."""
        at_ms = self.next_ms()
        if at_ms == 0 or at_ms > now_ms:
            return None
        return self.out[self._ends[0][1]]

    def clear(self) -> list[TimedLease]:
        """Forgets all that is out; returns it."""
        leases = list(self.out.values())
        self.out = {}
        self.out_bytes = 0
        self._ends = []
        return leases

    # Facts. What lapses when its time is over needs none: whoever reads them can tell.

    def write_facts(self, facts: BytesWriter, log_id: int) -> None:
        """What was given out, or changed, or given back before its time."""
        if not self._touched:
            return
        entries: list[int] = []
        for offset in self._touched:
            lease = self.out.get(offset)
            if lease is None:
                lease = self.lapsed.get(offset)
            if lease is not None:
                entries.extend(_fields(lease))
        self._touched = {}
        if entries:
            write_timed(facts, log_id, entries)

    # Snapshot and recovery.

    def state(self) -> list[int]:
        """Flat: what is out and what lapsed, of durable records; a lapsed one's time is over."""
        found: list[int] = []
        for lease in [*self.out.values(), *self.lapsed.values()]:
            if not lease.volatile:
                found.extend(_fields(lease))
        return found

    def replay(self, fields: list[int]) -> None:
        """Takes over what `state` said, or a fact."""
        for at in range(0, len(fields), TIMED_FIELDS):
            offset, until_ms, first_at_ms, attempts, failures, size, level = fields[at : at + TIMED_FIELDS]
            self.replayed[offset] = TimedLease(
                offset, until_ms, attempts, failures, first_at_ms, size, level, False
            )

    def replay_taken(self, pairs: list[int]) -> None:
        """Others have got these after their time."""
        replayed = self.replayed
        for at in range(0, len(pairs), 2):
            start, end = pairs[at], pairs[at + 1]
            if end - start <= len(replayed):
                for offset in range(start, end):
                    replayed.pop(offset, None)
            else:
                for offset in [offset for offset in replayed if start <= offset < end]:
                    del replayed[offset]


def _fields(lease: TimedLease) -> list[int]:
    """As they stand in facts and in the snapshot; TIMED_FIELDS of them."""
    return [
        int(lease.offset),
        int(lease.until_ms),
        int(lease.first_at_ms),
        int(lease.attempts),
        int(lease.failures),
        int(lease.size),
        int(lease.level),
    ]
