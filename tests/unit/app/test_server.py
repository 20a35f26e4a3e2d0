"""One broker on a given event loop: started, stopped, started again, several side by side; a failed store ends it alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from onemq.app.construction import CannotStart
from onemq.app.server import Server
from onemq.config import OFF, Settings

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"


def on_free_ports(data: Path | None = None) -> Settings:
    settings = Settings()
    for section in (settings.amqp, settings.kafka, settings.aws, settings.http, settings.metrics):
        section.port = 0
        section.tls_port = OFF
    settings.storage.memory = data is None
    settings.storage.data = "" if data is None else str(data)
    settings.server.drain_seconds = 1.0
    return settings


class Failures:
    """What a server said before it gave up."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __call__(self, reason: str, error: Exception | None) -> None:
        self.reasons.append(reason)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def with_limit() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(with_limit())


def server_on_this_loop(settings: Settings, failures: Failures | None = None) -> Server:
    return Server(settings, asyncio.get_running_loop(), failures or Failures())


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An AMQP connection that has been greeted with connection.start."""
    port = int(dict(server.addresses())["amqp"].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PROTOCOL_HEADER)
    assert (await reader.readexactly(1)) == b"\x01"
    return reader, writer


def test_every_listener_has_a_free_port_of_its_own() -> None:
    async def test() -> None:
        servers = [server_on_this_loop(on_free_ports()) for _ in range(3)]
        for server in servers:
            await server.start()
        addresses = [address for server in servers for _name, address in server.addresses()]
        assert len(set(addresses)) == len(addresses) == 15
        assert [name for name, _ in servers[0].addresses()] == ["amqp", "kafka", "http", "aws", "metrics"]
        for server in servers:
            _reader, writer = await connect(server)
            writer.close()
            assert await server.stop()

    run(test)


def test_starts_again_on_its_data_and_leaves_neither_threads_nor_files(tmp_path: Path) -> None:
    async def test() -> None:
        server = server_on_this_loop(on_free_ports(tmp_path / "data"))
        identities = set()
        open_files = []
        for _ in range(5):
            await server.start()
            identities.add(server.parts.broker.identity.octets)
            _reader, writer = await connect(server)
            writer.close()
            assert await server.stop()
            assert not server.running
            open_files.append(len(os.listdir("/proc/self/fd")))
        assert len(identities) == 1
        assert open_files[-1] <= open_files[1]
        names = [thread.name for thread in threading.enumerate()]
        assert not [name for name in names if name.startswith("onemq")], names

    run(test)


def test_a_port_that_is_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    async def test() -> None:
        first = server_on_this_loop(on_free_ports())
        await first.start()
        settings = on_free_ports(tmp_path / "data")
        settings.http.port = int(dict(first.addresses())["http"].rpartition(":")[2])
        second = server_on_this_loop(settings)
        with pytest.raises(CannotStart, match="cannot listen for http"):
            await second.start()
        settings.http.port = 0
        # The directory's lock is free as well.
        await second.start()
        await second.stop()
        await first.stop()

    run(test)


def test_a_failure_ends_this_server_alone(tmp_path: Path) -> None:
    async def test() -> None:
        failures = Failures()
        failing = server_on_this_loop(on_free_ports(tmp_path / "data"), failures)
        other = server_on_this_loop(on_free_ports())
        await failing.start()
        await other.start()
        reader, _writer = await connect(failing)
        failing.parts.turns.fatal("the store failed: the disk is gone", None)
        assert failures.reasons == ["the store failed: the disk is gone"]
        # Cut off: what connection.start had left, and the end.
        with contextlib.suppress(ConnectionError):
            await reader.read()
        assert failing.addresses() == []
        assert not await failing.stop()
        _reader, writer = await connect(other)
        writer.close()
        assert await other.stop()

    run(test)
