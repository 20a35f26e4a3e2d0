"""Members of a consumer group with server-side assignment, as they know themselves: what each has, in which epoch, and since when."""

from __future__ import annotations

from typing import Final

from simulation.checkers import check

GROUP: Final = "modern"
ROWS: Final = (("t1", 0), ("t2", 0), ("t2", 1))
SESSION_MS: Final = 45_000
REBALANCE_MS: Final = 60_000
"""Longer than the session: who does not give up in time has not beaten for longer."""
JOIN, LEAVE = 0, -1

Row = tuple[str, int]


class ModernState:
    """A member, as it knows itself and as the broker has answered it. It outlives connections and the broker.

    Attributes:
        epoch: as it was told last. rows: what it has: told, and not given up.
        decided: commits, with the epoch that the broker gave it in them; LEAVE = it has left.
        beaten_ms: when the broker has heard of it last.
    """

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.epoch = JOIN
        self.rows: frozenset[Row] = frozenset()
        self.decided: list[tuple[int, int]] = []
        self.beaten_ms = 0
        self.taken = False

    @property
    def current(self) -> int:
        """The epoch that the broker has for it; LEAVE: it is no member."""
        return self.decided[-1][1] if self.decided else LEAVE

    def may_be_gone(self, now_ms: int) -> bool:
        return self.current == LEAVE or self.beaten_ms + SESSION_MS <= now_ms


class ModernShadow:
    """All members there have been."""

    def __init__(self) -> None:
        self.members: dict[str, ModernState] = {}
        self.owned = 0
        self.moved = 0

    def member(self, member_id: str) -> ModernState:
        return self.members.setdefault(member_id, ModernState(member_id))

    def own(self, member: ModernState, rows: frozenset[Row], now_ms: int) -> None:
        """It has been told that it has these, and no others any more."""
        for other in self.members.values():
            both = other.rows & rows
            check(
                other is member or not both or other.may_be_gone(now_ms),
                f"{member.member_id} is given {sorted(both)}, which {other.member_id} has in epoch {other.epoch}",
            )
            if other is not member and other.may_be_gone(now_ms):
                other.rows -= rows
        self.owned += len(rows)
        self.moved += len(rows - member.rows)
        member.rows = rows

    def restart(self, position: int, now_ms: int) -> None:
        for member in self.members.values():
            member.decided = [one for one in member.decided if one[0] <= position]
            member.taken = False
            if member.beaten_ms + SESSION_MS > now_ms:
                # The broker gives everybody its time again who is there.
                member.beaten_ms = now_ms
