"""Frames: one table both ways, in whatever pieces they come; limits, RabbitMQ's error texts, any bytes at all."""

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter
from pika import frame as pika_frame
from pika import spec as pika_spec

from onemq.heads.amqp091 import codec as c
from onemq.heads.amqp091.codec import Codec
from onemq.heads.amqp091.frames import (
    BASIC_PUBLISH,
    BODY,
    HEADER,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    NEED_DATA,
    PROTOCOL_HEADER,
    PROTOCOL_HEADER_0_9_1,
    AmqpWireError,
    octets_text,
    reply_text,
    short_string,
)
from onemq.heads.amqp091.methods import BasicAck, BasicPublish, ConnectionCloseOk, decode_method

Frame = tuple[int, int, bytes]


def drain(codec: Codec) -> list[Frame]:
    frames = []
    while (kind := codec.next()) != NEED_DATA:
        frames.append((int(kind), int(codec.channel), codec.data[codec.payload_start : codec.payload_end]))
    return frames


def frame(kind: int, channel: int, payload: bytes, end: int = 0xCE) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([end])


def written(write: Any, *arguments: Any) -> bytes:
    writer = BytesWriter()
    write(writer, *arguments)
    return writer.getvalue()


CLOSE_OK = b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x33\xce"
PUBLISH = (
    b"\x01\x00\x05\x00\x00\x00\x0b\x00\x3c\x00\x28\x00\x00\x01e\x01k\x01\xce"
    b"\x02\x00\x05\x00\x00\x00\x0f\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x10\x00\x02\xce"
    b"\x03\x00\x05\x00\x00\x00\x02hi\xce"
)
PUBLISH_FRAMES: list[Frame] = [
    (METHOD, 5, b"\x00\x3c\x00\x28\x00\x00\x01e\x01k\x01"),
    (HEADER, 5, b"\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x10\x00\x02"),
    (BODY, 5, b"hi"),
]
ADDRESS = b"\x01e\x01k"
ACK = b"\x01\xff\xff\x00\x00\x00\x0d\x00\x3c\x00\x50\x00\x00\x00\x00\x00\x00\x01\x00\x01\xce"

# (octets, what they are read as, what writes them)
CASES: list[tuple[bytes, list[Frame], bytes]] = [
    (
        CLOSE_OK,
        [(METHOD, 0, b"\x00\x0a\x00\x33")],
        written(c.write_method_frame, 0, ConnectionCloseOk().encode()),
    ),
    (HEARTBEAT_FRAME, [(HEARTBEAT, 0, b"")], written(c.write_heartbeat)),
    (PUBLISH, PUBLISH_FRAMES, written(c.write_publish, 5, ADDRESS, True, b"\x10\x00\x02", b"hi", 4096)),
    (ACK, [(METHOD, 65535, ACK[7:-1])], written(c.write_ack, 65535, 256, True)),
    (
        b"\x01\x00\x01\x00\x00\x00\x0d\x00\x3c\x00\x78\x00\x00\x00\x00\x00\x00\x00\x07\x02\xce",
        [(METHOD, 1, b"\x00\x3c\x00\x78\x00\x00\x00\x00\x00\x00\x00\x07\x02")],
        written(c.write_nack, 1, 7, False),
    ),
    (
        b"\x01\x80\x00\x00\x00\x00\x14\x00\x3c\x00\x3c\x02ct\x00\x00\x00\x00\x00\x00\x00\x09\x01\x01e\x01k\xce"
        b"\x02\x80\x00\x00\x00\x00\x0e\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce",
        [
            (METHOD, 32768, b"\x00\x3c\x00\x3c\x02ct\x00\x00\x00\x00\x00\x00\x00\x09\x01\x01e\x01k"),
            (HEADER, 32768, b"\x00\x3c\x00\x00" + bytes(8) + b"\x00\x00"),
        ],
        written(c.write_deliver, 32768, b"\x02ct", 9, True, ADDRESS, b"\x00\x00", b"", 4096),
    ),
]
ALL_OCTETS = b"".join(octets for octets, _, _ in CASES)
ALL_FRAMES = [one for _, frames, _ in CASES for one in frames]


