"""AMQP as the load speaks it, against the broker's own codec's bytes where there are some."""

from __future__ import annotations

import struct

import pytest

from onemq.cli.bench.amqp import (
    BODY,
    HEADER,
    METHOD,
    Deliveries,
    Unconfirmed,
    body_frames,
    frame,
    method,
    short,
    take_frames,
)
from onemq.cli.bench.wire import BenchFailed


def test_frames_are_taken_when_they_are_whole() -> None:
    data = frame(METHOD, 1, b"abcdef") + frame(BODY, 1, b"xy")
    received = bytearray()
    found = []
    for octet in data:
        received.append(octet)
        found += take_frames(received)
    assert found == [(METHOD, b"abcdef"), (BODY, b"xy")] and not received


def test_a_close_is_a_failure_with_its_reason() -> None:
    arguments = struct.pack(">H", 530) + short("NOT_ALLOWED - no") + bytes(4)
    with pytest.raises(BenchFailed, match="530 NOT_ALLOWED - no"):
        take_frames(bytearray(method(0, 10, 50, arguments)))


def test_long_bodies_are_more_than_one_frame() -> None:
    data = bytes(range(256)) * 40
    frames = take_frames(bytearray(body_frames(data, 4096)))
    assert len(frames) == 3 and all(len(payload) + 8 <= 4096 for _, payload in frames)
    deliveries = Deliveries()
    deliver = struct.pack(">HH", 60, 60) + short("tag") + struct.pack(">QB", 7, 0)
    assert deliveries.whole(METHOD, deliver) is None and deliveries.tag == 7
    assert deliveries.whole(HEADER, struct.pack(">HHQH", 60, 0, len(data), 0)) is None
    assert [deliveries.whole(*each) for each in frames] == [None, None, data]


def test_confirms_one_by_one_in_any_order_and_many_at_once() -> None:
    waiting = Unconfirmed()
    for stamp in range(10, 16):
        waiting.add(stamp)

    def ack(tag: int, multiple: bool, kind: int = 80) -> bytes:
        return struct.pack(">HHQB", 60, kind, tag, multiple)

    assert waiting.confirmed(ack(2, False)) == [11]
    assert waiting.confirmed(ack(4, True)) == [10, 12, 13]
    assert len(waiting) == 2 and waiting.confirmed(struct.pack(">HH", 20, 20)) == []
    with pytest.raises(BenchFailed, match="refused"):
        waiting.confirmed(ack(5, False, 120))
