"""A blocking socket that reads exactly what is asked for. The only sockets of the command line, with doctor's."""

import socket

from onemq.cli.bench.worker import SOCKET_SECONDS, BenchFailed


class Wire:
    """One connection. Raises OSError, BenchFailed."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=SOCKET_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def buffered(self) -> int:
        return len(self._received)

    def set_timeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def fill(self) -> None:
        """Reads what has come; waits for something. Raises TimeoutError."""
        data = self._socket.recv(262_144)
        if not data:
            raise BenchFailed("the broker closed the connection")
        self._received += data

    def take(self, count: int) -> bytes:
        while len(self._received) < count:
            self.fill()
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def take_until(self, end: bytes) -> bytes:
        """With the end."""
        while (at := self._received.find(end)) < 0:
            self.fill()
        return self.take(at + len(end))

    def peek(self, count: int) -> bytes:
        """Less, when less is here."""
        return bytes(self._received[:count])

    def close(self) -> None:
        self._socket.close()
