"""Listening sockets: one per head and port, plain or TLS. Accepts, and gives every connection its protocol."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onemq.heads.contract import Head
from onemq.net.connection import Limits
from onemq.net.registry import Registry
from onemq.net.socket_protocol import SocketProtocol
from onemq.net.turns import Turns

if TYPE_CHECKING:
    import ssl

    from onemq.net.faults import Faults

BACKLOG: Final = 1024
TLS_HANDSHAKE_SECONDS: Final = 10.0


class CannotListen(Exception):
    """The address is taken or is not ours. The text says which and why."""


class Listener:
    """One head at one address. `name` as in `listening <name> host:port`."""

    def __init__(
        self,
        name: str,
        head: Head,
        host: str,
        port: int,
        turns: Turns,
        registry: Registry,
        limits: Limits,
        tls: "ssl.SSLContext | None" = None,
        faults: "Faults | None" = None,
    ) -> None:
        self.name = name
        self._head = head
        self._host = host
        self._port = port
        self._turns = turns
        self._registry = registry
        self._limits = limits
        self._tls = tls
        self._faults = faults
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []

    def adopt(self, sockets: list[socket.socket]) -> None:
        """Listens on these (startup.py's), not on an address of its own. Before `start`."""
        self._sockets = sockets

    async def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises CannotListen."""
        certificate_name: Callable[[asyncio.BaseTransport], str] | None = None
        if self._tls is not None:
            from onemq.net.tls import certificate_name as name_of

            certificate_name = name_of

        def protocol() -> SocketProtocol:
            if self._faults is not None:
                return self._faults.protocol(
                    self._head, self._turns, self._registry, self._limits, certificate_name
                )
            return SocketProtocol(self._head, self._turns, self._registry, self._limits, certificate_name)

        handshake = TLS_HANDSHAKE_SECONDS if self._tls is not None else None
        try:
            if self._sockets:
                for each in self._sockets:
                    server = await loop.create_server(
                        protocol, sock=each, backlog=BACKLOG, ssl=self._tls, ssl_handshake_timeout=handshake
                    )
                    self._servers.append(server)
                self._sockets = []
                return
            server = await loop.create_server(
                protocol,
                self._host,
                self._port,
                backlog=BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=handshake,
            )
            self._servers.append(server)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotListen(
                f"cannot listen for {self.name} on {self._host}:{self._port}: {reason}"
            ) from None

    def addresses(self) -> list[str]:
        """`host:port` of every socket (a host name may have several)."""
        found = []
        for server in self._servers:
            for each in server.sockets:
                host, port = each.getsockname()[:2]
                found.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        return found

    def stop(self) -> None:
        """No new connections; the open ones stay."""
        for server in self._servers:
            server.close()
        self._servers = []
        for each in self._sockets:
            each.close()
        self._sockets = []
