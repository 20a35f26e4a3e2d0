"""Content properties: all fourteen both ways, pika as the reference, edits of raw bytes, malformed bytes."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.spec import BasicProperties as PikaProperties

from onemq.heads.amqp091 import properties as p
from onemq.heads.amqp091 import table
from onemq.heads.amqp091.frames import AmqpWireError
from onemq.heads.amqp091.properties import (
    BasicProperties,
    decode_properties,
    drop_expiration,
    encode_properties,
    parse_flags,
    replace_headers,
    replace_property,
    with_delivery_mode,
)

SHORT = st.none() | st.text(max_size=30)
OCTET = st.none() | st.integers(0, 255)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "content_type": SHORT,
    "content_encoding": SHORT,
    "headers": st.none()
    | st.dictionaries(
        st.text(max_size=9), st.booleans() | st.text(max_size=9) | st.integers(-9, 9), max_size=4
    ),
    "delivery_mode": OCTET,
    "priority": OCTET,
    "correlation_id": SHORT,
    "reply_to": SHORT,
    "expiration": SHORT,
    "message_id": SHORT,
    "timestamp": st.none() | st.integers(0, (1 << 64) - 1),
    "type": SHORT,
    "user_id": SHORT,
    "app_id": SHORT,
    "cluster_id": SHORT,
}
ANY = st.fixed_dictionaries(FIELDS)
TEXTS = {
    "content_type": p.CONTENT_TYPE,
    "content_encoding": p.CONTENT_ENCODING,
    "correlation_id": p.CORRELATION_ID,
    "reply_to": p.REPLY_TO,
    "expiration": p.EXPIRATION,
    "message_id": p.MESSAGE_ID,
    "type": p.TYPE,
    "user_id": p.USER_ID,
    "app_id": p.APP_ID,
    "cluster_id": p.CLUSTER_ID,
}

# (octets, decoded)
CASES: list[tuple[bytes, dict[str, Any]]] = [
    (b"\x00\x00", {}),
    (b"\x10\x00\x02", {"delivery_mode": 2}),
    (b"\x08\x00\xff", {"priority": 255}),
    (b"\x80\x00\x01a", {"content_type": "a"}),
    (b"\x01\x00\x0260", {"expiration": "60"}),
    (b"\x20\x00\x00\x00\x00\x03\x01kV", {"headers": {"k": None}}),
    (b"\x00\x40\x00\x00\x00\x00\x00\x00\x01\x00", {"timestamp": 256}),
    (b"\x18\x04\x02\x05\x01c", {"delivery_mode": 2, "priority": 5, "cluster_id": "c"}),
]


def as_dict(properties: BasicProperties) -> dict[str, Any]:
    return {name: getattr(properties, name) for name in FIELDS}


@pytest.mark.parametrize(("raw", "fields"), CASES)
def test_known_octets(raw: bytes, fields: dict[str, Any]) -> None:
    assert as_dict(decode_properties(raw)) == dict.fromkeys(FIELDS) | fields
    assert encode_properties(BasicProperties(**fields)) == raw


@pytest.mark.parametrize(("raw", "fields"), CASES)
def test_cut_short_or_too_long(raw: bytes, fields: dict[str, Any]) -> None:
    for broken in [raw[:end] for end in range(len(raw))] + [raw + b"\x00"]:
        with pytest.raises(AmqpWireError) as caught:
            parse_flags(broken)
        assert caught.value.code == 502


@given(ANY)
def test_round_trip_and_pika(fields: dict[str, Any]) -> None:
    raw = encode_properties(BasicProperties(**fields))
    assert as_dict(decode_properties(raw)) == fields
    assert raw == b"".join(PikaProperties(**fields).encode())
    by_pika = PikaProperties().decode(raw)
    assert {name: getattr(by_pika, name) for name in FIELDS} == fields


@given(ANY)
def test_scan(fields: dict[str, Any]) -> None:
    raw = encode_properties(BasicProperties(**fields))
    info = parse_flags(raw)
    assert info.delivery_mode == (fields["delivery_mode"] or 0)
    assert info.priority == (-1 if fields["priority"] is None else fields["priority"])
    assert info.expiration == fields["expiration"]
    assert info.timestamp() == fields["timestamp"]
    assert info.has_headers() == (fields["headers"] is not None)
    assert info.headers() == (fields["headers"] or {})
    assert raw[info.headers_start : info.headers_end] == table.encode(fields["headers"] or {})
    for name, flag in TEXTS.items():
        assert info.text(flag) == fields[name]


@given(ANY, st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_edits(fields: dict[str, Any], headers: dict[str, Any]) -> None:
    raw = encode_properties(BasicProperties(**fields))
    assert as_dict(decode_properties(drop_expiration(raw))) == fields | {"expiration": None}
    assert as_dict(decode_properties(with_delivery_mode(raw, 1))) == fields | {"delivery_mode": 1}
    edited = replace_headers(raw, table.encode(headers))
    assert as_dict(decode_properties(edited)) == fields | {"headers": headers}
    edited = replace_property(raw, p.CLUSTER_ID, b"\x02id")
    assert as_dict(decode_properties(edited)) == fields | {"cluster_id": "id"}
    edited = replace_property(raw, p.CONTENT_TYPE, b"")
    assert as_dict(decode_properties(edited)) == fields | {"content_type": None}


@given(st.binary(max_size=40))
def test_any_bytes(raw: bytes) -> None:
    """The scan and the decoder accept the same bytes and raise nothing but AmqpWireError 502."""
    try:
        parse_flags(raw)
    except AmqpWireError as error:
        assert error.code == 502
        with pytest.raises(AmqpWireError):
            decode_properties(raw)
        return
    properties = decode_properties(raw)
    assert decode_properties(encode_properties(properties)).timestamp == properties.timestamp


def test_malformed_headers_are_found_by_the_scan() -> None:
    with pytest.raises(AmqpWireError):
        parse_flags(b"\x20\x00" + struct.pack(">I", 3) + b"\x01k?")


def test_octets_that_are_not_utf8_survive() -> None:
    raw = b"\x04\x00\x02\xff\xfe"
    assert encode_properties(decode_properties(raw)) == raw


def test_reserved_low_bits_are_ignored() -> None:
    assert parse_flags(b"\x10\x03\x02").delivery_mode == 2


@pytest.mark.parametrize(
    "fields", [{"delivery_mode": 256}, {"priority": -1}, {"timestamp": 1 << 64}, {"reply_to": "x" * 256}]
)
def test_what_does_not_fit(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encode_properties(BasicProperties(**fields))
