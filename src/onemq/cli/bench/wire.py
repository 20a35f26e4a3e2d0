"""A blocking socket with a buffer: waits for so long, gives exactly what is asked for.

The only sockets of the command line, with doctor's.
"""

import select
import socket
from typing import Final

SOCKET_SECONDS: Final = 30.0
READ_BYTES: Final = 262_144


class BenchFailed(Exception):
    """The broker did something that ends the load. The text is for people."""


class Wire:
    """One connection. Raises OSError, BenchFailed.

    Attributes:
        received: what has come and was not taken yet.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=SOCKET_SECONDS)
        except OSError as error:
            raise BenchFailed(f"no connection to {host}:{port}: {error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise BenchFailed(
                f"the broker takes nothing for {SOCKET_SECONDS:.0f} s: look for alarms in `onemq status`"
            ) from None

    def wait(self, seconds: float) -> bool:
        """Reads what has come, and waits at most so long for something; whether there was anything."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return False
        self._fill()
        return True

    def _fill(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except TimeoutError:
            raise BenchFailed(f"the broker does not answer for {SOCKET_SECONDS:.0f} s") from None
        if not data:
            raise BenchFailed("the broker closed the connection")
        self.received += data

    def take(self, count: int) -> bytes:
        while len(self.received) < count:
            self._fill()
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def take_until(self, end: bytes) -> bytes:
        """With the end."""
        while (at := self.received.find(end)) < 0:
            self._fill()
        return self.take(at + len(end))

    def close(self) -> None:
        self._socket.close()
