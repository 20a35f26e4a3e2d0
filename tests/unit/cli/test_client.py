"""The client against servers that are no broker, or none at all: one line that says what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator

import pytest

from onemq.cli.client import Client, Refused
from onemq.cli.frame import BadUsage, CliError


class Scripted:
    """Answers each connection's first request with what is next, and closes."""

    def __init__(self, *answers: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.requests: list[bytes] = []
        self._answers = answers
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answer in self._answers:
            peer, _ = self._socket.accept()
            with peer:
                self.requests.append(peer.recv(65_536))
                peer.sendall(answer)

    def close(self) -> None:
        self._socket.close()


def answer(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.fixture
def opened() -> Generator[list[Scripted], None, None]:
    servers: list[Scripted] = []
    yield servers
    for server in servers:
        server.close()


def client_of(opened: list[Scripted], *answers: bytes) -> Client:
    opened.append(Scripted(*answers))
    return Client(f"http://127.0.0.1:{opened[-1].port}", "anna", "secret")


def test_segments_and_queries_are_encoded(opened: list[Scripted]) -> None:
    client = client_of(opened, answer("200 OK", b"[]"))
    assert client.get("queues", "/", "a b", query={"name": "x&y", "none": None, "flag": True}) == []
    assert opened[0].requests[0].startswith(b"GET /v1/queues/%2F/a%20b?name=x%26y&flag=true HTTP/1.1\r\n")
    assert b"Authorization: Basic YW5uYTpzZWNyZXQ=" in opened[0].requests[0]


def test_a_kept_connection_that_was_closed_is_opened_again(opened: list[Scripted]) -> None:
    client = client_of(opened, answer("200 OK", b"1"), answer("200 OK", b"2"))
    assert (client.get("a"), client.get("b")) == (1, 2)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            "404 Not Found",
            b'{"error": "not_found", "message": "queue \'q\' does not exist"}',
            "does not exist",
        ),
        ("401 Unauthorized", b"{}", "refuses the login of user 'anna'"),
        ("403 Forbidden", b'{"error": "access_denied", "message": "no"}', "you are user 'anna'"),
        ("404 Not Found", b"<html>", "is no onemq of this version"),
        ("400 Bad Request", b'{"error": "bad_request", "reason": "because"}', "because"),
    ],
)
def test_refusals(opened: list[Scripted], status: str, body: bytes, said: str) -> None:
    client = client_of(opened, answer(status, body))
    with pytest.raises(Refused) as caught:
        client.get("x")
    assert said in caught.value.message


def test_nobody_and_nonsense(opened: list[Scripted]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CliError, match="no broker answers at"):
        Client(f"http://127.0.0.1:{port}", "a", "b").get("x")
    with pytest.raises(CliError, match="is it a broker's HTTP port"):
        client_of(opened, b"AMQP\x00\x00\x09\x01").get("x")
    for url in ("ftp://x", "http://", "http://x:port"):
        with pytest.raises(BadUsage):
            Client(url, "a", "b")
    assert Client("somewhere", "a", "b").url == "http://somewhere:15672"
