"""What every listener must do whatever its protocol: strangers, halves, silence, crowds, slow readers, stopping, TLS.

The bytes are AMQP 0-9-1's for now; a second head adds its own to the table. Raw sockets: a client library would be too well
behaved.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from broker_process import BrokerProcess

WITHIN_SECONDS = 20.0
GREETING = b"AMQP\x00\x00\x09\x01"
CONFIGURATION = """
[amqp]
login_seconds = 1

[limits]
connections_max = 20
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    process = BrokerProcess(tmp_path_factory.mktemp("conformance"), memory=True, configuration=CONFIGURATION)
    process.start()
    yield process
    process.kill9()


@contextmanager
def connected(broker: BrokerProcess) -> Generator[socket.socket, None, None]:
    with socket.create_connection((broker.host, broker.port), timeout=WITHIN_SECONDS) as peer:
        yield peer


def read_all(peer: socket.socket) -> bytes:
    """Everything until the broker closes. Fails by time-out when it does not."""
    found = b""
    while True:
        try:
            data = peer.recv(65536)
        except ConnectionResetError:
            return found
        if not data:
            return found
        found += data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def start_ok(user: str, password: str) -> bytes:
    response = f"\0{user}\0{password}".encode()
    arguments = (
        struct.pack(">I", 0) + b"\x05PLAIN" + struct.pack(">I", len(response)) + response + b"\x05en_US"
    )
    return frame(1, 0, struct.pack(">HH", 10, 11) + arguments)


def greeted(peer: socket.socket) -> bytes:
    """Sends the greeting; returns connection.start's frame."""
    peer.sendall(GREETING)
    head = peer.recv(7, socket.MSG_WAITALL)
    size: int = struct.unpack(">I", head[3:])[0]
    return head + peer.recv(size + 1, socket.MSG_WAITALL)


def serves(broker: BrokerProcess) -> bool:
    with connected(broker) as peer:
        return b"PLAIN" in greeted(peer)


@pytest.mark.parametrize(
    "bytes_sent", [b"GET / HTTP/1.1\r\n\r\n", b"AMQP\x00\x01\x00\x00", b"\x00" * 8, b"\xff" * 4096]
)
def test_a_stranger_gets_our_greeting_and_is_closed(broker: BrokerProcess, bytes_sent: bytes) -> None:
    with connected(broker) as peer:
        peer.sendall(bytes_sent)
        assert read_all(peer) == GREETING
    assert serves(broker)


def test_half_a_greeting_and_silence_ends_at_the_login_limit(broker: BrokerProcess) -> None:
    with connected(broker) as peer:
        peer.sendall(GREETING[:5])
        began = time.monotonic()
        assert read_all(peer) == b""
        assert time.monotonic() - began >= 0.9
    assert serves(broker)


def test_a_greeting_byte_by_byte(broker: BrokerProcess) -> None:
    with connected(broker) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GREETING[:-1]:
            peer.sendall(bytes([byte]))
        peer.sendall(GREETING[-1:])
        assert peer.recv(1) == b"\x01"


def test_a_frame_larger_than_allowed_is_refused_before_it_is_collected(broker: BrokerProcess) -> None:
    with connected(broker) as peer:
        greeted(peer)
        peer.sendall(struct.pack(">BHI", 1, 0, 0x7FFFFFFF) + b"x" * 1000)
        read_all(peer)
    assert serves(broker)


def test_a_wrong_password_is_refused_and_logged_without_the_password(broker: BrokerProcess) -> None:
    with connected(broker) as peer:
        greeted(peer)
        peer.sendall(start_ok("guest", "sesame-open"))
        read_all(peer)
    assert "invalid credentials" in broker.log()
    assert "sesame-open" not in broker.log()


def test_connections_over_the_limit_are_turned_away_and_room_is_given_back(broker: BrokerProcess) -> None:
    peers = []
    try:
        deadline = time.monotonic() + WITHIN_SECONDS
        turned_away = False
        while not turned_away and time.monotonic() < deadline:
            peer = socket.create_connection((broker.host, broker.port), timeout=WITHIN_SECONDS)
            peers.append(peer)
            try:
                peer.sendall(GREETING)
                turned_away = peer.recv(1) == b""
            except ConnectionError:
                turned_away = True
        assert turned_away and len(peers) <= 60
    finally:
        for peer in peers:
            peer.close()
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            if serves(broker):
                return
        except (ConnectionError, struct.error):
            time.sleep(0.05)
    pytest.fail("closed connections still count")


def test_stopping_closes_idle_connections_soon(tmp_path: Path) -> None:
    process = BrokerProcess(tmp_path, memory=True)
    process.start()
    try:
        with connected(process) as greeting_only, connected(process) as silent:
            greeted(greeting_only)
            assert process.terminate() == 0
            read_all(greeting_only)
            assert read_all(silent) == b""
    finally:
        process.kill9()


def test_tls_and_client_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    client = authority.issue_cert("client@example.org", common_name="shop")
    for name, blob in (
        ("key", server.private_key_pem),
        ("certificate", server.cert_chain_pems[0]),
        ("ca", authority.cert_pem),
    ):
        blob.write_to_path(str(tmp_path / f"{name}.pem"))
    files = {"certificate": "certificate", "key": "key", "client_ca": "ca"}
    configuration = "[tls]\n" + "".join(f'{name} = "{tmp_path}/{file}.pem"\n' for name, file in files.items())
    process = BrokerProcess(
        tmp_path / "broker",
        memory=True,
        configuration=configuration,
        arguments=["--amqp-tls-port", "0"],
    )
    process.start()
    try:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        address = (process.host, process.ports["amqps"])
        with (
            socket.create_connection(address, WITHIN_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as peer,
        ):
            peer.sendall(GREETING)
            found = peer.recv(65536)
            assert b"PLAIN" in found and b"EXTERNAL" not in found
        client.configure_cert(context)
        with (
            socket.create_connection(address, WITHIN_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as peer,
        ):
            peer.sendall(GREETING)
            assert b"EXTERNAL" in peer.recv(65536)
        # No TLS at all on that port: closed, and nobody is harmed.
        with socket.create_connection(address, WITHIN_SECONDS) as peer_without:
            peer_without.sendall(GREETING)
            read_all(peer_without)
        with (
            socket.create_connection(address, WITHIN_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as peer,
        ):
            peer.sendall(GREETING)
            assert peer.recv(1)
    finally:
        process.kill9()