@pytest.mark.parametrize(("octets", "frames", "by_writer"), CASES)
def test_both_ways(octets: bytes, frames: list[Frame], by_writer: bytes) -> None:
    assert by_writer == octets
    codec = Codec(4096, False)
    codec.feed(octets)
    assert drain(codec) == frames


@pytest.mark.parametrize(("octets", "frames", "by_writer"), CASES)
def test_with_trailing_bytes(octets: bytes, frames: list[Frame], by_writer: bytes) -> None:
    for rest in range(len(CLOSE_OK)):
        codec = Codec(4096, False)
        codec.feed(octets + CLOSE_OK[:rest])
        assert drain(codec) == frames
        assert codec.unread() == CLOSE_OK[:rest]


def test_byte_by_byte() -> None:
    codec = Codec(4096)
    frames = []
    for octet in PROTOCOL_HEADER_0_9_1 + ALL_OCTETS:
        codec.feed(bytes([octet]))
        frames += drain(codec)
    assert frames == [(PROTOCOL_HEADER, 0, PROTOCOL_HEADER_0_9_1), *ALL_FRAMES]


@given(st.lists(st.integers(0, len(ALL_OCTETS)), max_size=12), st.booleans())
def test_any_pieces(cuts: list[int], drained_between: bool) -> None:
    codec = Codec(0, False)
    frames = []
    edges = [0, *sorted(cuts), len(ALL_OCTETS)]
    for start, end in itertools.pairwise(edges):
        codec.feed(ALL_OCTETS[start:end])
        if drained_between:
            frames += drain(codec)
    assert frames + drain(codec) == ALL_FRAMES


def test_feeding_between_frames_keeps_what_is_unread() -> None:
    codec = Codec(4096, False)
    codec.feed(CLOSE_OK + PUBLISH[:30])
    assert codec.next() == METHOD
    codec.feed(PUBLISH[30:])
    assert drain(codec) == PUBLISH_FRAMES


def test_large_frame_in_many_pieces() -> None:
    payload = bytes(range(256)) * 4096
    codec = Codec(0, False)
    data = frame(BODY, 1, payload) + CLOSE_OK
    for start in range(0, len(data), 500):
        assert start == 0 or codec.next() == NEED_DATA
        codec.feed(data[start : start + 500])
    assert drain(codec) == [(BODY, 1, payload), (METHOD, 0, b"\x00\x0a\x00\x33")]


@pytest.mark.parametrize("sent", [PROTOCOL_HEADER_0_9_1, b"AMQP\x00\x01\x00\x00", b"GET / HT"])
def test_protocol_header_is_handed_out_as_it_came(sent: bytes) -> None:
    codec = Codec(4096)
    codec.feed(sent[:3])
    assert codec.next() == NEED_DATA
    codec.feed(sent[3:] + b"rest")
    assert codec.next() == PROTOCOL_HEADER
    assert codec.data[codec.payload_start : codec.payload_end] == sent
    assert codec.unread() == b"rest"
    assert codec.next() == NEED_DATA


