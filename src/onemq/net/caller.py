"""Outgoing HTTP calls: what a head has to tell peers that do not connect to us.

Job: one POST per connection, with bounds on time, size and number; TLS with verification. The answer comes back inside a turn.
Must not: follow redirects, retry (whoever asked decides), or know what is sent.
Spec: RFC 9110, RFC 9112.
"""

import asyncio
import base64
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

import h11

from onemq.heads.contract import Called, Caller

if TYPE_CHECKING:
    import ssl

_log = logging.getLogger("onemq.net.caller")

WAITING_MAX: Final = 10_000
"""Calls that may wait for one of those under way to end; beyond, a call fails at once."""
ANSWER_BYTES_MAX: Final = 256 * 1024
"""So much of an answer is read: its status is all that counts, but a peer that is cut off may count that as a failure."""
READ_BYTES: Final = 16 * 1024
HEADER_BYTES_MAX: Final = 64 * 1024


class Enters(Protocol):
    """The turns, as far as calls go."""

    def enter(self) -> None: ...


class BadCall(Exception):
    """The call cannot be made. The text says why."""


class HttpCaller(Caller):
    """See the module."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        turns: Enters,
        make_context: "Callable[[], ssl.SSLContext]",
        calls_max: int,
    ) -> None:
        """make_context: asked when https is needed first. calls_max: most calls under way at a time."""
        self._loop = loop
        self._turns = turns
        self._make_context = make_context
        self._context: ssl.SSLContext | None = None
        self._slots = asyncio.Semaphore(calls_max)
        self._calls_max = calls_max
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        if self._closed:
            return
        if len(self._tasks) >= self._calls_max + WAITING_MAX:
            self._loop.call_soon(self._end, called, 0, "too many calls are waiting")
            return
        task = self._loop.create_task(self._call(url, headers, body, time_ms, called))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Ends all calls; nobody is told any more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()

    def _end(self, called: Called, status: int, reason: str) -> None:
        if self._closed:
            return
        self._turns.enter()
        if reason:
            called.failed(reason)
        else:
            called.answered(status)

    async def _call(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        status = 0
        reason = ""
        async with self._slots:
            try:
                async with asyncio.timeout(time_ms / 1000):
                    status = await self._exchange(url, headers, body)
            except TimeoutError:
                reason = f"no answer within {time_ms} ms"
            except (OSError, BadCall, h11.ProtocolError, UnicodeError, ValueError) as error:
                # OSError: ssl's errors are of that kind.
                reason = f"{error}" or type(error).__name__
        self._end(called, status, reason)

    async def _exchange(self, url: str, headers: list[tuple[str, str]], body: bytes) -> int:
        target = Target(url)
        context = None
        if target.tls:
            if self._context is None:
                self._context = self._make_context()
            context = self._context
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=context, limit=HEADER_BYTES_MAX
        )
        try:
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX)
            fields = [
                ("Host", target.authority),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                *target.credentials,
                *headers,
            ]
            request = h11.Request(method="POST", target=target.path, headers=fields)
            parts = (request, h11.Data(data=body), h11.EndOfMessage())
            writer.write(b"".join([connection.send(part) or b"" for part in parts]))
            # Not drained: a peer may refuse before it has read everything.
            return await _status(connection, reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                writer.transport.abort()


async def _status(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    status = 0
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(READ_BYTES)
            size += len(data)
            if size > ANSWER_BYTES_MAX:
                if status:
                    return status
                raise BadCall("the answer's header is too large")
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
            return status
        elif isinstance(event, h11.ConnectionClosed):
            if status:
                return status
            raise BadCall("the connection was closed without an answer")


class Target:
    """A URL taken apart. Raises BadCall, ValueError."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadCall(f"not an http or https URL: {url!r}")
        self.tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.tls else 80)
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = shown if parts.port is None else f"{shown}:{parts.port}"
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.credentials: list[tuple[str, str]] = []
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self.credentials.append(("Authorization", "Basic " + base64.b64encode(pair).decode("ascii")))
