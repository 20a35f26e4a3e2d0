"""Which connections a fault hits, and when it is over. What each does to a connection: tests/clients/embedded/test_faults.py."""

from __future__ import annotations

import asyncio

import pytest

from onemq.app.server import Server
from onemq.config import OFF, Settings
from onemq.net.faults import Faults
from onemq.net.faulty_socket import FaultySocket, FaultyTransport
from onemq.net.socket_protocol import SocketProtocol


def test_chooses_by_protocol_and_name() -> None:
    faults = Faults()
    fault = faults.delay(1, protocol="amqp", connection="billing")
    assert fault.hits("amqp", "amqp 127.0.0.1:5 (guest billing-2)")
    assert not fault.hits("kafka", "kafka 127.0.0.1:5 billing")
    assert not fault.hits("amqp", "amqp 127.0.0.1:5 orders")
    everybody = faults.refuse(2)
    assert everybody.hits("kafka", "")
    everybody.struck = 2
    assert not everybody.hits("kafka", "")


def test_is_taken_back() -> None:
    faults = Faults()
    with faults.delay(1) as fault:
        assert faults.active == (fault,)
    assert len(faults.active) == 0
    faults.throttle(1)
    faults.drop_answers()
    faults.clear()
    assert len(faults.active) == 0


def test_what_makes_no_sense_is_refused() -> None:
    faults = Faults()
    with pytest.raises(ValueError, match="seconds must be above 0"):
        faults.delay(0)
    with pytest.raises(ValueError, match="bytes_per_second"):
        faults.throttle(-1)
    with pytest.raises(RuntimeError, match="not running"):
        faults.drop()
    with pytest.raises(RuntimeError, match="not running"):
        faults.duplicate("orders")


@pytest.mark.parametrize("faults", [None, Faults()])
def test_a_broker_without_faults_has_no_part_of_them(
    faults: Faults | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`onemq serve` never makes a Faults: its connections have the event loop's own transport, and nothing asks about faults."""
    # By the client's address: a stranger may come, a client of another test that connects again to what was its broker's port.
    made: dict[object, tuple[type, type]] = {}
    ours: list[object] = []
    real = SocketProtocol.connection_made

    def connection_made(self: SocketProtocol, transport: asyncio.BaseTransport) -> None:
        made[transport.get_extra_info("peername")] = (type(self), type(transport))
        real(self, transport)

    monkeypatch.setattr(SocketProtocol, "connection_made", connection_made)

    async def connect() -> None:
        settings = Settings()
        settings.storage.memory = True
        for section in (settings.amqp, settings.kafka, settings.aws, settings.http, settings.metrics):
            section.port = 0
            section.tls_port = OFF
        server = Server(settings, asyncio.get_running_loop(), lambda reason, error: None, faults=faults)
        await server.start()
        for name, address in server.addresses():
            if name not in ("amqp", "kafka", "aws", "http"):
                continue
            reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            ours.append(writer.get_extra_info("sockname"))
            writer.write(b"no protocol at all" * 10)
            await reader.read()
            writer.close()
        await server.stop()

    asyncio.run(asyncio.wait_for(connect(), 60))
    found = [made[address] for address in ours]
    assert len(found) == 4
    assert {protocol for protocol, _ in found} == ({SocketProtocol} if faults is None else {FaultySocket})
    assert (FaultyTransport in {transport for _, transport in found}) == (faults is not None)