# Texts as RabbitMQ's reader words them.
BROKEN: list[tuple[bytes, int, str]] = [
    (
        struct.pack(">BHI", 1, 0, 4097),
        501,
        "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4097,4088}",
    ),
    (
        struct.pack(">BHI", 3, 0, 0xFFFFFFFF),
        501,
        "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4294967295,4088}",
    ),
    (
        frame(3, 1, b"hello", end=0xCF),
        501,
        'FRAME_ERROR - type 3, all octets = <<"hello">>: {invalid_frame_end_marker,207}',
    ),
    (
        frame(2, 1, bytes(range(20)), end=0),
        501,
        "FRAME_ERROR - type 2, first 16 octets = <<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15>>: "
        "{invalid_frame_end_marker,0}",
    ),
    (frame(4, 0, b'a"b'), 501, 'FRAME_ERROR - type 4, all octets = <<"a\\"b">>: unknown_frame'),
    (frame(1, 0, b"\x00\x0a\x00"), 501, "FRAME_ERROR - type 1, all octets = <<0,10,0>>: unknown_frame"),
    (
        frame(2, 1, bytes(11)),
        501,
        "FRAME_ERROR - type 2, all octets = <<0,0,0,0,0,0,0,0,0,0,0>>: unknown_frame",
    ),
    (frame(8, 0, b"x"), 501, 'FRAME_ERROR - type 8, all octets = <<"x">>: unknown_frame'),
    (frame(8, 7, b""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>"),
]


@pytest.mark.parametrize(("octets", "code", "text"), BROKEN)
@pytest.mark.parametrize("step", [1, 1000])
def test_broken_frames(octets: bytes, code: int, text: str, step: int) -> None:
    codec = Codec(4096, False)
    data = CLOSE_OK + octets
    frames = []
    with pytest.raises(AmqpWireError) as caught:
        for start in range(0, len(data), step):
            codec.feed(data[start : start + step])
            frames += drain(codec)
            if step == 1000:
                pytest.fail("no error")
    assert (caught.value.code, caught.value.text) == (code, text)
    codec.feed(HEARTBEAT_FRAME)
    in_step = "frame_too_large" not in text and "end_marker" not in text
    assert drain(codec) == ([(HEARTBEAT, 0, b"")] if in_step else [])


def test_frame_size_limit_has_rabbits_tolerance_and_may_change() -> None:
    codec = Codec(4096, False)
    codec.feed(frame(BODY, 1, bytes(4096)))
    assert drain(codec) == [(BODY, 1, bytes(4096))]
    codec.frame_bytes_max = 8192
    codec.feed(frame(BODY, 1, bytes(8192)))
    assert drain(codec) == [(BODY, 1, bytes(8192))]
    codec.frame_bytes_max = 0
    codec.feed(frame(BODY, 1, bytes(200000)))
    assert drain(codec) == [(BODY, 1, bytes(200000))]


@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans())
def test_any_bytes(pieces: list[bytes], expect_header: bool) -> None:
    """Frames or one AmqpWireError; whatever the pieces."""

    def run(fed: list[bytes]) -> list[object]:
        codec = Codec(4096, expect_header)
        seen: list[object] = []
        try:
            for piece in fed:
                codec.feed(piece)
                while (kind := codec.next()) != NEED_DATA:
                    seen.append(
                        (int(kind), int(codec.channel), codec.data[codec.payload_start : codec.payload_end])
                    )
        except AmqpWireError as error:
            seen.append((error.code, error.text))
        return seen

    assert run(pieces) == run([b"".join(pieces)])


@given(st.data())
def test_damaged_stream(data: st.DataObject) -> None:
    """One wrong octet anywhere: never another exception, never a frame beyond the stream."""
    at = data.draw(st.integers(0, len(ALL_OCTETS) - 1))
    damaged = ALL_OCTETS[:at] + bytes([data.draw(st.integers(0, 255))]) + ALL_OCTETS[at + 1 :]
    codec = Codec(4096, False)
    codec.feed(damaged)
    try:
        for kind, _channel, payload in drain(codec):
            if kind == METHOD:
                decode_method(payload, 0, len(payload))
    except AmqpWireError as error:
        assert error.code in (501, 502, 503, 505)


@given(st.text(max_size=60), st.text(max_size=60), st.booleans(), st.booleans())
def test_publish_address_in_place(exchange: str, routing_key: str, mandatory: bool, immediate: bool) -> None:
    payload = BasicPublish(exchange, routing_key, mandatory, immediate).encode()
    data = b"??" + payload + b"\xce"
    end = 2 + len(payload)
    assert c.method_key(data, 2) == BASIC_PUBLISH
    bits_at = c.publish_bits_at(data, 2, end)
    assert data[8:bits_at] == short_string(exchange) + short_string(routing_key)
    assert data[bits_at] == (1 if mandatory else 0) | (2 if immediate else 0)
    for wrong_end in range(6, end):
        with pytest.raises(AmqpWireError) as caught:
            c.publish_bits_at(data, 2, wrong_end)
        assert (caught.value.code, caught.value.class_id, caught.value.method_id) == (501, 60, 40)
    with pytest.raises(AmqpWireError):
        c.publish_bits_at(data, 2, end + 1)


def test_settlement_in_place() -> None:
    payload = BasicAck(1 << 40, True).encode()
    assert c.settlement_tag(b"?" + payload, 1, 14) == 1 << 40
    for end in (13, 15):
        with pytest.raises(AmqpWireError) as caught:
            c.settlement_tag(b"?" + payload + b"?", 1, end)
        assert (caught.value.code, caught.value.class_id, caught.value.method_id) == (501, 60, 80)


def test_content_header_in_place() -> None:
    data = b"?" + struct.pack(">HHQ", 60, 65535, 1 << 40)
    assert (c.content_class(data, 1), c.content_weight(data, 1)) == (60, 65535)
    assert c.content_body_bytes(data, 1) == 1 << 40
    assert c.content_body_bytes(b"\xff" * 12, 0) < 0


@given(st.integers(0, 30000), st.sampled_from([0, 4096, 8192, 131072]))
def test_body_is_cut_to_the_frame_size(size: int, frame_bytes_max: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    octets = written(c.write_content, 1, b"\x00\x00", body, frame_bytes_max)
    codec = Codec(0, False)
    codec.feed(octets)
    header, *pieces = drain(codec)
    assert header == (HEADER, 1, struct.pack(">HHQH", 60, 0, size, 0))
    assert b"".join(payload for _, _, payload in pieces) == body
    assert all(kind == BODY and payload for kind, _, payload in pieces)
    if frame_bytes_max:
        assert all(len(payload) + 8 <= frame_bytes_max for _, _, payload in pieces)
        assert len(pieces) == -(-size // (frame_bytes_max - 8))


def by_pika(channel: int, method: Any, properties: Any, body: bytes) -> bytes:
    parts: list[bytes] = [
        pika_frame.Method(channel, method).marshal(),
        pika_frame.Header(channel, len(body), properties).marshal(),
        pika_frame.Body(channel, body).marshal(),
    ]
    return b"".join(parts)


@given(
    st.integers(1, 65535),
    st.integers(0, (1 << 63) - 1),
    st.booleans(),
    st.text(max_size=60),
    st.integers(0, (1 << 32) - 1),
)
def test_content_writers_as_pika(channel: int, tag: int, flag: bool, name: str, count: int) -> None:
    spec = pika_spec.Basic
    props = pika_spec.BasicProperties(delivery_mode=2)
    raw = b"\x10\x00\x02"
    address = short_string("ex") + short_string(name)
    assert written(
        c.write_deliver, channel, short_string("ct"), tag, flag, address, raw, b"body", 4096
    ) == by_pika(channel, spec.Deliver("ct", tag, flag, "ex", name), props, b"body")
    assert written(c.write_get_ok, channel, tag, flag, address, count, raw, b"body", 4096) == by_pika(
        channel, spec.GetOk(tag, flag, "ex", name, count), props, b"body"
    )
    assert written(
        c.write_return, channel, 312, short_string("NO_ROUTE"), address, raw, b"body", 4096
    ) == by_pika(channel, spec.Return(312, "NO_ROUTE", "ex", name), props, b"body")
    assert written(c.write_publish, channel, address, flag, raw, b"body", 4096) == by_pika(
        channel, spec.Publish(0, "ex", name, flag), props, b"body"
    )
    assert (
        written(c.write_ack, channel, tag, flag) == pika_frame.Method(channel, spec.Ack(tag, flag)).marshal()
    )
    for requeue in (False, True):
        nack = pika_frame.Method(channel, spec.Nack(tag, flag, requeue)).marshal()
        assert written(c.write_nack, channel, tag, flag, requeue) == nack


def test_reply_text_fits_a_short_string() -> None:
    assert reply_text(404, "no queue 'q' in vhost '/'") == "NOT_FOUND - no queue 'q' in vhost '/'"
    for filler in ("x", "é", "€"):
        cut = reply_text(404, filler * 300)
        assert cut.endswith(filler + "...")
        assert 250 <= len(cut.encode()) <= 255
    assert reply_text(404, "x" * 243).endswith("x") and len(reply_text(404, "x" * 243)) == 255


def test_octets_as_erlang_prints_them() -> None:
    assert octets_text(b"") == "<<>>"
    assert octets_text(b"AMQP") == '<<"AMQP">>'
    assert octets_text(b"\x00\x01\xff") == "<<0,1,255>>"
