"""What a share group must be: a state for each record of its topics, with the commit at which it came to be, and who is a member.

A record is acquired by one member at a time, given out again after a lock that ran out, a release or a crash, counted each time, and never
once it was accepted, rejected, or given out as often as the group allows; what is not accepted is in the dead-letter topic in the end.
"""

from __future__ import annotations

from typing import Final

from simulation.checkers import check
from simulation.topic_shadow import COMMITTED, TopicShadow

GROUP: Final = "sharers"
DEAD_TOPIC: Final = "unwanted"
SHARED: Final = ("t1", "t2")
SESSION_MS: Final = 45_000
ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4
AVAILABLE, ACQUIRED, ACCEPTED, BURIED = "available", "acquired", "accepted", "buried"
Place = tuple[str, int]
"""Topic and partition."""


class ShareTerms:
    """Of the group. `retry_ms`: a record that comes back waits so long, times its deliveries."""

    def __init__(self, limit: int, lock_ms: int, retry_ms: int, committed_only: bool) -> None:
        self.limit = limit
        self.lock_ms = lock_ms
        self.retry_ms = retry_ms
        self.committed_only = committed_only

    def configs(self) -> dict[str, str]:
        return {
            "share.auto.offset.reset": "earliest",
            "share.delivery.count.limit": str(self.limit),
            "share.record.lock.duration.ms": str(self.lock_ms),
            "share.isolation.level": "read_committed" if self.committed_only else "read_uncommitted",
            "onemq.retry.delay.ms": str(self.retry_ms),
            "onemq.dead.letter.topic": DEAD_TOPIC,
        }


class ShareRow:
    """One record that was given out. `events`: commit, state, deliveries, not before. holder, until_ms: of the lock; no crash leaves it."""

    def __init__(self) -> None:
        self.events: list[tuple[int, str, int, int]] = []
        self.holder = ""
        self.until_ms = 0

    @property
    def state(self) -> str:
        return self.events[-1][1]

    @property
    def deliveries(self) -> int:
        return self.events[-1][2]

    @property
    def not_before_ms(self) -> int:
        return self.events[-1][3]

    def is_over(self) -> bool:
        return self.state in (ACCEPTED, BURIED)

    def __repr__(self) -> str:
        return f"<{self.events} held by {self.holder!r} until {self.until_ms}>"


class ShareMember:
    """`events`: commits at which it became a member, or was no member any more."""

    def __init__(self) -> None:
        self.events: list[tuple[int, bool]] = []
        self.deadline_ms = 0

    def is_there(self) -> bool:
        return bool(self.events) and self.events[-1][1]


