"""The event loop's view of a connection: hands what the socket brings to connection.py.

Stays interpreted on purpose: compiled code does not look at the interpreter's request to let another thread run, and
the store's threads wait for that. A call into a Python function does.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from onemq.heads.contract import Head
from onemq.model.principal import Peer
from onemq.net.connection import Connection, Limits
from onemq.net.registry import Registry
from onemq.net.turns import Turns

_log = logging.getLogger("onemq.net")


class SocketProtocol(asyncio.Protocol):
    """One accepted socket."""

    def __init__(
        self,
        head: Head,
        turns: Turns,
        registry: Registry,
        limits: Limits,
        certificate_name: Callable[[asyncio.BaseTransport], str] | None,
    ) -> None:
        self._head = head
        self._turns = turns
        self._registry = registry
        self._limits = limits
        self._certificate_name = certificate_name
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        registry = self._registry
        if registry.is_full():
            registry.refused += 1
            peer = self._peer(stream)
            _log.warning(
                "%s: refused a connection: %d are open; raise limits.connections_max, or find out who opens so many",
                self._head.name,
                registry.connections_max,
                extra={
                    "fields": {
                        "reason": "connections_full",
                        "protocol": self._head.name,
                        "peer": f"{peer.host}:{peer.port}",
                    }
                },
            )
            stream.abort()
            return
        peer = self._peer(stream)
        high = self._limits.outbox_bytes_max
        stream.set_write_buffer_limits(high=high, low=high // 2)
        connection = Connection(self._head, peer, stream, self._turns, registry, self._limits)
        self._connection = connection
        connection.start(self._head)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.received(data)

    def eof_received(self) -> bool:
        # The peer will send nothing more: no protocol here has a use for half a connection.
        return False

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.full()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.drained()

    def connection_lost(self, error: Exception | None) -> None:
        if self._connection is not None:
            self._connection.lost()
            # The two hold each other: let go at once instead of waiting for the garbage collector.
            self._connection = None

    def _peer(self, transport: asyncio.Transport) -> Peer:
        remote = transport.get_extra_info("peername") or ("", 0)
        local = transport.get_extra_info("sockname") or ("", 0)
        name = self._certificate_name(transport) if self._certificate_name is not None else ""
        encrypted = self._certificate_name is not None
        protocol = self._head.name
        return Peer(str(remote[0]), int(remote[1]), str(local[0]), int(local[1]), encrypted, name, protocol)
