"""The process and its machine, as operators are shown them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from onemq.app.node import Node
from unit.app.test_server import on_free_ports, run, server_on_this_loop


def test_facts_of_a_running_broker(tmp_path: Path) -> None:
    async def test() -> None:
        server = server_on_this_loop(on_free_ports(tmp_path / "data"))
        await server.start()
        try:
            node = Node("onemq@here", server.parts, server.addresses)
            facts = node.facts()
            assert facts.process_id == os.getpid() and facts.processors >= 1 and facts.uptime_ms >= 0
            assert facts.memory_used > 1 << 20 and facts.memory_limit > 1 << 20
            assert facts.disk_free > 0 and facts.directory == str(tmp_path / "data")
            assert 0 < facts.files_used <= facts.files_max
            assert not facts.memory_alarm and not facts.disk_alarm
            found = {each.protocol: each for each in node.listening()}
            assert set(found) >= {"amqp", "kafka", "aws", "http"}
            assert found["aws"].port > 0 and not found["aws"].tls and found["amqp"].host == "127.0.0.1"
            assert node.certificate_ends_ms() == 0
        finally:
            await server.stop()

    run(test)


async def whoami(node: Node, authority: trustme.CA) -> object:
    """What the management API answers over TLS."""
    (port,) = [each.port for each in node.listening() if each.protocol == "https"]
    context = ssl.create_default_context()
    authority.configure_trust(context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    login = base64.b64encode(b"guest:guest").decode()
    writer.write(
        f"GET /api/whoami HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Basic {login}\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_encrypted_listeners_and_their_certificate(tmp_path: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", not_after=ends)
    settings = on_free_ports()
    settings.amqp.tls_port = 0
    settings.http.tls_port = 0
    settings.tls.certificate = str(tmp_path / "cert.pem")
    settings.tls.key = str(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(settings.tls.certificate)
    issued.private_key_pem.write_to_path(settings.tls.key)

    async def test() -> None:
        server = server_on_this_loop(settings)
        await server.start()
        try:
            node = Node("onemq@here", server.parts, server.addresses)
            assert node.facts().directory == "" and node.facts().disk_free == -1
            assert [each.tls for each in node.listening() if each.protocol == "amqp/ssl"] == [True]
            assert node.certificate_ends_ms() == int(ends.timestamp() * 1000)
            assert await whoami(node, authority) == {"name": "guest", "tags": ["administrator"]}
        finally:
            await server.stop()

    run(test)
