"""Whatever the socket takes at a time: everything arrives, in order; large parts as they are; nothing more once it broke."""

import asyncio
import random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.net.sender import ALONE_BYTES, PIECE_BYTES, Sender

SIZES = st.sampled_from(
    [1, 100, 5000, ALONE_BYTES - 1, ALONE_BYTES, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]
)


class Socket:
    """As asyncio's transport: keeps what the socket does not take, and says so at once."""

    def __init__(self, takes: list[int]) -> None:
        self.sender: Sender | None = None
        self.takes = takes
        self.taken = b""
        self.kept = b""
        self.closing = False
        self.pieces: list[bytes | memoryview] = []

    def write(self, data: bytes | memoryview) -> None:
        assert not self.kept, "written to while it has something left"
        assert self.sender is not None
        self.pieces.append(data)
        size = self.takes.pop(0) if self.takes else len(data)
        self.taken += bytes(data[:size])
        self.kept = bytes(data[size:])
        if self.kept:
            self.sender.paused()

    def get_write_buffer_size(self) -> int:
        return len(self.kept)

    def is_closing(self) -> bool:
        return self.closing

    def drain(self) -> None:
        assert self.sender is not None
        self.taken += self.kept
        self.kept = b""
        self.sender.resumed()


def make(takes: list[int]) -> tuple[Sender, Socket]:
    socket = Socket(takes)
    sender = Sender(cast(asyncio.Transport, socket))
    socket.sender = sender
    return sender, socket


@given(
    st.lists(st.one_of(SIZES, st.lists(SIZES, max_size=5)), max_size=6),
    st.lists(st.integers(0, PIECE_BYTES)),
    st.randoms(),
)
def test_everything_arrives_in_order(
    sizes: list[int | list[int]], takes: list[int], chance: random.Random
) -> None:
    sender, socket = make(takes)
    sent = b""
    mark = 0
    for each in sizes:
        parts = []
        for size in each if isinstance(each, list) else [each]:
            mark = (mark + 1) % 256
            parts.append(bytes([mark]) * size)
        sent += b"".join(parts)
        if isinstance(each, list):
            sender.send_all(parts)
        else:
            sender.send(parts[0])
        assert len(socket.taken) + sender.waiting_bytes() == len(sent)
        if socket.kept and chance.random() < 0.5:
            socket.drain()
    while socket.kept:
        socket.drain()
    assert socket.taken == sent and sender.is_empty() and sender.waiting_bytes() == 0
    assert all(len(piece) <= PIECE_BYTES for piece in socket.pieces)


def test_a_large_part_is_not_copied_and_small_ones_are_joined() -> None:
    sender, socket = make([])
    large = bytes(PIECE_BYTES)
    sender.send_all([large, b"a", b"b"])
    assert socket.pieces[0] is large and socket.pieces[1:] == [b"ab"]
    sender.send_all([b"head", large])
    head, rest = socket.pieces[2:]
    assert isinstance(head, bytes) and len(head) == ALONE_BYTES
    assert isinstance(rest, memoryview) and rest.obj is large
    sender.send_all([bytes(ALONE_BYTES - 1)] * 5 + [large])
    assert [len(piece) for piece in socket.pieces[4:]] == [PIECE_BYTES, ALONE_BYTES, PIECE_BYTES - 5]


def test_nothing_is_written_to_a_connection_that_broke() -> None:
    sender, socket = make([10])
    sender.send_all([bytes(PIECE_BYTES)] * 3)
    socket.closing = True
    socket.drain()
    assert len(socket.pieces) == 1 and sender.is_empty()


@pytest.mark.parametrize("cleared", [False, True])
def test_cleared_it_sends_nothing_more(cleared: bool) -> None:
    sender, socket = make([0])
    sender.send_all([b"first", bytes(PIECE_BYTES), b"last"])
    if cleared:
        sender.clear()
    socket.drain()
    assert sender.is_empty() and (len(socket.pieces) == 1) == cleared
