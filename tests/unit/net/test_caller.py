"""Outgoing calls against real sockets: what arrives, what counts as an answer, and what fails with which reason."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from onemq.heads.contract import Called
from onemq.net.caller import BadCall, HttpCaller, Target
from onemq.net.tls import BadTls, make_client_context


class Turns:
    def __init__(self) -> None:
        self.entered = 0

    def enter(self) -> None:
        self.entered += 1


class Answer(Called):
    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.results: list[int | str] = []

    def answered(self, status: int) -> None:
        self.results.append(status)
        self.done.set()

    def failed(self, reason: str) -> None:
        self.results.append(reason)
        self.done.set()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(reply: bytes, got: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if got is not None:
            got.append(head + body)
        writer.write(reply)
        await writer.drain()
        writer.close()

    return serve


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def plain() -> ssl.SSLContext:
    return make_client_context("", False)


def call(
    serve: Serve,
    *,
    path: str = "/hook?a=b",
    body: bytes = b"text",
    headers: list[tuple[str, str]] | None = None,
    time_ms: int = 20_000,
    server_tls: ssl.SSLContext | None = None,
    context: Callable[[], ssl.SSLContext] = plain,
    user: str = "",
    host: str = "127.0.0.1",
) -> int | str:
    """The result of one call to `serve`."""

    async def run() -> int | str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        turns = Turns()
        caller = HttpCaller(asyncio.get_running_loop(), turns, context, 4)
        answer = Answer()
        scheme = "https" if server_tls else "http"
        caller.post(f"{scheme}://{user}{host}:{port}{path}", headers or [], body, time_ms, answer)
        assert answer.results == [], "answered within post"
        await answer.done.wait()
        assert turns.entered == 1 and len(answer.results) == 1
        server.close()
        return answer.results[0]

    return asyncio.run(run())


def test_what_arrives() -> None:
    got: list[bytes] = []
    status = call(
        answering(b"HTTP/1.1 204 No Content\r\n\r\n", got),
        headers=[("x-amz-sns-message-type", "Notification")],
        user="us%40er:pass@",
    )
    assert status == 204
    head, _, body = got[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /hook?a=b HTTP/1.1" and body == b"text"
    fields = {line.split(b": ")[0].lower(): line.split(b": ")[1] for line in lines[1:]}
    assert fields[b"host"].startswith(b"127.0.0.1:") and fields[b"content-length"] == b"4"
    assert fields[b"x-amz-sns-message-type"] == b"Notification"
    assert fields[b"authorization"] == b"Basic dXNAZXI6cGFzcw=="


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.0 500 Broken\r\n\r\nuntil the end", 500),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000, 200),
    ],
)
def test_the_status_counts(reply: bytes, status: int) -> None:
    assert call(answering(reply)) == status


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400_000])
def test_what_is_no_answer_fails(reply: bytes) -> None:
    assert isinstance(call(answering(reply)), str)


def test_a_peer_that_says_nothing_takes_its_time_and_no_more() -> None:
    assert call(silent, time_ms=50) == "no answer within 50 ms"


def test_a_closed_port_fails() -> None:
    async def run() -> list[int | str]:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        caller = HttpCaller(asyncio.get_running_loop(), Turns(), plain, 1)
        answer = Answer()
        caller.post(f"http://127.0.0.1:{port}/", [], b"", 20_000, answer)
        await answer.done.wait()
        return answer.results

    assert isinstance(asyncio.run(run())[0], str)


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "nonsense", "http://x:99999/", "http://[/"])
def test_a_bad_url_fails(url: str) -> None:
    with pytest.raises((BadCall, ValueError)):
        Target(url)


def test_a_header_cannot_hold_another() -> None:
    assert isinstance(call(answering(b""), headers=[("x", "a\r\ny: b")]), str)


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    reply = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def trusting() -> ssl.SSLContext:
        return make_client_context(str(file), False)

    def insecure() -> ssl.SSLContext:
        return make_client_context("", True)

    assert call(reply, server_tls=tls, context=trusting, host="localhost") == 200
    assert "certificate" in str(call(reply, server_tls=tls, host="localhost"))
    # The name has to be right as well.
    assert "certificate" in str(call(reply, server_tls=tls, context=trusting, host="127.0.0.1"))
    assert call(reply, server_tls=tls, context=insecure, host="127.0.0.1") == 200
    with pytest.raises(BadTls):
        make_client_context(str(tmp_path / "missing"), False)


def test_no_more_calls_at_a_time_than_allowed_and_none_after_the_end() -> None:
    async def run() -> None:
        under_way = 0
        most = 0
        free = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await free.wait()
            under_way -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        caller = HttpCaller(asyncio.get_running_loop(), Turns(), plain, 2)
        answers = [Answer() for _ in range(5)]
        for answer in answers:
            caller.post(url, [], b"", 20_000, answer)
        while under_way < 2:
            await asyncio.sleep(0)
        free.set()
        for answer in answers:
            await answer.done.wait()
        assert [answer.results for answer in answers] == [[200]] * 5 and most == 2
        last = Answer()
        caller.post(url, [], b"", 20_000, last)
        caller.close()
        caller.post(url, [], b"", 20_000, last)
        await asyncio.sleep(0)
        assert last.results == []
        server.close()

    asyncio.run(run())
