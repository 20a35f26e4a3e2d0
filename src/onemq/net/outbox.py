"""What goes out on one connection: bytes that may leave now, and replies parked until the journal has them.

Must not touch the transport: connection.py writes what `take` hands out, once per turn.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.heads.contract import Link, Outbox

WRITER_KEEP_BYTES: Final = 64 * 1024
"""A writer that has grown beyond this is replaced at the flush, so that one burst does not hold memory for ever."""
COPIED_BYTES_MAX: Final = 4096
"""A smaller reply is copied to the writer: cheaper than a part of its own."""


class Durability:
    """How far the journal is safe, and which outboxes wait for more. One for all connections.

    Attributes:
        position: everything up to it is durable.
        wanted: some reply waits until so much is durable, or did.
    """

    def __init__(self) -> None:
        self.position: i64 = 0
        self.wanted: i64 = 0
        self.waiting: list[ParkingOutbox] = []

    def advance(self, position: i64) -> None:
        """Releases, cumulatively, what `position` covers; tells the links whose outbox got bytes from it."""
        self.position = position
        waiting = self.waiting
        self.waiting = []
        for outbox in waiting:
            outbox.release(position)


class _Lane:
    """Parked replies in order. Positions never fall: a reply waits for those before it."""

    __slots__ = ("last", "positions", "replies")

    def __init__(self) -> None:
        self.last: i64 = 0
        self.positions: list[int] = []
        self.replies: list[bytes] = []


class ParkingOutbox(Outbox):
    """The Outbox of one connection.

    Attributes:
        parked_bytes: what the parked replies take.
    """

    def __init__(self, durability: Durability) -> None:
        super().__init__()
        self.parked_bytes: i64 = 0
        self._durability = durability
        self._before: list[bytes] = []
        """What leaves before that which is in the writer: up to the last large reply, that included."""
        self._lanes: dict[int, _Lane] = {}
        self._owner: Link | None = None
        self._waits = False

    def bind(self, owner: Link) -> None:
        """`owner.touch()` is called whenever a release has written bytes."""
        self._owner = owner

    def park(self, lane: int, position: int, reply: bytes) -> None:
        parked = self._lanes.get(lane)
        if parked is None:
            if position <= self._durability.position:
                self._write(reply)
                return
            parked = _Lane()
            self._lanes[lane] = parked
        if position > parked.last:
            parked.last = position
        if parked.last > self._durability.wanted:
            self._durability.wanted = parked.last
        parked.positions.append(int(parked.last))
        parked.replies.append(reply)
        self.parked_bytes += len(reply)
        if not self._waits:
            self._waits = True
            self._durability.waiting.append(self)

    def lane_waits(self, lane: int) -> bool:
        return lane in self._lanes

    def drop_lane(self, lane: int) -> None:
        parked = self._lanes.pop(lane, None)
        if parked is not None:
            for reply in parked.replies:
                self.parked_bytes -= len(reply)

    def clear(self) -> None:
        """The connection is gone: nothing will be sent any more."""
        self._lanes = {}
        self.parked_bytes = 0
        self._before = []
        self.writer = BytesWriter()
        self._owner = None

    def is_empty(self) -> bool:
        """Neither bytes nor parked replies."""
        return not self._lanes and len(self.writer) == 0 and not self._before

    def take(self) -> bytes:
        """The bytes that may leave now."""
        before = self.take_before()
        if not before:
            return self._take_written()
        before.append(self._take_written())
        return b"".join(before)

    def take_before(self) -> list[bytes]:
        """Where large replies are among the bytes that may leave now, the parts up to the last of them; `take` gives the rest."""
        before = self._before
        if before:
            self._before = []
        return before

    def _write(self, reply: bytes) -> None:
        if len(reply) <= COPIED_BYTES_MAX:
            self.writer.write(reply)
            return
        if len(self.writer) != 0:
            self._before.append(self._take_written())
        self._before.append(reply)

    def _take_written(self) -> bytes:
        writer = self.writer
        data = writer.getvalue()
        if len(data) > WRITER_KEEP_BYTES:
            self.writer = BytesWriter()
        else:
            writer.truncate(0)
        return data

    def release(self, position: i64) -> None:
        """Moves what `position` covers to the writer. Called by Durability."""
        self._waits = False
        wrote = False
        for number, lane in list(self._lanes.items()):
            if lane.positions[0] > position:
                continue
            wrote = True
            self._release_lane(lane, position)
            if not lane.positions:
                del self._lanes[number]
        if self._lanes:
            self._waits = True
            self._durability.waiting.append(self)
        if wrote and self._owner is not None:
            self._owner.touch()

    def _release_lane(self, lane: _Lane, position: i64) -> None:
        positions = lane.positions
        replies = lane.replies
        count: i64 = 0
        end: i64 = len(positions)
        while count < end and positions[count] <= position:
            reply = replies[count]
            self._write(reply)
            self.parked_bytes -= len(reply)
            count += 1
        del positions[:count]
        del replies[:count]
