"""An outbox of the simulation: as the net's, but it also shows what was put into it before any of that may leave.

So the shadow learns what the engine decided at the moment it did, and the client hears it when it is durable.
"""

from __future__ import annotations

from onemq.heads.contract import Link, Outbox
from onemq.model.principal import Peer
from simulation.seen_leases import SeenLease


class SeenOutbox(Outbox):
    """See onemq.heads.contract.Outbox.

    Attributes:
        seen: replies in the order in which they were parked.
        order: of a world, one entry for each reply of all its outboxes, among its leases: what the engine decided, in order.
    """

    def __init__(self, durable: int, order: list[SeenLease | SeenOutbox]) -> None:
        super().__init__()
        self.seen: list[bytes] = []
        self.order = order
        self._durable = durable
        self._lanes: dict[int, list[tuple[int, bytes]]] = {}

    def park(self, lane: int, position: int, reply: bytes) -> None:
        self.seen.append(reply)
        self.order.append(self)
        parked = self._lanes.get(lane)
        if parked is None and position <= self._durable:
            self.writer.write(reply)
        elif parked is None:
            self._lanes[lane] = [(position, reply)]
        else:
            parked.append((max(position, parked[-1][0]), reply))

    def lane_waits(self, lane: int) -> bool:
        return lane in self._lanes

    def drop_lane(self, lane: int) -> None:
        self._lanes.pop(lane, None)

    def release(self, position: int) -> None:
        """Everything up to there is durable."""
        self._durable = position
        for lane, parked in list(self._lanes.items()):
            while parked and parked[0][0] <= position:
                self.writer.write(parked.pop(0)[1])
            if not parked:
                del self._lanes[lane]

    def take(self) -> bytes:
        """What may leave now."""
        data = self.writer.getvalue()
        self.writer.truncate(0)
        return data


class SimulatedLink(Link):
    """A connection without a socket."""

    def __init__(self, outbox: SeenOutbox, port: int) -> None:
        super().__init__(outbox, Peer("127.0.0.1", 50000, "127.0.0.1", port))
        self.closed = False
        self.resuming = False

    def touch(self) -> None:
        return

    def close(self) -> None:
        self.closed = True

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        return

    def logged_in(self) -> None:
        return

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        return

    def publishes(self) -> None:
        return

    def again(self) -> None:
        self.resuming = True

    def hold_reading(self, hold: bool) -> None:
        return

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        return
