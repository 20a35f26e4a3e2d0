"""Messages to records and back: what is read of headers, what a delivery adds, what others' records become."""

import json

import pytest

from onemq.heads.amqp091 import table
from onemq.heads.amqp091.mapping import (
    carbon_copies,
    delay_ms,
    delivery_properties,
    expiration_ms,
    extra_routing_keys,
    record_headers,
    routing_headers,
    with_long_header,
    without_copies,
)
from onemq.heads.amqp091.properties import BasicProperties, decode_properties, encode_properties, parse_flags
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.table import Decimal, FieldValue, Timestamp
from onemq.model.record import NATIVE_AMQP091, Address, Death, Deaths, Record


def amqp_record(properties: BasicProperties, routing_key: str = "k") -> Record:
    record = Record(b"body", Address("x", routing_key), NATIVE_AMQP091, encode_properties(properties))
    if properties.headers is not None:
        record.headers = record_headers(properties.headers)
    return record


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("60000", 60000), ("4294967296", 4294967296), ("9" * 30, 10**15)]
)
def test_expiration(text: str, expected: int) -> None:
    assert expiration_ms(text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no_integer"),
        ("soon", "no_integer"),
        ("-1", "{value_negative,-1}"),
        ("1.5", '{leftover_string,".5"}'),
        ("٣", "no_integer"),
    ],
)
def test_invalid_expiration(text: str, error: str) -> None:
    with pytest.raises(AmqpRefusal) as caught:
        expiration_ms(text)
    assert caught.value.explanation == f"invalid expiration '{text}': {error}"


def test_what_other_protocols_see_of_headers() -> None:
    headers: dict[str, FieldValue] = {
        "text": "ü",
        "raw": b"\xff",
        "yes": True,
        "number": -5,
        "none": None,
        "when": Timestamp(7),
        "price": Decimal(2, 125),
        "nested": {"list": [1, "two", {"deep": None}]},
        "BCC": ["secret"],
    }
    seen = dict(record_headers(headers))
    assert seen["text"] == "ü".encode() and seen["raw"] == b"\xff" and seen["none"] is None
    assert (seen["yes"], seen["number"], seen["when"], seen["price"]) == (b"true", b"-5", b"7", b"1.25")
    assert json.loads(seen["nested"] or b"") == {"list": [1, "two", {"deep": None}]}
    assert "BCC" not in seen


def test_routing_sees_typed_values_and_the_hashable_properties() -> None:
    properties = BasicProperties(
        headers={"n": 1, "flag": False, "at": Timestamp(9)}, message_id="m", correlation_id="c", timestamp=3
    )
    info = parse_flags(encode_properties(properties))
    assert routing_headers(info.headers(), info) == {
        "n": 1,
        "flag": False,
        "at": 9,
        "message_id": "m",
        "correlation_id": "c",
        "timestamp": 3,
    }


@pytest.mark.parametrize(
    ("value", "expected"), [(500, 500), ("250", 250), (0, 0), (-500, 0), (True, 0), ("soon", 0), (1.5, 0)]
)
def test_delays(value: FieldValue, expected: int) -> None:
    assert delay_ms({"x-delay": value}) == expected


def test_copies_must_be_lists() -> None:
    assert extra_routing_keys({"CC": ["a", 1, "b"]}, "CC") == ["a", "b"]
    with pytest.raises(AmqpRefusal, match="unacceptable_type_in_header"):
        extra_routing_keys({"CC": "a"}, "CC")


def test_a_living_record_is_delivered_as_it_came() -> None:
    record = amqp_record(BasicProperties(content_type="text/plain", headers={"a": 1}, delivery_mode=2))
    assert delivery_properties(record) == record.native


def test_bcc_is_shown_to_nobody_but_still_routes() -> None:
    record = amqp_record(BasicProperties(headers={"CC": ["c"], "BCC": ["b"], "a": 1}))
    assert decode_properties(delivery_properties(record)).headers == {"CC": ["c"], "a": 1}
    assert carbon_copies(record, ("CC", "BCC")) == ["c", "b"]
    assert carbon_copies(record, ("CC",)) == ["c"]
    assert decode_properties(without_copies(record.native)).headers == {"a": 1}


def test_one_more_long_header() -> None:
    raw = with_long_header(encode_properties(BasicProperties(headers={"a": 1})), "x-stream-offset", 5)
    assert b"\x0fx-stream-offsetl" in raw
    assert decode_properties(raw).headers == {"a": 1, "x-stream-offset": 5}
    bare = with_long_header(encode_properties(BasicProperties(app_id="app")), "x-stream-offset", 5)
    assert decode_properties(bare).headers == {"x-stream-offset": 5}
    assert decode_properties(bare).app_id == "app"


def test_deaths_as_rabbitmq_shapes_them() -> None:
    record = amqp_record(BasicProperties(headers={"mine": "kept", "x-death": "forged"}, expiration="1000"))
    latest = Death("second", "rejected", "dlx", ["k"], 5_500, 2)
    first = Death("first", "expired", "x", ["k", "c"], 4_000)
    record.deaths = Deaths([latest, first], ("first", "expired", "x"), ("second", "rejected", "dlx"))
    raw = delivery_properties(record)
    properties = decode_properties(raw)
    assert properties.expiration is None
    assert properties.headers == {
        "mine": "kept",
        "x-first-death-queue": "first",
        "x-first-death-reason": "expired",
        "x-first-death-exchange": "x",
        "x-last-death-queue": "second",
        "x-last-death-reason": "rejected",
        "x-last-death-exchange": "dlx",
        "x-death": [
            {
                "count": 2,
                "reason": "rejected",
                "queue": "second",
                "time": Timestamp(5),
                "exchange": "dlx",
                "routing-keys": ["k"],
            },
            {
                "count": 1,
                "reason": "expired",
                "queue": "first",
                "time": Timestamp(4),
                "exchange": "x",
                "routing-keys": ["k", "c"],
                "original-expiration": "1000",
            },
        ],
    }
    # Typed clients (Go, Java) take counts for 64-bit integers and nothing else.
    assert b"\x05countl\x00\x00\x00\x00\x00\x00\x00\x02" in raw


def test_a_record_of_another_protocol() -> None:
    record = Record(b"body", Address("", "orders"), volatile=False, priority=3)
    record.key = b"customer-7"
    record.timestamp_ms = 12_345
    record.headers = [("trace", b"abc"), ("empty", None), ("x" * 300, b"too long a name")]
    properties = decode_properties(delivery_properties(record))
    assert properties.headers == {"trace": "abc", "empty": None, "x-key": "customer-7"}
    assert (properties.delivery_mode, properties.priority, properties.timestamp) == (2, 3, 12)


def test_headers_that_are_not_utf8_survive() -> None:
    raw_table = b"\x01\xffS\x00\x00\x00\x01\xfe"
    headers = table.decode(raw_table, 0, len(raw_table))
    assert [content for _, content in record_headers(headers)] == [b"\xfe"]
    nested = record_headers({"n": [headers]})
    assert json.loads(nested[0][1] or b"") == [{"�": "�"}]
