"""One broker on a given event loop: started, stopped, started again, several side by side; a failed store ends it alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from onemq.app.construction import CannotStart, recovered_broker
from onemq.app.server import Server
from onemq.config import OFF, Settings
from onemq.engine.broker import Broker
from onemq.engine.ports import Store
from onemq.model.entities import QueueSettings
from onemq.model.principal import Peer
from onemq.net.clock import Clock

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
        others = set(threading.enumerate())
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
        names = [thread.name for thread in threading.enumerate() if thread not in others]
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def asks(port: int, path: str) -> tuple[int, str]:
    """Status and body; (0, "") when nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return 0, ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ")[1]), body.decode()


def test_probes_are_answered_while_recovery_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slow(settings: Settings, store: Store, clock: Clock, progress: Callable[[int, int], None]) -> Broker:
        progress(3 << 20, 12 << 20)
        assert go_on.wait(60)
        return recovered_broker(settings, store, clock, progress)

    monkeypatch.setattr("onemq.app.server.recovered_broker", slow)

    async def test() -> None:
        settings = on_free_ports(tmp_path / "data")
        settings.http.port = free_port()
        server = server_on_this_loop(settings)
        starting = asyncio.create_task(server.start())
        while await asks(settings.http.port, "/health/startup") in (
            (0, ""),
            (503, "starting: reading the last checkpoint; wait\n"),
        ):
            await asyncio.sleep(0)
        status, text = await asks(settings.http.port, "/health/startup")
        assert status == 503 and "25 % of the journal" in text
        assert await asks(settings.http.port, "/health/live") == (200, "live\n")
        assert (await asks(settings.http.port, "/health/ready"))[0] == 503
        go_on.set()
        await starting
        assert await asks(settings.http.port, "/health/startup") == (200, "started\n")
        assert await asks(settings.http.port, "/health/ready") == (200, "ready\n")
        assert await server.stop()

    run(test)


def test_a_draining_broker_says_that_it_is_not_ready(tmp_path: Path) -> None:
    async def test() -> None:
        settings = on_free_ports(tmp_path / "data")
        settings.server.drain_seconds = 30.0
        server = server_on_this_loop(settings)
        await server.start()
        ports = {name: int(address.rpartition(":")[2]) for name, address in server.addresses()}
        # Sent connection.start, and does not close: it is waited for.
        _reader, writer = await connect(server)
        server.parts.registry.members()[0].hold_reading(True)
        stopping = asyncio.create_task(server.stop())
        while await asks(ports["amqp"], "/") != (0, ""):
            await asyncio.sleep(0)
        status, text = await asks(ports["http"], "/health/ready")
        assert status == 503 and text.startswith("not ready: stopping")
        assert await asks(ports["http"], "/health/live") == (200, "live\n")
        writer.close()
        for member in server.parts.registry.members():
            member.abort()
        assert await stopping
        assert await asks(ports["http"], "/health/ready") == (0, "")

    run(test)


def test_acts_are_written_to_the_audit_file(tmp_path: Path) -> None:
    async def test() -> None:
        settings = on_free_ports()
        settings.audit.file = str(tmp_path / "audit.log")
        server = server_on_this_loop(settings)
        await server.start()
        gate = server.parts.gate
        server.parts.turns.enter()
        peer = Peer("127.0.0.1", 7, protocol="amqp")
        access = gate.enter(gate.login_plain("guest", "guest", peer), "/", peer)
        access.queues.declare("orders", QueueSettings())
        access.queues.delete("orders")
        assert await server.stop()
        text = (tmp_path / "audit.log").read_text(encoding="utf-8")
        assert '"user": "guest", "peer": "127.0.0.1:7", "protocol": "amqp"' in text
        settings.audit.file = str(tmp_path / "none" / "audit.log")
        with pytest.raises(CannotStart, match=r"bad setting audit\.file"):
            await server.start()

    run(test)
