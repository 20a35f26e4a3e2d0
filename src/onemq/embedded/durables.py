"""Calls of this process that wait for the journal: released as a connection's parked replies are, at the end of the turn.

Must not know what was done.
"""

import asyncio
from typing import Final

from mypy_extensions import i64

from onemq.model.principal import Peer
from onemq.net.outbox import ParkingOutbox
from onemq.net.party import Party
from onemq.net.turns import Turns

TICKET_BYTES: Final = 8
LANE: Final = 0


class Durables(Party):
    """A party without a socket: its outbox carries the numbers of those who wait."""

    def __init__(self, turns: Turns) -> None:
        outbox = ParkingOutbox(turns.durability)
        super().__init__(outbox, Peer("127.0.0.1", 0, protocol="native"))
        self._parking = outbox
        self._turns = turns
        self._dirty = False
        self._tickets = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        outbox.bind(self)

    async def wait(self, position: int) -> None:
        """Returns when everything up to the position is durable."""
        self._tickets += 1
        ticket = self._tickets
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        self._parking.park(LANE, position, ticket.to_bytes(TICKET_BYTES, "big"))
        self.touch()
        await future

    def fail(self, error: Exception) -> None:
        """Nothing gets durable any more."""
        waiting = self._waiting
        self._waiting = {}
        self._parking.clear()
        for future in waiting.values():
            if not future.done():
                future.set_exception(error)

    def touch(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._turns.add(self)

    def end_turn(self) -> None:
        """Nothing to add."""

    def flush(self) -> None:
        self._dirty = False
        data = self._parking.take()
        for start in range(0, len(data), TICKET_BYTES):
            future = self._waiting.pop(int.from_bytes(data[start : start + TICKET_BYTES], "big"), None)
            if future is not None and not future.done():
                future.set_result(None)

    # There is no peer: nothing to read, to close or to hold up.

    def close(self) -> None: ...

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None: ...

    def logged_in(self) -> None: ...

    def describe(self, user: str, namespace: str, client: str = "") -> None: ...

    def publishes(self) -> None: ...

    def again(self) -> None: ...

    def hold_reading(self, hold: bool) -> None: ...

    def warn(self, reason: str, text: str, entity: str = "") -> None: ...

    def due(self, now_ms: i64) -> i64:
        return 0
