"""The HTTP port while the broker recovers: answers health probes, and hands its sockets over to the listener that follows.

Recovery of a large journal takes a while, and whoever probes has to learn that it goes on: a refused connection would look like a
broker that hangs. Other protocols' ports open after recovery: their clients try again by themselves.
Must not: know what is answered (a function does), or reach the engine, which is being made on another thread.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Final, cast

from librt.strings import BytesWriter

from onemq.model.refusal import WireError
from onemq.net.listener import BACKLOG, CannotListen
from onemq.wire.http import HttpReceiver, write_response

CONNECTIONS_MAX: Final = 256
_HEADER_BYTES_MAX: Final = 16_384
_BODY_BYTES_MAX: Final = 65_536
_PLAIN_TEXT: Final = b"text/plain; charset=utf-8"
_FIELDS: Final = b"Cache-Control: no-store\r\nRetry-After: 1\r\n"

Answer = Callable[[str], tuple[int, str]]
"""Path to status and text."""


class StartupListener:
    """One address. answer: called on the loop's thread for every request."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        self.connections: set[asyncio.Transport] = set()
        self.answer = answer
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    async def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises CannotListen."""
        try:
            self._server = await loop.create_server(
                lambda: _StartupConnection(self), self._host, self._port, backlog=BACKLOG
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotListen(f"cannot listen for http on {self._host}:{self._port}: {reason}") from None

    def hand_over(self) -> list[socket.socket]:
        """Listening sockets to go on with: who connects meanwhile waits in their queues. Its own connections are closed."""
        server = self._server
        assert server is not None, "the listener was not started"
        found = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]
        self.stop()
        return found

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self.connections):
            transport.close()


class _StartupConnection(asyncio.Protocol):
    """One request, one answer, the end."""

    def __init__(self, listener: StartupListener) -> None:
        self._listener = listener
        self._http = HttpReceiver(_HEADER_BYTES_MAX, _BODY_BYTES_MAX)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        if len(self._listener.connections) >= CONNECTIONS_MAX:
            stream.abort()
            return
        self._transport = stream
        self._listener.connections.add(stream)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            self._http.feed(data)
            request = self._http.next()
        except WireError:
            transport.abort()
            return
        if request is None:
            return
        path = request.target.decode("latin-1").partition("?")[0]
        status, text = self._listener.answer(path)
        writer = BytesWriter()
        head_only = request.method == b"HEAD"
        write_response(writer, status, _PLAIN_TEXT, text.encode("utf-8"), False, _FIELDS, head_only)
        transport.write(writer.getvalue())
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._listener.connections.discard(self._transport)
        self._http.close()
