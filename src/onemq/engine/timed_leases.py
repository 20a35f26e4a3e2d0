"""Leases with a time: records that somebody has taken until then, under the number of that attempt. Part of a ledger's state.

Job: which records are out, which came back because their time was over, and the facts and snapshot of that. Must not: know queues,
consumers, or where a record that comes back goes; the ledger does (docs/decisions/0008).
"""

from heapq import heappop, heappush

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr

from onemq.engine.facts import TIMED_FIELDS, begin_timed, write_timed


@mypyc_attr(acyclic=True)
class TimedLease:
    """One record given to somebody until a time.

    Attributes:
        attempts: how often it has been given to somebody, this time included: the number that a handle names.
        failures: those that count as failed, this time included: only settling it says otherwise.
        first_at_ms: when it was given to somebody with a time first. size: bytes of its value. level: its priority's.
        volatile: the log keeps it in memory only. noted: the next commit will say of it what it is then.
    """

    __slots__ = (
        "attempts",
        "failures",
        "first_at_ms",
        "level",
        "noted",
        "offset",
        "size",
        "until_ms",
        "volatile",
    )

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
        self.noted = False


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
        self._ends: list[int] = []
        """Heap of the times at which some end."""
        self._ending: dict[int, list[int]] = {}
        """By such a time: the offsets of those that end then, and of others that did before they were changed or settled."""
        self._ending_count: i64 = 0
        self._newest_ms: i64 = -1
        self._newest: list[int] = []
        """The last of these lists that was added to: a receive, and all of a turn, add to one."""
        self._noted: list[TimedLease] = []

    def add(self, lease: TimedLease) -> None:
        self.restore(lease)
        self._note(lease)

    def restore(self, lease: TimedLease) -> None:
        """It stood before the restart: nothing to write."""
        self.out[lease.offset] = lease
        self.out_bytes += lease.size
        self._set_end(lease)

    def change(self, lease: TimedLease, until_ms: i64) -> None:
        """Another end for one that is out."""
        lease.until_ms = until_ms
        self._set_end(lease)
        self._note(lease)

    def _note(self, lease: TimedLease) -> None:
        if not (lease.noted or lease.volatile):
            lease.noted = True
            self._noted.append(lease)

    def _set_end(self, lease: TimedLease) -> None:
        if self._ending_count >= 2 * len(self.out) + 1000:
            # Most are of leases that were changed or settled: they would stay until their time.
            self._forget_ends()
            for each in self.out.values():
                if each is not lease:
                    self._end_at(each.until_ms, each.offset)
        self._end_at(lease.until_ms, lease.offset)

    def _end_at(self, at_ms: i64, offset: i64) -> None:
        self._ending_count += 1
        if at_ms == self._newest_ms:
            self._newest.append(int(offset))
            return
        offsets = self._ending.get(at_ms)
        if offsets is None:
            offsets = []
            self._ending[at_ms] = offsets
            heappush(self._ends, int(at_ms))
        offsets.append(int(offset))
        self._newest_ms = at_ms
        self._newest = offsets

    def _forget_ends(self) -> None:
        self._ends = []
        self._ending = {}
        self._ending_count = 0
        self._newest_ms = -1
        self._newest = []

    def _drop_first_end(self) -> None:
        at_ms: i64 = heappop(self._ends)
        self._ending_count -= len(self._ending.pop(at_ms))
        if at_ms == self._newest_ms:
            self._newest_ms = -1
            self._newest = []

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
        while self._ends:
            at_ms: i64 = self._ends[0]
            offsets = self._ending[at_ms]
            while offsets:
                lease = self.out.get(offsets[-1])
                if lease is not None and lease.until_ms == at_ms:
                    return at_ms
                offsets.pop()
                self._ending_count -= 1
            self._drop_first_end()
        return 0

    def due(self, now_ms: i64) -> list[TimedLease]:
        """Those whose time is over, by time and offset: each is to be lapsed."""
        found: list[TimedLease] = []
        while self._ends and self._ends[0] <= now_ms:
            at_ms: i64 = self._ends[0]
            before = -1
            for offset in sorted(self._ending[at_ms]):
                lease = self.out.get(offset)
                # Twice in the list is one that was given the same end again.
                if offset != before and lease is not None and lease.until_ms == at_ms:
                    found.append(lease)
                before = offset
            self._drop_first_end()
        return found

    def clear(self) -> list[TimedLease]:
        """Forgets all that is out; returns it."""
        leases = list(self.out.values())
        self.out = {}
        self.out_bytes = 0
        self._forget_ends()
        return leases

    # Facts. What lapses when its time is over needs none: whoever reads them can tell.

    def write_facts(self, facts: BytesWriter, log_id: int) -> None:
        """What was given out, or changed, or given back before its time."""
        if not self._noted:
            return
        standing: list[TimedLease] = []
        for lease in self._noted:
            lease.noted = False
            if self.out.get(lease.offset) is lease or self.lapsed.get(lease.offset) is lease:
                standing.append(lease)
        self._noted = []
        if not standing:
            return
        begin_timed(facts, log_id, len(standing))
        for lease in standing:
            write_timed(
                facts,
                lease.offset,
                lease.until_ms,
                lease.first_at_ms,
                lease.attempts,
                lease.failures,
                lease.size,
                lease.level,
            )

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
    """As they stand in the snapshot; TIMED_FIELDS of them, as in facts."""
    return [
        int(lease.offset),
        int(lease.until_ms),
        int(lease.first_at_ms),
        int(lease.attempts),
        int(lease.failures),
        int(lease.size),
        int(lease.level),
    ]