class ShareShadow:
    """See the module. `sessions`: members that have one."""

    def __init__(self, terms: ShareTerms, topics: TopicShadow) -> None:
        self.terms = terms
        self.topics = topics
        self.rows: dict[tuple[Place, int], ShareRow] = {}
        self.members: dict[str, ShareMember] = {}
        self.sessions: set[str] = set()
        self.acquired = 0
        self.lapsed = 0
        self.buried = 0

    # Members.

    def beat(self, member_id: str, position: int, now_ms: int) -> None:
        member = self.members.setdefault(member_id, ShareMember())
        if not member.is_there():
            member.events.append((position, True))
        member.deadline_ms = now_ms + SESSION_MS

    def is_member(self, member_id: str) -> bool:
        member = self.members.get(member_id)
        return member is not None and member.is_there()

    def will_be_there(self, member_id: str, at_ms: int) -> bool:
        """Even if it says nothing until then."""
        return self.is_member(member_id) and self.members[member_id].deadline_ms > at_ms

    # What members do.

    def acquire(
        self,
        place: Place,
        offset: int,
        member_id: str,
        deliveries: int,
        body: bytes,
        now_ms: int,
        position: int,
    ) -> None:
        what = f"{place}@{offset} goes to {member_id}"
        entry = self.topics.partitions[place].entries[offset]
        check(entry.number >= 0, f"{what}: that is a marker")
        check(body == entry.body, f"{what} as {body[:20]!r}, not {entry.body and entry.body[:20]!r}")
        check(
            not self.terms.committed_only or entry.state == COMMITTED,
            f"{what}: its transaction is {entry.state}",
        )
        row = self.rows.setdefault((place, offset), ShareRow())
        if row.events:
            check(row.state != ACQUIRED, f"{what}: two acquisitions: {row}")
            check(row.state == AVAILABLE, f"{what}: it is done with: {row}")
            check(row.not_before_ms <= now_ms, f"{what} at {now_ms}, too early: {row}")
        before = row.deliveries if row.events else 0
        check(deliveries == before + 1, f"{what} as delivery {deliveries} after {before}: {row}")
        check(deliveries <= self.terms.limit, f"{what} for the {deliveries}. time: {row}")
        row.events.append((position, ACQUIRED, deliveries, 0))
        row.holder, row.until_ms = member_id, now_ms + self.terms.lock_ms
        self.acquired += 1

    def holds(self, member_id: str, place: Place, offset: int) -> bool:
        row = self.rows.get((place, offset))
        return row is not None and row.state == ACQUIRED and row.holder == member_id

    def is_over(self, place: Place, offset: int) -> bool:
        row = self.rows.get((place, offset))
        return row is not None and row.is_over()

    def acknowledge(
        self, member_id: str, place: Place, said: dict[int, int], now_ms: int, position: int
    ) -> None:
        """All of it was taken. Of what was done with already nothing changes."""
        for offset, kind in said.items():
            row = self.rows[(place, offset)]
            if not self.holds(member_id, place, offset):
                continue
            if kind == ACCEPT:
                row.events.append((position, ACCEPTED, row.deliveries, 0))
            elif kind == RELEASE:
                self._release(row, now_ms, position)
            elif kind == REJECT:
                self._bury(row, position)
            else:
                row.until_ms = now_ms + self.terms.lock_ms

    def close(self, member_id: str, position: int) -> None:
        """The member says that it has not looked at what it still has: that was no delivery."""
        self.sessions.discard(member_id)
        for row in self.rows.values():
            if row.state == ACQUIRED and row.holder == member_id:
                row.events.append((position, AVAILABLE, row.deliveries - 1, 0))

    def lose(self, member_id: str, now_ms: int, position: int) -> None:
        """Its connection has gone, or it was silent for too long: what it has comes back as delivered."""
        self.sessions.discard(member_id)
        for row in self.rows.values():
            if row.state == ACQUIRED and row.holder == member_id:
                self._release(row, now_ms, position)

    def _release(self, row: ShareRow, now_ms: int, position: int) -> None:
        if row.deliveries >= self.terms.limit:
            self._bury(row, position)
            return
        wait_ms = self.terms.retry_ms * row.deliveries
        row.events.append((position, AVAILABLE, row.deliveries, now_ms + wait_ms if wait_ms else 0))

    def _bury(self, row: ShareRow, position: int) -> None:
        row.events.append((position, BURIED, row.deliveries, 0))
        self.buried += 1

    # Time.

    def lapse(self, now_ms: int, position: int) -> None:
        """Locks whose time is over end, and members that were silent are out."""
        for row in self.rows.values():
            if row.state == ACQUIRED and row.until_ms <= now_ms:
                self._release(row, now_ms, position)
                self.lapsed += 1
        for member_id, member in self.members.items():
            if member.is_there() and member.deadline_ms <= now_ms:
                member.events.append((position, False))
                self.lose(member_id, now_ms, position)

    # Dead letters.

    def check_buried(self, place: Place, offset: int) -> None:
        """A copy of it is in the dead-letter topic."""
        row = self.rows.get((place, offset))
        check(row is not None and row.state == BURIED, f"{place}@{offset} is a dead letter, but {row}")

    # The end.

    def left(self) -> list[tuple[Place, int]]:
        """What somebody has still to be given."""
        found: list[tuple[Place, int]] = []
        for place, known in self.topics.partitions.items():
            for offset, entry in enumerate(known.entries):
                wanted = entry.number >= 0 and (not self.terms.committed_only or entry.state == COMMITTED)
                if place[0] in SHARED and wanted and not self.is_over(place, offset):
                    found.append((place, offset))
        return found

    def check_graves(self) -> None:
        """All that is buried has its copy. That each has one only, and that it is the right one, was seen when it was appended."""
        for (place, offset), row in self.rows.items():
            if row.state == BURIED:
                number = self.topics.partitions[place].entries[offset].number
                check(
                    (DEAD_TOPIC, number) in self.topics.numbers,
                    f"{place}@{offset} is not in the dead-letter topic: {row}",
                )

    # Restart.

    def restart(self, position: int, now_ms: int) -> None:
        self.sessions = set()
        for key, row in list(self.rows.items()):
            row.events = [event for event in row.events if event[0] <= position]
            row.holder, row.until_ms = "", 0
            if not row.events:
                del self.rows[key]
                continue
            at, state, deliveries, _ = row.events[-1]
            if state == ACQUIRED:
                # Its holder has gone with the process; with it went the wait that a release has.
                row.events[-1] = (at, AVAILABLE, deliveries, 0)
            if row.state == AVAILABLE and deliveries >= self.terms.limit:
                self._bury(row, position)
        for member_id, member in list(self.members.items()):
            member.events = [event for event in member.events if event[0] <= position]
            member.deadline_ms = now_ms + SESSION_MS
            if not member.events:
                del self.members[member_id]
