"""The connections that are open, and counts. Knows them only as things that can be shown, drained and aborted."""

from mypy_extensions import i64

from onemq.heads.contract import Peers, PeerView
from onemq.net.party import Party


class Traffic:
    """Of one head's connections, since the start. opened, closed: connections."""

    __slots__ = ("bytes_in", "bytes_out", "closed", "opened")

    def __init__(self) -> None:
        self.opened: i64 = 0
        self.closed: i64 = 0
        self.bytes_in: i64 = 0
        self.bytes_out: i64 = 0

    def open(self) -> int:
        """Connections open now."""
        return int(self.opened - self.closed)


class Registry(Peers):
    """All open connections.

    Attributes:
        connections_max: no more than this many are accepted.
        opened, refused: connections since the start: accepted, and turned away because there were too many.
        bytes_in, bytes_out: since the start, over all connections.
        by_head: the same by name of the head ("amqp", "kafka", ...), for those that had a connection.
    """

    def __init__(self, connections_max: int) -> None:
        super().__init__()
        self.connections_max = connections_max
        self.opened: i64 = 0
        self.refused: i64 = 0
        self.bytes_in: i64 = 0
        self.bytes_out: i64 = 0
        self.by_head: dict[str, Traffic] = {}
        self._members: dict[Party, int] = {}
        """By the number of each: it was the how manieth."""

    def is_full(self) -> bool:
        return len(self._members) >= self.connections_max

    def traffic(self, head: str) -> Traffic:
        found = self.by_head.get(head)
        if found is None:
            found = Traffic()
            self.by_head[head] = found
        return found

    def add(self, member: Party) -> None:
        self.opened += 1
        self._members[member] = int(self.opened)

    def remove(self, member: Party) -> None:
        self._members.pop(member, None)

    def has(self, member: Party) -> bool:
        return member in self._members

    def count(self) -> int:
        return len(self._members)

    def members(self) -> list[Party]:
        return list(self._members)

    def views(self, most: int = 0) -> list[PeerView]:
        found: list[PeerView] = []
        for member, number in self._members.items():
            if most and len(found) >= most:
                break
            view = member.view(number)
            if view is not None:
                found.append(view)
        return found

    def views_after(self, number: int, most: int) -> list[PeerView]:
        found: list[PeerView] = []
        for member, known in self._members.items():
            if known <= number:
                continue
            if len(found) >= most:
                break
            view = member.view(known)
            if view is not None:
                found.append(view)
        return found

    def close(self, number: int, reason: str) -> bool:
        for member, known in self._members.items():
            if known == number:
                member.dismiss(reason)
                return True
        return False
