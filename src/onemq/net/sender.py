"""Bytes on their way to one socket: no more at a time than it may take, so that large ones are not copied on the way.

A transport that a socket does not take all from keeps a copy of the rest. So it gets pieces, and the next one when the last
has left it: `paused` and `resumed` say so. Must not know what the bytes are, or how many may wait.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from asyncio import Transport

PIECE_BYTES: Final = 256 * 1024
"""At most so much goes to the transport in one piece: a socket takes no more than a few times that."""
ALONE_BYTES: Final = 64 * 1024
"""What is as large goes by itself, as it is; less is joined with what follows: a call costs more than the copy."""

HIGH_WATER_BYTES: Final = 1
LOW_WATER_BYTES: Final = 0
"""The transport's: it tells when it has to keep anything at all, and when that has left. (With 0 and 0, TLS would pause for ever.)"""


class Sender:
    """See the module. The queue is bounded by whoever sends: see `waiting_bytes`."""

    __slots__ = ("_at", "_bytes", "_paused", "_queue", "_transport")

    def __init__(self, transport: "Transport") -> None:
        self._transport = transport
        self._queue: deque[bytes] = deque()
        self._at: i64 = 0
        """So much of the queue's first has been sent."""
        self._bytes: i64 = 0
        self._paused = False

    def send(self, data: bytes) -> None:
        if self._paused or self._bytes != 0 or len(data) > PIECE_BYTES:
            self._queue.append(data)
            self._bytes += len(data)
            self._go_on()
        else:
            self._transport.write(data)

    def send_all(self, parts: list[bytes]) -> None:
        for part in parts:
            self._queue.append(part)
            self._bytes += len(part)
        self._go_on()

    def paused(self) -> None:
        """The socket does not take more; the transport has some bytes left."""
        self._paused = True

    def resumed(self) -> None:
        """It has sent them."""
        self._paused = False
        self._go_on()

    def is_paused(self) -> bool:
        return self._paused

    def is_empty(self) -> bool:
        """Everything has been given to the transport."""
        return self._bytes == 0

    def waiting_bytes(self) -> i64:
        """Not yet taken by the socket."""
        kept: int = self._transport.get_write_buffer_size()
        return self._bytes + kept

    def clear(self) -> None:
        """The connection is gone."""
        self._queue.clear()
        self._at = 0
        self._bytes = 0

    def _go_on(self) -> None:
        transport = self._transport
        while self._bytes != 0 and not self._paused:
            if transport.is_closing():
                # It broke under a piece: the rest cannot arrive either.
                self.clear()
                return
            first = self._queue[0]
            left: i64 = len(first) - self._at
            if left >= ALONE_BYTES:
                if left <= PIECE_BYTES and self._at == 0:
                    self._passed(left)
                    transport.write(first)
                    continue
                size = min(left, PIECE_BYTES)
                piece = memoryview(first)[int(self._at) : int(self._at + size)]
                self._passed(size)
                transport.write(piece)
            else:
                transport.write(self._joined())

    def _joined(self) -> bytes:
        """The next small ones together; of a large one behind few of them so much that the piece is not small."""
        found: list[bytes] = []
        total: i64 = 0
        while self._queue:
            first = self._queue[0]
            left: i64 = len(first) - self._at
            size = min(left, (ALONE_BYTES if left >= ALONE_BYTES else PIECE_BYTES) - total)
            if size <= 0:
                break
            found.append(first if size == len(first) else first[self._at : self._at + size])
            total += size
            self._passed(size)
        return found[0] if len(found) == 1 else b"".join(found)

    def _passed(self, size: i64) -> None:
        """So much of the queue's first is on its way."""
        self._bytes -= size
        self._at += size
        if self._at == len(self._queue[0]):
            self._queue.popleft()
            self._at = 0
