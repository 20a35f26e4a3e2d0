"""A socket with faults: stands between the event loop and a connection, in both directions. Tests only.

Must not decide which faults there are (faults.py). What it holds back is bounded as a transport's buffer is: the connection is told when
more than its high-water mark waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from onemq.heads.contract import Head
from onemq.net.connection import Limits
from onemq.net.faults import Fault, Faults
from onemq.net.registry import Registry
from onemq.net.socket_protocol import SocketProtocol
from onemq.net.turns import Turns

HTTP_PROTOCOLS: Final = ("aws", "http")
UNAVAILABLE: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 8\r\nConnection: close\r\n\r\nrefused\n"
)
REFUSED_SECONDS: Final = 1.0
"""How long a refused HTTP client has to read its answer and close."""
PACE_SECONDS: Final = 0.02
"""A throttled connection sends so much at a time."""


class FaultyTransport(asyncio.Transport):
    """The transport as the connection sees it."""

    def __init__(self, real: asyncio.Transport, socket: "FaultySocket") -> None:
        super().__init__()
        self._real = real
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._high = 64 * 1024
        self._low = 16 * 1024
        self._told_full = False
        self._timer: asyncio.TimerHandle | None = None
        self._eof = False
        self._closing = False
        self._owner_reads = True
        self._fault_reads = True

    # What the connection asks for.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        socket = self._socket
        if not socket.faults.active and not self._held:
            self._real.write(data)
            return
        if self._closing:
            return
        if socket.strike("drops") is not None:
            socket.break_off()
            return
        late = socket.strike("delay_seconds")
        due = self._loop.time() + (late.delay_seconds if late is not None else 0.0)
        self._held.append((due, bytes(data)))
        self._held_bytes += len(data)
        if self._held_bytes > self._high and not self._told_full:
            self._told_full = True
            socket.pause_writing()
        if self._timer is None:
            self._send_held()

    def _send_held(self) -> None:
        self._timer = None
        budget = self._budget()
        while self._held and budget > 0:
            due, data = self._held[0]
            wait = due - self._loop.time()
            if wait > 0:
                self._timer = self._loop.call_later(wait, self._send_held)
                return
            piece = data[:budget]
            self._held.popleft()
            if len(piece) < len(data):
                self._held.appendleft((due, data[len(piece) :]))
            self._held_bytes -= len(piece)
            budget -= len(piece)
            self._real.write(piece)
        if self._told_full and self._held_bytes <= self._low:
            self._told_full = False
            self._socket.resume_writing()
        if self._held:
            self._timer = self._loop.call_later(PACE_SECONDS, self._send_held)
        elif self._closing:
            self._real.close()
        elif self._eof:
            self._real.write_eof()

    def _budget(self) -> int:
        slow = self._socket.find("bytes_per_second")
        return 1 << 30 if slow is None else max(int(slow.bytes_per_second * PACE_SECONDS), 1)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._eof = True
        if not self._held:
            self._real.write_eof()

    def can_write_eof(self) -> bool:
        return self._real.can_write_eof()

    def close(self) -> None:
        self._closing = True
        if not self._held:
            self._real.close()

    def abort(self) -> None:
        self.forget()
        self._real.abort()

    def forget(self) -> None:
        """Nothing more is sent."""
        self._closing = True
        self._held.clear()
        self._held_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_closing(self) -> bool:
        return self._closing or self._real.is_closing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else self._high
        self._low = low if low is not None else self._high // 4
        self._real.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._held_bytes + self._real.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._owner_reads = False
        self._regard_reading()

    def resume_reading(self) -> None:
        self._owner_reads = True
        self._regard_reading()

    def is_reading(self) -> bool:
        return self._owner_reads

    # What the faults ask for.

    def rest(self, seconds: float) -> None:
        """Reads nothing for so long."""
        self._fault_reads = False
        self._regard_reading()
        self._loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._fault_reads = True
        if not self.is_closing():
            self._regard_reading()

    def _regard_reading(self) -> None:
        if self._owner_reads and self._fault_reads:
            self._real.resume_reading()
        else:
            self._real.pause_reading()

    def answer_unavailable(self) -> None:
        """HTTP: says so, and lets the client close."""
        self._real.write(UNAVAILABLE)
        self._loop.call_later(REFUSED_SECONDS, self._real.close)


class FaultySocket(SocketProtocol):
    """One accepted socket, of a broker with faults."""

    def __init__(
        self,
        faults: Faults,
        head: Head,
        turns: Turns,
        registry: Registry,
        limits: Limits,
        certificate_name: Callable[[asyncio.BaseTransport], str] | None,
    ) -> None:
        super().__init__(head, turns, registry, limits, certificate_name)
        self.faults = faults
        self.protocol_name = head.name
        self._transport: FaultyTransport | None = None
        self._refused = False

    @property
    def name(self) -> str:
        """As in the log."""
        return self._connection.name() if self._connection is not None else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = FaultyTransport(cast(asyncio.Transport, transport), self)
        self.faults.sockets[self] = None
        super().connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self.faults.active or self._refused:
            if self._refuses():
                return
            slow = self.find("bytes_per_second")
            if slow is not None and self._transport is not None:
                self._transport.rest(len(data) / slow.bytes_per_second)
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.faults.sockets.pop(self, None)
        if self._transport is not None:
            self._transport.forget()
        super().connection_lost(error)
        self._transport = None

    def find(self, what: str) -> Fault | None:
        """The first fault of that kind that concerns this connection."""
        for fault in self.faults.active:
            if getattr(fault, what) and fault.hits(self.protocol_name, self.name):
                return fault
        return None

    def strike(self, what: str) -> Fault | None:
        """As `find`, and counts."""
        fault = self.find(what)
        if fault is not None:
            fault.struck += 1
        return fault

    def break_off(self) -> None:
        """The client sees the connection break."""
        if self._transport is not None:
            self._transport.abort()

    def _refuses(self) -> bool:
        if self._refused:
            return True
        if self.strike("refuses") is None:
            return False
        if self.protocol_name in HTTP_PROTOCOLS and self._transport is not None:
            self._refused = True
            self._transport.answer_unavailable()
        else:
            self.break_off()
        return True
