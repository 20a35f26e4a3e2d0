"""Frames out of bytes: however they are cut, up to the limit, and what is said to those who speak something else."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.heads.kafka.codec import Codec
from onemq.model.refusal import WireError


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def take(codec: Codec) -> list[bytes]:
    found = []
    while codec.next():
        found.append(codec.data[codec.start : codec.end])
    return found


BODIES = [b"12345678", b"a" * 300, b"bcdefghi", b"c" * 70_000]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 299, 4096, 1 << 20])
def test_frames_come_whole_however_they_are_cut(size: int) -> None:
    data = framed(*BODIES)
    codec = Codec(100_000)
    found: list[bytes] = []
    for at in range(0, len(data), size):
        codec.feed(data[at : at + size])
        found.extend(take(codec))
    assert found == BODIES
    assert codec.buffered_bytes() == 0


@settings(deadline=None)
@given(st.lists(st.binary(min_size=8, max_size=60), max_size=20), st.data())
def test_what_is_not_taken_at_once_is_kept(bodies: list[bytes], data: st.DataObject) -> None:
    """Frames are taken now and then only, as while an answer is awaited."""
    rest = framed(*bodies)
    codec = Codec(100)
    found: list[bytes] = []
    fed = taken = 0
    while rest:
        size = data.draw(st.integers(1, 70))
        piece, rest = rest[:size], rest[size:]
        codec.feed(piece)
        fed += len(piece)
        for _ in range(data.draw(st.integers(0, 2))):
            if codec.next():
                found.append(codec.data[codec.start : codec.end])
                taken += 4 + len(found[-1])
        assert codec.buffered_bytes() == fed - taken
    found.extend(take(codec))
    assert found == bodies


def test_a_large_frame_is_joined_once() -> None:
    """Its slices are kept as they came until the last one is there."""
    codec = Codec(10_000_000)
    body = bytes(range(256)) * 4096
    data = framed(body)
    for at in range(0, len(data) - 1000, 1000):
        codec.feed(data[at : at + 1000])
        assert not codec.next()
        assert len(codec.data) <= 1000
    codec.feed(data[at + 1000 :])
    assert codec.next()
    assert codec.data[codec.start : codec.end] == body


def test_a_frame_that_comes_in_tiny_pieces_takes_little_more_than_its_bytes() -> None:
    codec = Codec(1_000_000)
    data = framed(b"ab" * 300_000)
    tracemalloc.start()
    try:
        for at in range(0, len(data) - 2, 2):
            codec.feed(data[at : at + 2])
            assert not codec.next()
        assert tracemalloc.get_traced_memory()[0] < 1_500_000
    finally:
        tracemalloc.stop()
    codec.feed(data[-2:])
    assert codec.next()
    assert codec.data[codec.start : codec.end] == data[4:]


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"GET / HT", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01", "TLS"),
        (b"AMQP\x00\x00\x09\x01", "AMQP"),
        (b"\x00\x00\x00\x65" + bytes(4), "101 bytes"),
        (b"\x00\x00\x00\x07" + bytes(4), "7 bytes"),
        (b"\xff\xff\xff\xff" + bytes(4), "-1 bytes"),
    ],
)
def test_what_is_no_request_is_named(octets: bytes, word: str) -> None:
    codec = Codec(100)
    codec.feed(octets)
    with pytest.raises(WireError, match=word):
        codec.next()


def test_the_limit_itself_is_allowed() -> None:
    codec = Codec(100)
    codec.feed(framed(bytes(100), bytes(8)))
    assert take(codec) == [bytes(100), bytes(8)]
