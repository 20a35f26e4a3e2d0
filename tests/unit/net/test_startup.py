"""The HTTP port during recovery: one answer per connection, bounds, and the sockets that are handed over. Over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from onemq.net.listener import CannotListen
from onemq.net.startup import CONNECTIONS_MAX, StartupListener


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def with_limit() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(with_limit())


def answer(path: str) -> tuple[int, str]:
    return (200, "live\n") if path == "/health/live" else (503, f"starting: {path}\n")


async def listening() -> tuple[StartupListener, int]:
    listener = StartupListener("127.0.0.1", 0, answer)
    await listener.start(asyncio.get_running_loop())
    (socket,) = listener.hand_over()
    port = int(socket.getsockname()[1])
    socket.close()
    listener = StartupListener("127.0.0.1", port, answer)
    await listener.start(asyncio.get_running_loop())
    return listener, port


async def says(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_probes_are_answered_and_the_connection_ends() -> None:
    async def test() -> None:
        listener, port = await listening()
        live = await says(port, b"GET /health/live?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert live.startswith(b"HTTP/1.1 200 OK\r\n") and live.endswith(b"\r\n\r\nlive\n")
        other = await says(port, b"GET /api/overview HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1\r\n" in other
        assert other.endswith(b"starting: /api/overview\n")
        head = await says(port, b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and head.endswith(b"\r\n\r\n")
        assert await says(port, b"\x16\x03\x01 what is this\r\n\r\n") == b""
        listener.stop()

    run(test)


def test_connections_are_bounded_in_number() -> None:
    async def test() -> None:
        listener, port = await listening()
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        while len(listener.connections) < CONNECTIONS_MAX:
            await asyncio.sleep(0)
        assert await says(port, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        listener.stop()
        for reader, writer in waiting:
            assert await reader.read() == b""
            writer.close()

    run(test)


def test_who_connects_at_the_handover_is_served_by_the_next() -> None:
    async def test() -> None:
        listener, port = await listening()
        (socket,) = listener.hand_over()
        late = asyncio.create_task(says(port, b"hello"))

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(5))
            writer.close()

        server = await asyncio.start_server(echo, sock=socket)
        assert await late == b"hello"
        server.close()
        listener.stop()

    run(test)


def test_a_port_that_is_taken() -> None:
    async def test() -> None:
        listener, port = await listening()
        with pytest.raises(CannotListen, match=f"cannot listen for http on 127.0.0.1:{port}"):
            await StartupListener("127.0.0.1", port, answer).start(asyncio.get_running_loop())
        listener.stop()

    run(test)
